import { compilePattern } from "../../hooks/match.ts";
import type { Outgoing } from "../../hooks/plugin.ts";
import type { Havoq } from "../../havoq.ts";
import { browse } from "../../kafka/broker/inspect.ts";
import { answers, ApiError, createRoute, Done, enabled, missing, route, takes, Whole, z, type Resource } from "../api.ts";
import { payloadOf, StoredMessage } from "../message.ts";
import { ofHeld, ofRecord, ofRetained } from "../stored.ts";

const common = {
  /** An object is written as JSON; with `encoding: base64` a text stands for bytes. */
  payload: z.unknown(),
  encoding: z.enum(["text", "base64"]).default("text"),
  headers: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])).optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
};
const NewMessage = z
  .discriminatedUnion("protocol", [
    z.strictObject({
      protocol: z.literal("kafka"),
      topic: z.string(),
      partition: z.int().optional(),
      key: z.string().nullable().optional(),
      ...common,
    }),
    z.strictObject({
      protocol: z.literal("mqtt"),
      topic: z.string(),
      qos: z.union([z.literal(0), z.literal(1), z.literal(2)]).optional(),
      retain: z.boolean().optional(),
      ...common,
    }),
    z.strictObject({
      protocol: z.literal("amqp"),
      exchange: z.string().optional(),
      routingKey: z.string().optional(),
      vhost: z.string().optional(),
      ...common,
    }),
  ])
  .openapi("NewMessage");

const Query = z.strictObject({
  protocol: z.enum(["kafka", "mqtt", "amqp"]).optional(),
  /** Topic or queue, with wildcards. */
  destination: z.string().optional(),
  /** In the payload. */
  text: z.string().optional(),
  /** The whole key or routing key, with wildcards. */
  key: z.string().optional(),
  /** `name` or `name:value`. */
  header: z.string().optional(),
  limit: Whole.optional(),
});
const Found = z
  .object({
    messages: z.array(StoredMessage),
    /** How many were looked at. */
    scanned: z.int(),
    /** Not all were: there were too many, or enough was found. */
    truncated: z.boolean(),
  })
  .openapi("Found");

const FOUND_MOST = 1000;
const SCANNED_MOST = 1_000_000;
/** Messages between two turns of the event loop: clients are not to notice a search. */
const AT_ONCE = 500;

const messages: Resource = (api, havoq) => {
  route(
    api,
    createRoute({
      method: "post",
      path: "/api/messages",
      operationId: "publish",
      tags: ["messages"],
      summary: "Puts a message on a topic or exchange of any protocol as a client would, past the `message` hooks",
      request: { body: takes(NewMessage) },
      responses: answers(Done, "It is stored or routed"),
    }),
    (c) => {
      const { payload, encoding, ...message } = c.req.valid("json");
      const { protocol } = message;
      enabled(protocol, havoq[protocol]);
      if (message.protocol === "amqp") {
        const { vhost = "/", exchange = "" } = message;
        const { vhosts } = havoq.amqp!;
        const place = vhosts.get(vhost) ?? missing("vhost", vhost, vhosts.keys());
        if (!place.exchanges.has(exchange)) missing("exchange", exchange, place.exchanges.keys());
      }
      try {
        havoq.control.publish({ ...message, payload: payloadOf(payload, encoding) } as Outgoing);
      } catch (error) {
        throw error instanceof ApiError ? error : new ApiError(400, (error as Error).message);
      }
      return c.json({ done: true as const }, 200);
    },
  );

  route(
    api,
    createRoute({
      method: "get",
      path: "/api/messages/search",
      operationId: "search",
      tags: ["messages"],
      summary: "Messages that Kafka topics, AMQP queues and MQTT's retained topics hold, by text, key or header",
      request: { query: Query },
      responses: answers(Found, "What was found"),
    }),
    async (c) => {
      const { limit = 100, ...wanted } = c.req.valid("query");
      c.env.patience();
      const fits = test(wanted);
      const found: StoredMessage[] = [];
      let scanned = 0;
      for (const message of stored(havoq, wanted)) {
        if (found.length >= Math.min(limit, FOUND_MOST) || scanned >= SCANNED_MOST)
          return c.json({ messages: found, scanned, truncated: true }, 200);
        if (++scanned % AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
        if (fits(message)) found.push(message);
      }
      return c.json({ messages: found, scanned, truncated: false }, 200);
    },
  );
};

type Wanted = Omit<z.output<typeof Query>, "limit">;

function* stored(havoq: Havoq, { protocol, destination }: Wanted): Generator<StoredMessage> {
  const meant = destination === undefined ? () => true : compilePattern(destination, true);
  const { kafka, mqtt, amqp } = havoq;
  if (kafka !== null && (protocol ?? "kafka") === "kafka") {
    for (const topic of [...kafka.topics.values()]) {
      if (!meant(topic.name)) continue;
      for (const partition of topic.partitions)
        for (const record of browse(partition, 0)) yield ofRecord(topic.name, partition.index, record);
    }
  }
  if (amqp !== null && (protocol ?? "amqp") === "amqp") {
    for (const vhost of [...amqp.vhosts.values()]) {
      for (const { name, items } of [...vhost.queues.values()])
        if (meant(name)) for (const entry of [...items]) yield ofHeld(vhost.name, name, entry);
    }
  }
  if (mqtt !== null && (protocol ?? "mqtt") === "mqtt") {
    for (const message of mqtt.retainedUnder("#")) if (meant(message.topic)) yield ofRetained(message, havoq.clock.now());
  }
}

function test({ text, key, header }: Wanted): (message: StoredMessage) => boolean {
  const isKey = key === undefined ? null : compilePattern(key, false);
  const colon = header?.indexOf(":") ?? -1;
  const [name, value] = colon < 0 ? [header, undefined] : [header!.slice(0, colon), header!.slice(colon + 1)];
  return (message) =>
    (text === undefined || (message.encoding === "text" && message.payload?.includes(text) === true)) &&
    (isKey === null || (message.key !== null && isKey(message.key))) &&
    (name === undefined || (Object.hasOwn(message.headers, name) && (value === undefined || String(message.headers[name]) === value)));
}

export default messages;
