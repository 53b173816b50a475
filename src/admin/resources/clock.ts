import { answers, createRoute, Duration, route, takes, z, type Resource } from "../api.ts";

const Time = z
  .object({
    /** Milliseconds since 1970. */
    now: z.number(),
    text: z.string(),
    uptimeMs: z.number(),
  })
  .openapi("Time");

/** The only time that the brokers know. */
const clock: Resource = (api, havoq) => {
  const time = () => {
    const now = havoq.clock.now();
    return { now, text: new Date(now).toISOString(), uptimeMs: now - havoq.started };
  };

  route(
    api,
    createRoute({
      method: "get",
      path: "/api/clock",
      operationId: "readClock",
      tags: ["clock"],
      summary: "The time of the brokers",
      responses: answers(Time, "Now"),
    }),
    (c) => c.json(time(), 200),
  );

  route(
    api,
    createRoute({
      method: "post",
      path: "/api/clock/advance",
      operationId: "advanceClock",
      tags: ["clock"],
      summary: "Moves the time of the brokers on: everything that was due on the way happens",
      request: { body: takes(z.strictObject({ by: Duration })) },
      responses: answers(Time, "The time after it"),
    }),
    async (c) => {
      c.env.patience();
      await havoq.control.advance(c.req.valid("json").by);
      return c.json(time(), 200);
    },
  );
};

export default clock;
