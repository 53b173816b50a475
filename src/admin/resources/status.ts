import { VERSION } from "../../core/version.ts";
import { answers, createRoute, route, z, type Resource } from "../api.ts";

const Counts = z.object({ active: z.int(), accepted: z.int(), refused: z.int(), failed: z.int() }).openapi("ConnectionCounts");

const Status = z
  .object({
    version: z.string(),
    seed: z.int(),
    pid: z.int(),
    /** By the clock of the brokers. */
    uptimeSeconds: z.number(),
    kafka: z.object({ host: z.string(), ports: z.array(z.int()), tlsPorts: z.array(z.int()) }).nullable(),
    mqtt: z.object({ host: z.string(), port: z.int(), websocketPort: z.int(), tlsPort: z.int().nullable() }).nullable(),
    amqp: z.object({ host: z.string(), port: z.int(), tlsPort: z.int().nullable() }).nullable(),
    admin: z.object({ host: z.string(), port: z.int() }).nullable(),
    /** Since the start, but for `active`. */
    connections: z.object({ kafka: Counts, mqtt: Counts, amqp: Counts }),
    /** Verdicts that fired. */
    fired: z.int(),
  })
  .openapi("Status");

const status: Resource = (api, havoq) => {
  route(
    api,
    createRoute({
      method: "get",
      path: "/api/status",
      operationId: "status",
      tags: ["status"],
      summary: "Ports, seed, connections and what was refused or failed, by protocol",
      responses: answers(Status, "How things stand"),
    }),
    (c) =>
      c.json(
        {
          version: VERSION,
          uptimeSeconds: (havoq.clock.now() - havoq.started) / 1000,
          ...havoq.addresses(),
          connections: havoq.net.counts,
          fired: havoq.journal.fired,
        },
        200,
      ),
  );
};

export default status;
