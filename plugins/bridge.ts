/**
 * Turns an MQTT reading above a limit into a Kafka record and an AMQP message.
 *
 * A reading is JSON such as `{ "value": 31.5 }` on `sensors/<name>/temperature`. The record is keyed
 * by the sensor, so that its alerts stay in order.
 */
import { definePlugin } from "havoq";

interface Options {
  /** MQTT topic filter of the readings. */
  from?: string;
  /** Readings above this are passed on. */
  limit?: number;
  /** Kafka topic. */
  topic?: string;
  /** AMQP exchange and routing key; the default exchange routes to the queue of that name. */
  exchange?: string;
  routingKey?: string;
}

export default definePlugin(
  ({ from = "sensors/+/temperature", limit = 30, topic = "alerts", exchange = "", routingKey = "alerts" }: Options = {}) => ({
    message: {
      match: { protocol: "mqtt", topic: from },
      run(message, at) {
        const value = message.json()?.value;
        if (typeof value !== "number" || value <= limit) return;
        const sensor = message.destination;
        const alert = { sensor, value, limit };
        at.broker.publish({ protocol: "kafka", topic, key: sensor, payload: alert });
        at.broker.publish({ protocol: "amqp", exchange, routingKey, payload: alert });
        at.counters.add("alerts");
      },
    },
  }),
);
