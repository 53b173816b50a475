import type { Havoq } from "../../havoq.ts";
import type { ConnectionFilter } from "../../hooks/plugin.ts";
import { positions } from "../../kafka/inspect.ts";
import { answers, ApiError, createRoute, Duration, enabled, missing, route, takes, z, type Resource } from "../api.ts";
import { Filter } from "../filter.ts";

const timeout = { timeout: Duration.optional() };
const count = z.int().min(0);

/** What can be waited for. All that is given must hold at once. */
const State = z.union([
  z.strictObject({
    group: z.string(),
    is: z.enum(["Empty", "PreparingRebalance", "CompletingRebalance", "Stable", "Dead", "empty", "stable", "dead"]).optional(),
    members: count.optional(),
    /** At most that far behind, in all partitions together. */
    lag: count.optional(),
    ...timeout,
  }),
  z.strictObject({ topic: z.string(), /** At least so many records were stored. */ messages: count, ...timeout }),
  z.strictObject({
    queue: z.string(), vhost: z.string().default("/"), /** Exactly so many are ready. */ ready: count.optional(),
    /** At least so many were handed to consumers. */
    delivered: count.optional(), unacked: count.optional(), consumers: count.optional(), ...timeout,
  }),
  z.strictObject({ connections: Filter, /** Exactly so many are open. */ count, ...timeout }),
  z.strictObject({ session: z.string(), connected: z.boolean(), ...timeout }),
  z.strictObject({ fired: z.string().describe("A plugin or rule"), /** At least so often. */ times: count.default(1), ...timeout }),
]).openapi("AwaitedState");

type State = z.output<typeof State>;

const Reached = z.object({
  /** Milliseconds of the brokers' clock that it took. */
  waitedMs: z.number(),
}).openapi("Reached");

const TIMEOUT = 30_000;

const awaits: Resource = (api, havoq) => {
  route(api, createRoute({
    method: "post", path: "/api/await", operationId: "await", tags: ["control"],
    summary: "Answers when a state is reached; 504 when it is not within `timeout` (30s) of the brokers' clock",
    request: { body: takes(State) }, responses: answers(Reached, "It is reached"),
  }), async (c) => {
    const state = c.req.valid("json");
    const { timeout = TIMEOUT } = state;
    c.env.patience();
    const reached = test(havoq, state);
    const since = havoq.clock.now();
    const gone = c.req.raw.signal;
    try {
      await havoq.control.waitFor(() => gone.aborted || reached(), timeout);
    } catch {
      const { timeout: _, ...wanted } = state;
      throw new ApiError(504, `waited ${timeout} ms in vain for ${JSON.stringify(wanted)}`);
    }
    return c.json({ waitedMs: havoq.clock.now() - since }, 200);
  });
};

function test(havoq: Havoq, state: State): () => boolean {
  const is = (wanted: number | undefined, found: number): boolean => wanted === undefined || wanted === found;
  if ("group" in state) {
    const { groups, topics } = enabled("kafka", havoq.kafka);
    const { group: id, is: wanted, members, lag } = state;
    return () => {
      const group = groups.groups.get(id);
      const found = group?.state ?? "Dead";
      if (wanted !== undefined && wanted.toLowerCase() !== found.toLowerCase()) return false;
      if (!is(members, group?.members.size ?? 0)) return false;
      return lag === undefined || (group !== undefined && [...positions(group, topics)].reduce((sum, one) => sum + one.lag, 0) <= lag);
    };
  }
  if ("topic" in state) {
    const { topics } = enabled("kafka", havoq.kafka);
    return () => (topics.get(state.topic)?.messagesIn ?? 0) >= state.messages;
  }
  if ("queue" in state) {
    const { vhosts } = enabled("amqp", havoq.amqp);
    const vhost = vhosts.get(state.vhost) ?? missing("vhost", state.vhost, vhosts.keys());
    return () => {
      const queue = vhost.queues.get(state.queue);
      if (queue === undefined) return false;
      const { items, consumers, delivered } = queue;
      return is(state.ready, items.ready) && is(state.unacked, items.unacked) && is(state.consumers, consumers.count) && delivered >= (state.delivered ?? 0);
    };
  }
  if ("connections" in state) return () => havoq.control.connections(state.connections as ConnectionFilter).length === state.count;
  if ("session" in state) {
    const { sessions } = enabled("mqtt", havoq.mqtt);
    return () => (sessions.get(state.session)?.link !== null && sessions.has(state.session)) === state.connected;
  }
  return () => {
    let times = 0;
    for (const { rule, count } of havoq.seam.fires.values()) if (rule.startsWith(`${state.fired}/`) || rule === state.fired) times += count;
    return times >= state.times;
  };
}

export default awaits;
