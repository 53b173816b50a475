import { configProblem, TOPIC_CONFIGS } from "../../kafka/broker/configs.ts";
import { browse } from "../../kafka/broker/inspect.ts";
import type { Topic } from "../../kafka/broker/topics.ts";
import { nearest } from "../../core/nearest.ts";
import { answers, ApiError, createRoute, Done, enabled, missing, route, takes, Whole, z, type Resource } from "../api.ts";
import { StoredMessage } from "../message.ts";
import { ofRecord } from "../stored.ts";

const Summary = z
  .object({
    name: z.string(),
    id: z.string(),
    partitions: z.int(),
    replicationFactor: z.int(),
    /** Offsets between start and end, in all partitions. */
    messages: z.int(),
    bytes: z.int(),
  })
  .openapi("Topic");

const Description = Summary.omit({ partitions: true })
  .extend({
    config: z.record(z.string(), z.string()),
    partitions: z.array(
      z.object({
        partition: z.int(),
        leader: z.int(),
        leaderEpoch: z.int(),
        replicas: z.array(z.int()),
        isr: z.array(z.int()),
        start: z.int(),
        end: z.int(),
        bytes: z.int(),
      }),
    ),
  })
  .openapi("TopicDescription");

const NewTopic = z
  .strictObject({
    name: z.string(),
    partitions: z.int().optional(),
    replicationFactor: z.int().optional(),
    config: z.record(z.string(), z.coerce.string().openapi({ type: "string" })).optional(),
  })
  .openapi("NewTopic");

const Changes = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]).nullable()).openapi("ConfigChanges");
const name = z.object({ topic: z.string() });
const tags = ["kafka"];

const topics: Resource = (api, havoq) => {
  const cluster = () => enabled("kafka", havoq.kafka);
  const find = (topic: string): Topic => cluster().topics.get(topic) ?? missing("topic", topic, cluster().topics.keys());

  route(
    api,
    createRoute({
      method: "get",
      path: "/api/kafka/topics",
      operationId: "listTopics",
      tags,
      summary: "All topics",
      responses: answers(z.array(Summary), "By name"),
    }),
    (c) =>
      c.json(
        [...cluster().topics.values()].map(summary).sort((a, b) => (a.name < b.name ? -1 : 1)),
        200,
      ),
  );

  route(
    api,
    createRoute({
      method: "post",
      path: "/api/kafka/topics",
      operationId: "createTopic",
      tags,
      summary: "Creates a topic",
      request: { body: takes(NewTopic) },
      responses: answers(Description, "The topic"),
    }),
    (c) => {
      const { name, config = {}, ...wanted } = c.req.valid("json");
      check(config);
      return c.json(description(cluster().createTopic(name, { config, ...wanted } as object)), 200);
    },
  );

  route(
    api,
    createRoute({
      method: "get",
      path: "/api/kafka/topics/{topic}",
      operationId: "describeTopic",
      tags,
      summary: "One topic with its partitions and configuration",
      request: { params: name },
      responses: answers(Description, "The topic"),
    }),
    (c) => c.json(description(find(c.req.valid("param").topic)), 200),
  );

  route(
    api,
    createRoute({
      method: "delete",
      path: "/api/kafka/topics/{topic}",
      operationId: "deleteTopic",
      tags,
      summary: "Deletes a topic",
      request: { params: name },
      responses: answers(Done, "It is gone"),
    }),
    (c) => {
      cluster().deleteTopic(find(c.req.valid("param").topic));
      return c.json({ done: true as const }, 200);
    },
  );

  route(
    api,
    createRoute({
      method: "patch",
      path: "/api/kafka/topics/{topic}/config",
      operationId: "configureTopic",
      tags,
      summary: "Changes a topic's configuration; null takes a value back to its default",
      request: { params: name, body: takes(Changes) },
      responses: answers(Description, "The topic"),
    }),
    (c) => {
      const topic = find(c.req.valid("param").topic);
      const changes = Object.fromEntries(
        Object.entries(c.req.valid("json")).map(([key, value]) => [key, value === null ? null : String(value)]),
      );
      check(changes);
      topic.config.change(changes);
      return c.json(description(topic), 200);
    },
  );

  route(
    api,
    createRoute({
      method: "post",
      path: "/api/kafka/topics/{topic}/partitions",
      operationId: "addPartitions",
      tags,
      summary: "Gives a topic more partitions",
      request: { params: name, body: takes(z.strictObject({ count: z.int().min(1) })) },
      responses: answers(Description, "The topic"),
    }),
    (c) => {
      const topic = find(c.req.valid("param").topic);
      cluster().addPartitions(topic, c.req.valid("json").count, null);
      return c.json(description(topic), 200);
    },
  );

  const From = z
    .string()
    .regex(/^(beginning|end|\d{1,15})$/, "expected beginning, end or an offset")
    .default("beginning");
  route(
    api,
    createRoute({
      method: "get",
      path: "/api/kafka/topics/{topic}/messages",
      operationId: "browseTopic",
      tags,
      summary: "Records of one partition, or of all one after the other, without consuming them; `end`: the last ones",
      request: { params: name, query: z.strictObject({ partition: Whole.optional(), from: From, limit: Whole.optional() }) },
      responses: answers(z.array(StoredMessage), "Records in the order of their offsets"),
    }),
    (c) => {
      const topic = find(c.req.valid("param").topic);
      const { partition, from, limit = 100 } = c.req.valid("query");
      const chosen =
        partition === undefined
          ? topic.partitions
          : [topic.partitions[partition] ?? missing(`partition of ${topic.name}`, String(partition), [])];
      const most = Math.min(limit, BROWSED_MOST);
      const found: StoredMessage[] = [];
      for (const one of chosen) {
        const start = from === "beginning" ? 0 : from === "end" ? one.log.end - most : Number(from);
        for (const record of most > found.length ? browse(one, start) : []) {
          found.push(ofRecord(topic.name, one.index, record));
          if (found.length >= most) break;
        }
      }
      return c.json(found, 200);
    },
  );
};

/** Messages in one answer. */
export const BROWSED_MOST = 10_000;

/** Throws for a configuration that there is not. */
function check(config: Record<string, string | null>): void {
  for (const [key, value] of Object.entries(config)) {
    const known = Object.keys(TOPIC_CONFIGS);
    const near = known.includes(key) ? null : nearest(key, known);
    if (near !== null)
      throw new ApiError(400, `unknown topic configuration ${key}: did you mean ${near}?`, { path: ["config", key], didYouMean: near });
    const problem = value === null && known.includes(key) ? null : configProblem(key, value);
    if (problem !== null) throw new ApiError(400, problem, { path: ["config", key] });
  }
}

function summary(topic: Topic): z.output<typeof Summary> {
  const { name, id, replicationFactor, partitions } = topic;
  return {
    name,
    id,
    partitions: partitions.length,
    replicationFactor,
    messages: partitions.reduce((sum, { log }) => sum + log.end - log.start, 0),
    bytes: partitions.reduce((sum, { log }) => sum + log.bytes, 0),
  };
}

function description(topic: Topic): z.output<typeof Description> {
  return {
    ...summary(topic),
    config: Object.fromEntries(Object.keys(TOPIC_CONFIGS).map((key) => [key, topic.config.get(key).value])),
    partitions: topic.partitions.map(({ index, leader, leaderEpoch, replicas, isr, log }) => ({
      partition: index,
      leader,
      leaderEpoch,
      replicas: [...replicas],
      isr,
      start: log.start,
      end: log.end,
      bytes: log.bytes,
    })),
  };
}

export default topics;
