import { duration, flag, object, optional, whole } from "../../core/shape.ts";
import { FaultError, type Fault } from "../rule.ts";
import { brokersOf, checkBroker, where, type Where } from "./support/where.ts";

interface Options {
  broker?: Where;
  /** Milliseconds that it is away. */
  down: number;
  /** Kafka: the last records of each partition had not reached the disk. */
  records?: number | undefined;
  /** Kafka and MQTT: nor had what came in the last milliseconds. A second's when nothing is said. */
  last?: number | undefined;
  unclean: boolean;
}

/**
 * A broker's machine goes down and comes back without what had not reached its disk. Kafka: the tail of
 * the partitions it led, where no other in-sync replica has it. MQTT: sessions that end with their
 * connection, and what the others and the retained messages got last. AMQP: transient messages, and
 * exchanges and queues that are not durable.
 */
const crash: Fault<Options> = {
  name: "crash",
  summary:
    "a { broker } comes back after { down } without its last { records }, or what came in the { last } second; { unclean: true }: also where replicas took over",
  options: object({
    broker: where,
    down: optional(duration, 1000),
    records: optional(whole(1)),
    last: optional(duration),
    unclean: optional(flag, false),
  }),
  check({ broker, records, last }, match, world) {
    checkBroker("crash", broker, match, world);
    const isOnly = (protocol: "mqtt" | "amqp"): boolean =>
      broker === protocol || (typeof broker !== "number" && match.protocol === protocol);
    if (records !== undefined && (isOnly("mqtt") || isOnly("amqp")))
      throw new FaultError("records are Kafka's; MQTT takes { last }", ["records"]);
    if (last !== undefined && isOnly("amqp"))
      throw new FaultError(
        "AMQP loses what is transient, whenever it came: persistent messages are on the disk before they are confirmed",
        ["last"],
      );
  },
  async act({ broker: which, down, records, last, unclean }, match, broker, { clock }) {
    const ms = last ?? (records === undefined ? 1000 : undefined);
    const crashed = brokersOf(which, match, broker);
    for (const one of crashed) broker.crashBroker(one, { ...(records && { records }), ...(ms && { ms }), ...(unclean && { unclean }) });
    await clock.sleep(down);
    for (const one of crashed) broker.restartBroker(one);
  },
};

export default crash;
