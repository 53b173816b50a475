import { answers, createRoute, route, z, type Resource } from "../api.ts";

const Plugin = z
  .object({
    name: z.string(),
    /** Empty for what is built in. */
    file: z.string(),
    errors: z.int(),
    /** Switched off after too many failures. */
    off: z.boolean(),
    counters: z.record(z.string(), z.number()),
    hooks: z.array(z.string()),
    /** Verdicts that fired, by kind. */
    fired: z.record(z.string(), z.int()),
  })
  .openapi("Plugin");

const plugins: Resource = (api, { seam, journal }) => {
  route(
    api,
    createRoute({
      method: "get",
      path: "/api/plugins",
      operationId: "listPlugins",
      tags: ["plugins"],
      summary: "Plugins that were ever loaded, rules included",
      responses: answers(z.array(Plugin), "In the order in which they came"),
    }),
    (c) => {
      const header = journal.header() as { rules: { rule: string; plugin: string; point: string }[] };
      const fires = [...seam.fires.values()];
      return c.json(
        seam.plugins().map(({ name, file, errors, off, counts }) => {
          const hooks = header.rules.filter(({ plugin }) => plugin === name);
          const own = fires.filter(({ rule }) => rule.startsWith(`${name}/`));
          const fired: Record<string, number> = {};
          for (const { verdict, count } of own) fired[verdict] = (fired[verdict] ?? 0) + count;
          return {
            name,
            file,
            errors,
            off,
            counters: Object.fromEntries(counts),
            hooks: [...new Set(hooks.map(({ point }) => point))],
            fired,
          };
        }),
        200,
      );
    },
  );
};

export default plugins;
