import { answers, createRoute, kept, route, z, type Resource } from "../api.ts";
import { plain } from "../message.ts";

const Report = z
  .looseObject({})
  .openapi("OracleReport", { description: "Loss, duplicates, order by key, zombie commits and leftovers, each with what touched it" });

const oracle: Resource = (api, havoq) => {
  route(
    api,
    createRoute({
      method: "get",
      path: "/api/oracle",
      operationId: "oracleReport",
      tags: ["oracle"],
      summary: "The account of every message",
      responses: answers(Report, "What became of them"),
    }),
    (c) => c.json(plain(kept(havoq.oracle).report()) as Record<string, unknown>, 200),
  );

  route(
    api,
    createRoute({
      method: "post",
      path: "/api/oracle",
      operationId: "keepAccount",
      tags: ["oracle"],
      summary: "Keeps account of every message from now on",
      responses: answers(z.object({ keeping: z.literal(true) }), "It does"),
    }),
    async (c) => {
      await havoq.keepAccount();
      return c.json({ keeping: true as const }, 200);
    },
  );
};

export default oracle;
