import { answers, createRoute, route, takes, z, type Resource } from "../api.ts";

const Name = z.enum(["kafka", "mqtt", "amqp"]);

const Fixture = z
  .object({
    id: z.string(),
    name: z.string(),
    description: z.string(),
    protocol: Name,
    file: z.string(),
    line: z.int(),
    /** Something in it sends at its pace. */
    running: z.boolean(),
    flows: z.int(),
    reactions: z.int(),
    /** Messages that were acknowledged. */
    sent: z.int(),
    refused: z.int(),
    /** Messages that its reactions heard. */
    heard: z.int(),
    /** Why the last message was refused or could not be made. */
    error: z.string().nullable(),
  })
  .openapi("Fixture");

const Chosen = z.strictObject({ protocol: Name.optional(), id: z.string().optional() }).openapi("FixtureFilter");

const File = z.strictObject({
  /** Its name, for messages. */
  file: z.string(),
  /** YAML or JSON. */
  text: z.string(),
  protocol: Name.nullable().default(null),
});

const fixtures: Resource = (api, { fixtures: room }) => {
  const list = z.array(Fixture);

  route(
    api,
    createRoute({
      method: "get",
      path: "/api/fixtures",
      operationId: "listFixtures",
      tags: ["fixtures"],
      summary: "What sends and answers by itself",
      request: { query: z.object({ protocol: Name.optional() }) },
      responses: answers(list, "In the order in which they came"),
    }),
    (c) => c.json(room.list(c.req.valid("query")), 200),
  );

  route(
    api,
    createRoute({
      method: "post",
      path: "/api/fixtures/load",
      operationId: "loadFixtures",
      tags: ["fixtures"],
      summary: "Load fixtures; those with an identifier that is there take its place",
      request: { body: takes(z.strictObject({ files: z.array(File).min(1) }).openapi("FixtureFiles")) },
      responses: answers(list, "What was loaded; what is enabled sends already"),
    }),
    async (c) => c.json(await room.loadFiles(c.req.valid("json").files), 200),
  );

  for (const verb of ["start", "stop"] as const) {
    route(
      api,
      createRoute({
        method: "post",
        path: `/api/fixtures/${verb}`,
        operationId: `${verb}Fixtures`,
        tags: ["fixtures"],
        summary:
          verb === "start"
            ? "Start all that have a pace, or one, which without a pace sends once"
            : "Stop all, or one; reactions go on listening",
        request: { body: takes(Chosen) },
        responses: answers(list, "Those that were meant"),
      }),
      (c) => c.json(room[verb](c.req.valid("json")), 200),
    );
  }
};

export default fixtures;
