import { type Action, readByName, schemaByName, valuesOf } from "../../control/action.ts";
import { ACTIONS } from "../../control/control.ts";
import { answers, createRoute, route, takes, z, type Resource } from "../api.ts";

/** Actions that have a place of their own: `POST /api/messages`, `/api/connections/…`. */
const ELSEWHERE: ReadonlySet<string> = new Set(["publish", "disconnect", "block", "unblock"]);

const Result = z
  .object({
    /** What the action returned; null where it returns nothing. */
    result: z.unknown(),
  })
  .openapi("Result");

/** The control actions: what `at.broker` and the steps of a scenario do too. */
const control: Resource = (api, havoq) => {
  for (const action of ACTIONS.values()) {
    if (ELSEWHERE.has(action.name)) continue;
    route(
      api,
      createRoute({
        method: "post",
        path: `/api/control/${action.name}`,
        operationId: `control_${action.name}`,
        tags: ["control"],
        summary: summaryOf(action),
        request: { body: takes(z.record(z.string(), z.unknown()).openapi(schemaByName(action) as object)) },
        responses: answers(Result, "It is done"),
      }),
      async (c) => {
        c.env.patience();
        const values = valuesOf(action, readByName(action, c.req.valid("json"), havoq.control.world));
        return c.json({ result: (await havoq.control.run(action, values)) ?? null }, 200);
      },
    );
  }
};

function summaryOf({ summary, returns }: Action): string {
  return returns === undefined ? summary : `${summary}; answers with ${returns.says}`;
}

export default control;
