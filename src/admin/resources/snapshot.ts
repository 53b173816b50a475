import { ApiError, createRoute, Done, Problem, answers, route, z, type Resource } from "../api.ts";

const content = { "application/msgpack": { schema: z.string().openapi({ format: "binary" }) } };
const tags = ["snapshot"];

/** The state of the brokers as bytes: topics, groups, sessions, queues and what is in them. */
const snapshot: Resource = (api, havoq) => {
  route(
    api,
    createRoute({
      method: "get",
      path: "/api/snapshot",
      operationId: "takeSnapshot",
      tags,
      summary: "The state of all brokers, for PUT to put back",
      responses: {
        200: { description: "MessagePack", content },
        default: { description: "What is wrong", content: { "application/json": { schema: Problem } } },
      },
    }),
    async (c) => c.body((await havoq.control.snapshot()) as never, 200, { "content-type": "application/msgpack" }) as never,
  );

  route(
    api,
    createRoute({
      method: "put",
      path: "/api/snapshot",
      operationId: "restoreSnapshot",
      tags,
      summary: "Puts a snapshot in the place of all state; every client's connection is reset",
      request: { body: { required: true, content } },
      responses: answers(Done, "It is in force"),
    }),
    async (c) => {
      const bytes = new Uint8Array(await c.req.arrayBuffer());
      try {
        await havoq.control.restore(bytes);
      } catch (error) {
        throw error instanceof TypeError ? new ApiError(400, error.message) : error;
      }
      return c.json({ done: true as const }, 200);
    },
  );
};

export default snapshot;
