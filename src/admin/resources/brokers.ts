import { answers, createRoute, enabled, route, z, type Resource } from "../api.ts";

const Broker = z
  .object({
    id: z.int(),
    up: z.boolean(),
    paused: z.boolean(),
    host: z.string(),
    port: z.int(),
    controller: z.boolean(),
    leads: z.int(),
    connections: z.int(),
  })
  .openapi("Broker");

/** The virtual Kafka brokers. */
const brokers: Resource = (api, havoq) => {
  route(
    api,
    createRoute({
      method: "get",
      path: "/api/kafka/brokers",
      operationId: "listBrokers",
      tags: ["kafka"],
      summary: "The virtual brokers: where clients are sent, how many partitions each leads",
      responses: answers(z.array(Broker), "By id"),
    }),
    (c) => {
      const { nodes, topics } = enabled("kafka", havoq.kafka);
      const partitions = [...topics.values()].flatMap((topic) => topic.partitions);
      return c.json(
        nodes.all.map(({ id, up, paused }) => ({
          id,
          up,
          paused,
          ...nodes.address(id, "plain"),
          controller: nodes.controller === id,
          leads: partitions.filter(({ leader }) => leader === id).length,
          connections: havoq.net.connections({ protocol: "kafka", broker: id }).length,
        })),
        200,
      );
    },
  );
};

export default brokers;
