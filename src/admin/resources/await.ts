import { TimeoutError } from "../../core/errors.ts";
import { check, duration, optional } from "../../core/shape.ts";
import type { Havoq } from "../../havoq.ts";
import { isAbout, protocolOf, stateWith, type State } from "../../scenarios/states/grammar.ts";
import { look, stateText } from "../../scenarios/states/look.ts";
import { answers, ApiError, createRoute, enabled, kept, missing, route, takes, z, type Resource } from "../api.ts";

/** The same states as in scenarios; their grammar says what is wrong with one. */
const Awaited = stateWith({ timeout: optional(duration, 30_000) });

const Given = z.record(z.string(), z.unknown()).openapi("AwaitedState", {
  type: "object",
  ...Awaited.schema,
  description: "A state as in a scenario, and how long it may take. All that is given must hold at once.",
  example: { group: "billing", is: "stable", members: 2, timeout: "10s" },
});

const Reached = z
  .object({
    /** Milliseconds of the brokers' clock that it took. */
    waitedMs: z.number(),
  })
  .openapi("Reached");

const awaits: Resource = (api, havoq) => {
  route(
    api,
    createRoute({
      method: "post",
      path: "/api/await",
      operationId: "await",
      tags: ["control"],
      summary: "Answers when a state is reached; 504 when it is not within `timeout` (30s) of the brokers' clock",
      request: { body: takes(Given) },
      responses: answers(Reached, "It is reached"),
    }),
    async (c) => {
      const { timeout, ...rest } = check(Awaited, c.req.valid("json"));
      const state = rest as State;
      possible(havoq, state);
      c.env.patience();
      const since = havoq.clock.now();
      const gone = c.req.raw.signal;
      let seen = "";
      const reached = (): boolean => {
        const now = look(havoq, state);
        seen = now.seen;
        return now.holds;
      };
      try {
        await havoq.control.waitFor(() => gone.aborted || reached(), timeout);
      } catch (error) {
        if (!(error instanceof TimeoutError)) throw error;
        throw new ApiError(504, `waited ${timeout} ms in vain for ${stateText(state)}: ${seen}`);
      }
      return c.json({ waitedMs: havoq.clock.now() - since }, 200);
    },
  );
};

/** Throws 404 for what cannot be reached as things are. */
function possible(havoq: Havoq, state: State): void {
  const protocol = protocolOf(state);
  if (protocol !== null) enabled(protocol, havoq[protocol]);
  if (isAbout(state, "messages")) kept(havoq.oracle);
  if (!isAbout(state, "queue") || state.vhost === undefined) return;
  const { vhosts } = havoq.amqp!;
  if (!vhosts.has(state.vhost)) missing("vhost", state.vhost, vhosts.keys());
}

export default awaits;
