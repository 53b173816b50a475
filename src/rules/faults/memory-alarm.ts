import { noOptions, type Fault } from "../rule.ts";

/**
 * AMQP publishers are told `connection.blocked` and not read from, as when a RabbitMQ is low on memory;
 * `connection.unblocked` when it is over. Kafka and MQTT have no such word: `throttle` and
 * `error: { code: "Quota exceeded" }` come nearest.
 */
const memoryAlarm: Fault<object> = {
  name: "memory-alarm",
  summary: "AMQP publishers are blocked until it is over",
  options: noOptions,
  protocols: ["amqp"],
  act(_options, _match, broker) {
    broker.raiseAlarm();
    return () => broker.clearAlarm();
  },
};

export default memoryAlarm;
