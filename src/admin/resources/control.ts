import type { Broker } from "../../hooks/plugin.ts";
import { answers, ApiError, createRoute, Duration, route, takes, z, type Resource } from "../api.ts";

/** What is not called by name here: it takes a function, or has a place of its own (`/api/messages`, `/api/connections`, `/api/await`). */
type Elsewhere = "waitFor" | "publish" | "connections" | "disconnect" | "block" | "unblock";

interface Action {
  summary: string;
  args: z.ZodObject;
  call(broker: Broker, args: any): unknown;
}

function action<S extends z.ZodRawShape>(summary: string, shape: S, call: (broker: Broker, args: z.output<z.ZodObject<S>>) => unknown): Action {
  return { summary, args: z.strictObject(shape), call };
}

const broker = { broker: z.int().min(1) };

/** The control surface with named arguments. A method that is missing here does not compile. */
const ACTIONS: Record<Exclude<keyof Broker, Elsewhere>, Action> = {
  electLeader: action("Makes `broker`, or the next replica in line, the leader of a partition; answers with its node id",
    { topic: z.string(), partition: z.int().min(0), broker: z.int().optional() }, (b, { topic, partition, broker }) => b.electLeader(topic, partition, broker)),
  killBroker: action("A virtual Kafka broker goes away", broker, (b, { broker }) => b.killBroker(broker)),
  restartBroker: action("It comes back", broker, (b, { broker }) => b.restartBroker(broker)),
  pauseBroker: action("It stops answering without closing anything", broker, (b, { broker }) => b.pauseBroker(broker)),
  resumeBroker: action("It goes on", broker, (b, { broker }) => b.resumeBroker(broker)),
  expelMember: action("Removes a member from a consumer group; false when there is none",
    { group: z.string(), memberId: z.string() }, (b, { group, memberId }) => b.expelMember(group, memberId)),
  expireSession: action("Ends an MQTT session at once; false when there is none", { clientId: z.string() }, (b, { clientId }) => b.expireSession(clientId)),
  advance: action("Moves the clock on", { ms: Duration }, (b, { ms }) => b.advance(ms)),
};

const Result = z.object({
  /** What the method returned; null where it returns nothing. */
  result: z.unknown(),
}).openapi("Result");

/** The same room as `at.broker` and the steps of a scenario, through the third door. */
const control: Resource = (api, havoq) => {
  for (const [name, { summary, args, call }] of Object.entries(ACTIONS)) {
    route(api, createRoute({
      method: "post", path: `/api/control/${name}`, operationId: `control_${name}`, tags: ["control"], summary,
      request: { body: takes(args) }, responses: answers(Result, "It is done"),
    }), async (c) => {
      c.env.patience();
      try {
        return c.json({ result: (await call(havoq.control, c.req.valid("json"))) ?? null }, 200);
      } catch (error) {
        // What the control surface throws is about what was asked of it.
        throw new ApiError(/is not enabled|^there is no/.test((error as Error).message) ? 404 : 400, (error as Error).message);
      }
    });
  }
};

export default control;
