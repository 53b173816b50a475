import type { Rule } from "../../rules/rule.ts";
import { parseRules } from "../../rules/parse.ts";
import { ruleSchemas } from "../../rules/schema.ts";
import { answers, ApiError, createRoute, Done, missing, route, takes, z, type Resource } from "../api.ts";

const { Rule: schema, ...parts } = ruleSchemas("#/components/schemas/");

/** The grammar's own checks say what is wrong with a rule, and where. */
const Given = z.record(z.string(), z.unknown()).openapi("Rule", {
  type: "object",
  ...schema,
  description: "match, when and fault or preset, as in havoq.yaml",
  example: { name: "late orders", match: { topic: "orders" }, when: { probability: 0.2 }, fault: { latency: { ms: 200 } } },
});

const Status = z
  .object({
    id: z.string(),
    name: z.string().optional(),
    description: z.string().optional(),
    /** Where it came from: `file`, `api`, `plugin`, `scenario`, … */
    source: z.string(),
    enabled: z.boolean(),
    /** It may stay unfired. */
    optional: z.boolean(),
    /** Events that its match admitted, and how often it fired. */
    matched: z.int(),
    fired: z.int(),
    errors: z.int(),
    /** Switched off because it kept failing. */
    off: z.boolean(),
    /** As it was given. */
    rule: z.looseObject({}),
  })
  .openapi("RuleStatus");
type Status = z.output<typeof Status>;

const id = z.object({ rule: z.string() });
const tags = ["rules"];

/** Rules in force: match, when and fault. */
const rules: Resource = (api, { rules, control }) => {
  for (const [name, part] of Object.entries(parts)) api.openAPIRegistry.registerComponent("schemas", name, part);
  const known = (): string[] => rules.list().map(({ id }) => id);

  route(
    api,
    createRoute({
      method: "get",
      path: "/api/rules",
      operationId: "listRules",
      tags,
      summary: "Rules in force",
      responses: answers(z.array(Status), "In the order in which they are asked"),
    }),
    (c) => c.json(rules.list() as unknown as Status[], 200),
  );

  route(
    api,
    createRoute({
      method: "post",
      path: "/api/rules",
      operationId: "addRules",
      tags,
      summary: "Puts one rule in force, or a list of them: all or none",
      request: { body: takes(z.union([Given, z.array(Given)])) },
      responses: answers(z.array(Status), "The new ones"),
    }),
    (c) => {
      const given = c.req.valid("json");
      const added = rules.addAll((Array.isArray(given) ? given : [given]) as unknown as Rule[], { source: "api" });
      return c.json(added.map((rule) => rule.status()) as unknown as Status[], 200);
    },
  );

  route(
    api,
    createRoute({
      method: "post",
      path: "/api/rules/file",
      operationId: "applyRules",
      tags,
      summary: "Puts the rules of a chaos file in force; those that came the same way before under this name go",
      request: { body: takes(z.strictObject({ name: z.string().default("chaos.yaml"), text: z.string() })) },
      responses: answers(z.object({ removed: z.int(), rules: z.array(Status) }), "What is in force now of this file"),
    }),
    (c) => {
      const { name, text } = c.req.valid("json");
      const { rules: parsed, errors } = parseRules(text, name, control.world);
      if (errors.length > 0) throw new ApiError(400, errors.map(({ message }) => message).join("\n"), { path: [...errors[0]!.path] });
      if (parsed.length === 0) throw new ApiError(400, `${name} holds no rules`);
      const source = `file ${name}`;
      const before = rules
        .list()
        .filter((rule) => rule.source === source)
        .map((rule) => rule.id);
      // What is to go frees its names first; the rules were checked, so adding them cannot fail.
      for (const id of before) rules.remove(id);
      const added = rules.addAll(parsed, { source });
      return c.json({ removed: before.length, rules: added.map((rule) => rule.status()) as unknown as Status[] }, 200);
    },
  );

  route(
    api,
    createRoute({
      method: "delete",
      path: "/api/rules",
      operationId: "clearRules",
      tags,
      summary: "Removes all rules but those that plugins made, or those of one source",
      request: { query: z.strictObject({ source: z.string().optional() }) },
      responses: answers(z.object({ removed: z.int() }), "How many"),
    }),
    (c) => c.json({ removed: rules.clear(c.req.valid("query").source) }, 200),
  );

  route(
    api,
    createRoute({
      method: "get",
      path: "/api/rules/{rule}",
      operationId: "describeRule",
      tags,
      summary: "One rule",
      request: { params: id },
      responses: answers(Status, "The rule"),
    }),
    (c) => {
      const { rule } = c.req.valid("param");
      return c.json((rules.get(rule)?.status() ?? missing("rule", rule, known())) as unknown as Status, 200);
    },
  );

  route(
    api,
    createRoute({
      method: "patch",
      path: "/api/rules/{rule}",
      operationId: "enableRule",
      tags,
      summary: "Takes a rule out of force for a while, or puts it back",
      request: { params: id, body: takes(z.strictObject({ enabled: z.boolean() })) },
      responses: answers(Status, "The rule"),
    }),
    (c) => {
      const { rule } = c.req.valid("param");
      const handle = rules.get(rule) ?? missing("rule", rule, known());
      handle.enabled = c.req.valid("json").enabled;
      return c.json(handle.status() as unknown as Status, 200);
    },
  );

  route(
    api,
    createRoute({
      method: "delete",
      path: "/api/rules/{rule}",
      operationId: "removeRule",
      tags,
      summary: "Removes a rule; what its fault did to the brokers is taken back",
      request: { params: id },
      responses: answers(Done, "It is gone"),
    }),
    (c) => {
      const { rule } = c.req.valid("param");
      if (!rules.remove(rule)) {
        if (rules.get(rule) !== undefined) throw new ApiError(409, `rule ${rule} belongs to a plugin: it goes with its file`);
        missing("rule", rule, known());
      }
      return c.json({ done: true as const }, 200);
    },
  );

  route(
    api,
    createRoute({
      method: "post",
      path: "/api/events",
      operationId: "raiseEvent",
      tags,
      summary: "Raises what rules wait for with `after: { event: NAME }` or `until`",
      request: { body: takes(z.strictObject({ event: z.string().min(1) })) },
      responses: answers(Done, "It was raised"),
    }),
    (c) => {
      rules.raise(c.req.valid("json").event);
      return c.json({ done: true as const }, 200);
    },
  );
};

export default rules;
