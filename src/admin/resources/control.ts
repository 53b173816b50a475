import type { Action } from "../../control/action-names.ts";
import type { Broker, ConnectionFilter, Unflushed } from "../../hooks/plugin.ts";
import { answers, ApiError, createRoute, Duration, route, takes, z, type Resource } from "../api.ts";
import { Filter } from "../filter.ts";

interface Method {
  summary: string;
  args: z.ZodObject;
  call(broker: Broker, args: any): unknown;
}

function method<S extends z.ZodRawShape>(
  summary: string,
  shape: S,
  call: (broker: Broker, args: z.output<z.ZodObject<S>>) => unknown,
): Method {
  return { summary, args: z.strictObject(shape), call };
}

const which = { broker: z.union([z.int().min(1), z.enum(["mqtt", "amqp"])]) };
const partition = { topic: z.string(), partition: z.int().min(0), broker: z.int().min(1).optional() };
const filter = { filter: Filter.default({}) };
const topic = { topic: z.union([z.string(), z.array(z.string())]) };
const group = { group: z.string() };
const as = (given: unknown): ConnectionFilter => given as ConnectionFilter;

/** What has a place of its own: `POST /api/messages`, `/api/connections/…`. */
type Elsewhere = "publish" | "disconnect" | "block" | "unblock";

/** The rest of the control surface, with named arguments. A method that is missing here does not compile. */
const METHODS: Record<Exclude<Action, Elsewhere>, Method> = {
  partition: method(
    "What these clients send no longer arrives, or what is sent to them, until `heal`; answers with how many open connections it concerns",
    { ...filter, direction: z.enum(["in", "out", "both"]).default("both") },
    (b, { filter, direction }) => b.partition(as(filter), { direction }),
  ),
  heal: method("Ends the partitions with this filter, or all; answers with how many", { filter: Filter.optional() }, (b, { filter }) =>
    filter === undefined ? b.heal() : b.heal(as(filter)),
  ),
  electLeader: method(
    "Makes `broker`, or the next replica in line, the leader of a partition; answers with its node id",
    partition,
    (b, { topic, partition, broker }) => b.electLeader(topic, partition, broker),
  ),
  movePartition: method(
    "Gives the leader's place among a partition's replicas to `broker`, or the next one that is up; answers with its node id",
    partition,
    (b, { topic, partition, broker }) => b.movePartition(topic, partition, broker),
  ),
  freezeMetadata: method(
    "Kafka's metadata goes on telling the leaders of now, until `refreshMetadata`; answers with how many topics that are",
    topic,
    (b, { topic }) => b.freezeMetadata(topic),
  ),
  refreshMetadata: method("Kafka's metadata tells how things are again", topic, (b, { topic }) => b.refreshMetadata(topic)),
  moveCoordinator: method(
    "Makes `broker`, or the next one, the coordinator of a group; answers with its node id",
    { ...group, broker: z.int().min(1).optional() },
    (b, { group, broker }) => b.moveCoordinator(group, broker),
  ),
  killBroker: method("A broker goes away, its connections are reset", which, (b, { broker }) => b.killBroker(broker)),
  restartBroker: method("It comes back", which, (b, { broker }) => b.restartBroker(broker)),
  crashBroker: method(
    "A broker goes away without what it had not written to its disk; answers with how many messages are lost",
    { ...which, records: z.int().min(0).optional(), ms: Duration.optional(), unclean: z.boolean().optional() },
    (b, { broker, ...unflushed }) => b.crashBroker(broker, unflushed as Unflushed),
  ),
  pauseBroker: method("A broker stops answering without closing anything", which, (b, { broker }) => b.pauseBroker(broker)),
  resumeBroker: method("It goes on", which, (b, { broker }) => b.resumeBroker(broker)),
  rebalance: method("Lets a consumer group rebalance; false when it has no members", group, (b, { group }) => b.rebalance(group)),
  expelMember: method(
    "Removes a member from a consumer group; false when there is none",
    { ...group, memberId: z.string() },
    (b, { group, memberId }) => b.expelMember(group, memberId),
  ),
  redeliver: method(
    "What these clients hold unacknowledged is delivered again; answers with how many it concerns",
    filter,
    (b, { filter }) => b.redeliver(as(filter)),
  ),
  expireSession: method("Ends an MQTT session at once; false when there is none", { clientId: z.string() }, (b, { clientId }) =>
    b.expireSession(clientId),
  ),
  raiseAlarm: method("AMQP publishers wait, as when a broker is low on memory", {}, (b) => b.raiseAlarm()),
  clearAlarm: method("They go on", {}, (b) => b.clearAlarm()),
  advance: method("Moves the clock on", { ms: Duration }, (b, { ms }) => b.advance(ms)),
};

const Result = z
  .object({
    /** What the method returned; null where it returns nothing. */
    result: z.unknown(),
  })
  .openapi("Result");

/** The same room as `at.broker` and the steps of a scenario, through the third door. */
const control: Resource = (api, havoq) => {
  for (const [name, { summary, args, call }] of Object.entries(METHODS)) {
    route(
      api,
      createRoute({
        method: "post",
        path: `/api/control/${name}`,
        operationId: `control_${name}`,
        tags: ["control"],
        summary,
        request: { body: takes(args) },
        responses: answers(Result, "It is done"),
      }),
      async (c) => {
        c.env.patience();
        try {
          return c.json({ result: (await call(havoq.control, c.req.valid("json"))) ?? null }, 200);
        } catch (error) {
          // What the control surface throws is about what was asked of it.
          throw new ApiError(/is not enabled|^there is no/.test((error as Error).message) ? 404 : 400, (error as Error).message);
        }
      },
    );
  }
};

export default control;
