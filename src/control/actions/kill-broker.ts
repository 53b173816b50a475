import { action } from "../action.ts";
import { broker } from "../arguments.ts";

declare module "../../hooks/plugin.ts" {
  interface ControlActions {
    /**
     * A broker goes away, its connections are reset. Kafka: its partitions get other leaders where they have
     * replicas. MQTT: sessions that outlive connections stay. AMQP: what is durable stays, with the persistent messages.
     */
    killBroker(broker: BrokerName): void;
  }
}

export default action({
  name: "killBroker",
  summary: "A broker goes away, its connections are reset; it is down until `restartBroker`",
  takes: [broker],
  run(on, broker) {
    if (typeof broker === "number") on.part("kafka").killBroker(broker);
    else on.die(broker);
  },
  heal(on) {
    // Of a broker that is paused the cluster says that it is down, too: it only has to go on.
    for (const { broker, up, paused } of on.brokers()) if (!up && !paused) on.restart(broker);
  },
});
