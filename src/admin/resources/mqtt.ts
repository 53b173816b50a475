import { answers, createRoute, Done, enabled, missing, route, z, type Resource } from "../api.ts";
import { StoredMessage } from "../message.ts";
import { ofRetained } from "../stored.ts";

const Client = z
  .object({
    clientId: z.string(),
    connected: z.boolean(),
    version: z.enum(["3.1", "3.1.1", "5.0"]).nullable(),
    transport: z.string().nullable(),
    remote: z.string().nullable(),
    user: z.string().nullable(),
    subscriptions: z.array(z.object({ filter: z.string(), qos: z.union([z.literal(0), z.literal(1), z.literal(2)]) })),
    queued: z.int(),
    unacknowledged: z.int(),
  })
  .openapi("MqttClient");

const Stats = z
  .object({
    clientsConnected: z.int(),
    clientsTotal: z.int(),
    subscriptions: z.int(),
    retained: z.int(),
    messagesReceived: z.int(),
    messagesSent: z.int(),
    messagesDropped: z.int(),
    uptimeSeconds: z.number(),
  })
  .openapi("MqttStats");

const Topic = z
  .object({
    topic: z.string(),
    /** Messages that were published; topics beyond the first thousand are counted as `other`. */
    messages: z.int(),
    retained: z.boolean(),
  })
  .openapi("MqttTopic");

const client = z.object({ client: z.string() });
const filter = z.strictObject({ filter: z.string().default("#") });
const tags = ["mqtt"];

const mqtt: Resource = (api, havoq) => {
  const broker = () => enabled("mqtt", havoq.mqtt);

  route(
    api,
    createRoute({
      method: "get",
      path: "/api/mqtt/stats",
      operationId: "mqttStats",
      tags,
      summary: "Counts of the broker",
      responses: answers(Stats, "Since the start"),
    }),
    (c) => {
      const { connected, sessions, subscriptions, retained, received, delivered, dropped } = broker();
      return c.json(
        {
          clientsConnected: connected,
          clientsTotal: sessions.size,
          subscriptions: subscriptions.size,
          retained: retained.size,
          messagesReceived: received,
          messagesSent: delivered,
          messagesDropped: dropped,
          uptimeSeconds: (havoq.clock.now() - havoq.started) / 1000,
        },
        200,
      );
    },
  );

  route(
    api,
    createRoute({
      method: "get",
      path: "/api/mqtt/sessions",
      operationId: "listMqttSessions",
      tags,
      summary: "Sessions, connected or not",
      responses: answers(z.array(Client), "By age"),
    }),
    (c) => c.json(broker().clients(), 200),
  );

  route(
    api,
    createRoute({
      method: "get",
      path: "/api/mqtt/sessions/{client}",
      operationId: "describeMqttSession",
      tags,
      summary: "One session",
      request: { params: client },
      responses: answers(Client, "The session"),
    }),
    (c) => {
      const { client } = c.req.valid("param");
      return c.json(
        broker()
          .clients()
          .find(({ clientId }) => clientId === client) ?? missing("MQTT session", client, broker().sessions.keys()),
        200,
      );
    },
  );

  route(
    api,
    createRoute({
      method: "delete",
      path: "/api/mqtt/sessions/{client}",
      operationId: "expireMqttSession",
      tags,
      summary: "Ends a session at once, its queue included",
      request: { params: client },
      responses: answers(Done, "It is over"),
    }),
    (c) => {
      const { client } = c.req.valid("param");
      broker();
      if (!havoq.control.expireSession(client)) missing("MQTT session", client, broker().sessions.keys());
      return c.json({ done: true as const }, 200);
    },
  );

  route(
    api,
    createRoute({
      method: "get",
      path: "/api/mqtt/topics",
      operationId: "listMqttTopics",
      tags,
      summary: "Topics that were published to, or hold a retained message",
      responses: answers(z.array(Topic), "By name"),
    }),
    (c) => {
      const counts = broker().publishedByTopic();
      const retained = new Set(broker().retained.topics());
      return c.json(
        [...new Set([...counts.keys(), ...retained])].sort().map((topic) => ({
          topic,
          messages: counts.get(topic) ?? 0,
          retained: retained.has(topic),
        })),
        200,
      );
    },
  );

  route(
    api,
    createRoute({
      method: "get",
      path: "/api/mqtt/retained",
      operationId: "listRetained",
      tags,
      summary: "Retained messages under a filter",
      request: { query: filter },
      responses: answers(z.array(StoredMessage), "The messages"),
    }),
    (c) => {
      const now = havoq.clock.now();
      const found = broker().retainedUnder(c.req.valid("query").filter);
      return c.json(
        found.map((message) => ofRetained(message, now)).sort((a, b) => (a.destination < b.destination ? -1 : 1)),
        200,
      );
    },
  );

  route(
    api,
    createRoute({
      method: "delete",
      path: "/api/mqtt/retained",
      operationId: "clearRetained",
      tags,
      summary: "Forgets retained messages under a filter",
      request: { query: filter },
      responses: answers(z.object({ cleared: z.int() }), "How many"),
    }),
    (c) => c.json({ cleared: broker().clearRetained(c.req.valid("query").filter) }, 200),
  );
};

export default mqtt;
