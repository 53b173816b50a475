import { parseChaosFile } from "../../scenarios/file.ts";
import { scenarioIn } from "../../scenarios/grammar.ts";
import type { ScenarioRun } from "../../scenarios/run.ts";
import { answers, ApiError, createRoute, missing, route, takes, z, type Resource } from "../api.ts";
import { plain } from "../message.ts";

const Run = z
  .looseObject({ id: z.string(), name: z.string(), status: z.string(), steps: z.array(z.looseObject({})) })
  .openapi("ScenarioRun");
const Result = Run.extend({
  /** Null until it is over: whether it passed, what each expectation came to, what rules fired. */
  result: z.looseObject({}).nullable(),
}).openapi("ScenarioResult");
type Run = z.output<typeof Run>;

const Given = z.record(z.string(), z.unknown()).openapi("Scenario", {
  type: "object",
  ...scenarioIn().schema,
  description: "A scenario as in a chaos file: name, steps, heal, converge, expect",
});
const id = z.object({ scenario: z.string() });
const tags = ["scenarios"];

const shown = ({ id, name, status, steps }: ScenarioRun): Run => plain({ id, name, status, steps }) as Run;

/** Timelines: steps that apply and clear rules and call the control surface, and what is expected at the end. */
const scenarios: Resource = (api, { scenarios, control }) => {
  const find = (id: string): ScenarioRun =>
    scenarios.get(id) ??
    missing(
      "scenario",
      id,
      scenarios.list().map((one) => one.id),
    );

  route(
    api,
    createRoute({
      method: "get",
      path: "/api/scenarios",
      operationId: "listScenarios",
      tags,
      summary: "Scenarios that run, and the last ones that ran",
      responses: answers(z.array(Run), "In the order of their beginning"),
    }),
    (c) => c.json(scenarios.list().map(shown), 200),
  );

  route(
    api,
    createRoute({
      method: "post",
      path: "/api/scenarios",
      operationId: "runScenario",
      tags,
      summary: "Begins a scenario",
      request: { body: takes(Given) },
      responses: answers(Run, "It runs"),
    }),
    async (c) => c.json(shown(await scenarios.run(c.req.valid("json"))), 200),
  );

  route(
    api,
    createRoute({
      method: "post",
      path: "/api/scenarios/file",
      operationId: "runChaosFile",
      tags,
      summary: "Puts the rules of a chaos file in force and begins its scenarios, one after the other",
      request: { body: takes(z.strictObject({ name: z.string().default("chaos.yaml"), text: z.string() })) },
      responses: answers(
        z.object({ rules: z.array(z.string()), scenarios: z.array(z.string()) }),
        "Ids of the rules, names of the scenarios",
      ),
    }),
    async (c) => {
      const { name, text } = c.req.valid("json");
      const file = parseChaosFile(text, name, control.world);
      const [flaw] = file.errors;
      if (flaw !== undefined) throw new ApiError(400, file.errors.map(({ message }) => message).join("\n"), { path: [...flaw.path] });
      const chaos = await scenarios.start(file);
      // Its results are asked for one by one; a scenario that fails tells so there.
      chaos.done.catch(() => undefined);
      return c.json({ rules: chaos.rules.map((rule) => rule.id), scenarios: file.scenarios.map((one) => one.name) }, 200);
    },
  );

  route(
    api,
    createRoute({
      method: "get",
      path: "/api/scenarios/{scenario}",
      operationId: "describeScenario",
      tags,
      summary: "One scenario; `wait` until it is over",
      request: { params: id, query: z.strictObject({ wait: z.enum(["true", "false"]).optional().openapi({ type: "boolean" }) }) },
      responses: answers(Result, "Its steps and, when it is over, its result"),
    }),
    async (c) => {
      const run = find(c.req.valid("param").scenario);
      const over = c.req.valid("query").wait === "true" || run.status !== "running";
      if (over) c.env.patience();
      const result = over ? await run.done : null;
      return c.json({ ...shown(run), result: plain(result) as Record<string, unknown> | null }, 200);
    },
  );

  route(
    api,
    createRoute({
      method: "delete",
      path: "/api/scenarios/{scenario}",
      operationId: "stopScenario",
      tags,
      summary: "Ends a scenario: what it did is healed",
      request: { params: id },
      responses: answers(Run, "As it was left"),
    }),
    (c) => {
      const run = find(c.req.valid("param").scenario);
      run.stop();
      return c.json(shown(run), 200);
    },
  );
};

export default scenarios;
