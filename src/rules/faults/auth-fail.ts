import { noOptions, type Fault } from "../rule.ts";
import { drop, fail, reply, type AmqpMessage, type Match, type Operation, type Plugin } from "../../hooks/plugin.ts";
import { namesContent, placeOf } from "./support/place.ts";

/** Kafka's operations, by what a client is not authorized for. */
const ON_TOPICS: ReadonlySet<string> = new Set([
  "Produce",
  "Fetch",
  "ListOffsets",
  "Metadata",
  "CreateTopics",
  "DeleteTopics",
  "DeleteRecords",
  "CreatePartitions",
  "OffsetForLeaderEpoch",
  "DescribeTopicPartitions",
]);
const ON_GROUPS: ReadonlySet<string> = new Set([
  "OffsetCommit",
  "OffsetFetch",
  "OffsetDelete",
  "FindCoordinator",
  "JoinGroup",
  "SyncGroup",
  "Heartbeat",
  "LeaveGroup",
  "DescribeGroups",
  "DeleteGroups",
]);

/**
 * The login is refused; where the rule names an operation, a topic, an exchange and the like, the client
 * may come in but may not do that.
 */
const authFail: Fault = {
  name: "auth-fail",
  summary: "the login is refused, or what the rule names is not authorized",
  options: noOptions,
  plugin: (_options, match) => (namesContent(match) ? access(match) : LOGIN),
};

const LOGIN: Plugin = {
  request: [
    { match: { protocol: "kafka", operation: "SaslAuthenticate" }, run: () => fail("SASL_AUTHENTICATION_FAILED", "auth-fail") },
    {
      match: { protocol: "amqp", operation: "connection.start-ok" },
      run: ({ body }) => fail("ACCESS_REFUSED", loginRefused(body.mechanism)),
    },
  ],
  connect: { match: { protocol: "mqtt" }, run: () => fail("Not authorized", "auth-fail") },
};

function loginRefused(mechanism: string): string {
  return `Login was refused using authentication mechanism ${mechanism}. For details see the broker logfile.`;
}

function access(match: Match): Plugin {
  const message = placeOf(match) === "message";
  return {
    request: [
      {
        match: {
          protocol: "kafka",
          ...(match.operation === undefined ? { operation: [...(match.group === undefined ? ON_TOPICS : ON_GROUPS)] } : {}),
        },
        run: kafka,
      },
      { match: { protocol: "mqtt", ...(match.operation === undefined ? { operation: ["PUBLISH", "SUBSCRIBE"] } : {}) }, run: mqtt },
      // What is published is refused with its message, below.
      ...(message ? [] : [{ match: { protocol: "amqp" as const }, run: amqpMethod }]),
    ],
    ...(message ? { message: { match: { protocol: "amqp" }, run: (event) => amqpMessage(event as AmqpMessage) } } : {}),
  };
}

function kafka({ operation }: Operation) {
  if (ON_TOPICS.has(operation)) return fail("TOPIC_AUTHORIZATION_FAILED", "auth-fail");
  return fail(ON_GROUPS.has(operation) ? "GROUP_AUTHORIZATION_FAILED" : "CLUSTER_AUTHORIZATION_FAILED", "auth-fail");
}

/** As Mosquitto does it: below 5.0, and in QoS 0, what may not be published is gone without a word. */
function mqtt({ operation, version, body }: Operation) {
  if (operation !== "PUBLISH") return fail("Not authorized", "auth-fail");
  if (body.qos === 0) return drop("auth-fail");
  return version < 5 ? reply({ code: 0 }, "auth-fail") : fail("Not authorized", "auth-fail");
}

function amqpMethod({ operation, connection, body }: Operation) {
  const what =
    operation.startsWith("queue.") || body.queue !== undefined
      ? `queue '${body.queue}'`
      : `exchange '${body.exchange ?? body.destination ?? ""}'`;
  return fail("ACCESS_REFUSED", `access to ${what} in vhost '/' refused for user '${connection.user}'`);
}

function amqpMessage({ exchange, vhost, connection }: AmqpMessage) {
  return fail("ACCESS_REFUSED", `access to exchange '${exchange}' in vhost '${vhost}' refused for user '${connection?.user ?? ""}'`);
}

export default authFail;
