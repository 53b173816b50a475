import { createRoute, route, z, type Resource } from "../api.ts";

const Health = z.object({ status: z.string(), problems: z.array(z.string()).optional() }).openapi("Health");
const json = { "application/json": { schema: Health } };

/** For those who start havoq and wait for it. */
const health: Resource = (api, havoq) => {
  route(
    api,
    createRoute({
      method: "get",
      path: "/health/live",
      operationId: "live",
      summary: "The process runs",
      tags: ["health"],
      responses: { 200: { description: "It does", content: json } },
    }),
    (c) => c.json({ status: "up" }),
  );

  route(
    api,
    createRoute({
      method: "get",
      path: "/health/ready",
      operationId: "ready",
      summary: "Every protocol can be served",
      tags: ["health"],
      responses: { 200: { description: "It can", content: json }, 503: { description: "Why not", content: json } },
    }),
    (c) => {
      const problems = havoq.problems();
      return problems.length === 0 ? c.json({ status: "ready" }, 200) : c.json({ status: "not ready", problems }, 503);
    },
  );
};

export default health;
