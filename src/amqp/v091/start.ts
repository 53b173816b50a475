import type { AmqpConnection } from "./connection.ts";
import { FieldTable } from "./fields.ts";

/** What clients ask before they use an extension. */
const CAPABILITIES = {
  publisher_confirms: true,
  exchange_exchange_bindings: true,
  "basic.nack": true,
  consumer_cancel_notify: true,
  "connection.blocked": true,
  consumer_priorities: true,
  authentication_failure_close: true,
  per_consumer_qos: true,
  direct_reply_to: true,
};

const SERVER_PROPERTIES = FieldTable.of({
  capabilities: CAPABILITIES,
  cluster_name: "havoq",
  copyright: "",
  information: "An AMQP 0-9-1 broker for tests",
  platform: "Bun",
  product: "havoq",
  // Clients switch on features by the version of RabbitMQ; this is the one whose behaviour is followed.
  version: "3.10.8",
});

/** The client has sent its header: says what this server is. */
export function start(session: AmqpConnection): void {
  session.send(0, "connection.start", {
    versionMajor: 0,
    versionMinor: 9,
    serverProperties: SERVER_PROPERTIES,
    mechanisms: Buffer.from("PLAIN AMQPLAIN"),
    locales: Buffer.from("en_US"),
  });
}
