// AMQP 0-9-1 without confirms and with automatic acknowledgement, 100-byte payloads: null server, RabbitMQ and havoq.
import { compare } from "./lib/compare.ts";
import { startHavoq } from "./peers/havoq.ts";
import { startNull } from "./peers/null.ts";
import { startRabbitMQ } from "./peers/rabbitmq.ts";

await compare({
  protocol: "amqp",
  peers: ["rabbitmq"],
  contestants: [
    { name: "null", start: () => startNull("amqp") },
    { name: "rabbitmq", start: startRabbitMQ },
    { name: "havoq", start: () => startHavoq("amqp") },
  ],
  cases: [{ name: "no confirms, 1 to 1", flags: {} }],
});
