import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { AmqpHouse } from "./house.ts";
import { dial } from "./raw-client.ts";
import { installed, startRabbit } from "./rabbitmq.ts";
import recorded from "./rabbitmq-3.10.json";
import { play } from "./scenario.ts";
import { scenarios } from "./scenarios/index.ts";

/** Scenarios in which we differ on purpose. */
const DELIBERATE: Record<string, string> = {};
const TELLS =
  "RabbitMQ closes without a word and writes the reason to its log; who tests a client has no log to read, so the reason is sent";
for (const name of [
  "method: out of turn in the handshake",
  "method: unknown class",
  "method: unknown method",
  "connection: a response that is no login",
  "connection: unknown mechanism",
  "connection: frame-max too small",
  "connection: frame-max too large",
  "connection: frame-max of no limit",
  "connection: channel-max too large",
  "connection: channel-max of no limit",
  "connection: a login on behalf of another",
])
  DELIBERATE[name] = TELLS;
DELIBERATE["content: longer than the limit"] =
  "RabbitMQ reads all of the body before it refuses it; the header already says how long it is";
DELIBERATE['queue: arguments {"x-queue-type":"nonsense"}'] = "RabbitMQ answers with INTERNAL_ERROR, a crash of its own";

/** The same transcripts, as RabbitMQ gave them: `HAVOQ_RECORD=1` writes them anew. */
const transcripts: Record<string, string[]> = recorded;

describe("as RabbitMQ answered", () => {
  test("every scenario was recorded", () => {
    expect(Object.keys(transcripts)).toEqual(Object.keys(scenarios));
    expect(Object.keys(DELIBERATE).filter((name) => !(name in scenarios))).toEqual([]);
  });
  for (const [name, scenario] of Object.entries(scenarios)) {
    test(name, async () => {
      const house = new AmqpHouse({ users: { guest: "guest" } });
      const ours = await play(
        scenario,
        async () => house.raw(),
        (ms) => house.clock.advance(ms),
      );
      if (name in DELIBERATE) expect(ours).not.toEqual(transcripts[name]!);
      else expect(ours).toEqual(transcripts[name]!);
    });
  }
});

const version = installed();
if (version === null && process.env.CI) throw new Error("RabbitMQ is not installed: CI has to hold the recorded transcripts against it");
describe.skipIf(version === null || !version.startsWith("3.10."))(
  `RabbitMQ 3.10${version === null ? " (not installed)" : version.startsWith("3.10.") ? "" : ` (${version} is installed)`}`,
  () => {
    let rabbit: Awaited<ReturnType<typeof startRabbit>>;
    beforeAll(async () => {
      rabbit = await startRabbit();
    }, 90_000);
    afterAll(() => rabbit?.stop());

    test("gives the recorded answers", async () => {
      const given: Record<string, string[]> = {};
      const one = async (name: string) => {
        given[name] = await play(
          scenarios[name]!,
          () => dial(rabbit.port),
          (ms) => Bun.sleep(ms),
        );
      };
      // Those that end in seconds of silence, and leave nothing in the broker, wait side by side.
      const names = Object.keys(scenarios);
      const silent = names.filter((name) =>
        /^(connection: (?!handshake)|frame: (end|longer)|content: longer|method: (out|unknown))/.test(name),
      );
      const others = async () => {
        for (const name of names) if (!silent.includes(name)) await one(name);
      };
      await Promise.all([...silent.map(one), others()]);
      // RabbitMQ's timers and processes take their time on a busy machine: what was a matter of milliseconds is asked again.
      for (let again = 0; again < 2; again++)
        for (const name of names) if (!Bun.deepEquals(given[name], transcripts[name])) await one(name);
      if (process.env.HAVOQ_RECORD)
        await Bun.write(
          new URL("rabbitmq-3.10.json", import.meta.url),
          `${JSON.stringify(Object.fromEntries(names.map((name) => [name, given[name]])), null, 1)}\n`,
        );
      else expect(given).toEqual(transcripts);
    }, 180_000);
  },
);
