/** What the faults did in one run happens again in another, from the journal alone. */
import { expect, test } from "bun:test";
import { canonical, type JournalLine } from "../../src/journal/journal.ts";
import type { Rule } from "../../src/rules/rule.ts";
import { type Got, PROTOCOLS, texts, World } from "../support/chaos.ts";

const SENT = Array.from({ length: 24 }, (_, i) => JSON.stringify({ i, text: "some content" }));

test.each(PROTOCOLS)(
  "%s",
  async (protocol) => {
    const inbound = { protocol, client: "producer" } as const;
    const outbound = { protocol, client: "consumer", direction: "out" } as const;
    const rules: Rule[] = [
      { name: "corrupt", match: inbound, when: { probability: 0.2 }, fault: { corrupt: { how: "bit-flip", bits: 3 } } },
      { name: "json", match: inbound, when: { every: 7 }, fault: { corrupt: { how: "invalid-json" } } },
      { name: "poison", match: inbound, when: { nth: 5 }, fault: { "poison-message": { payload: "poison", beside: true } } },
      { name: "late", match: inbound, when: { probability: 0.2 }, fault: { latency: { ms: { from: 1, to: 9 } } } },
      { name: "twice", match: inbound, when: { nth: 9 }, fault: "duplicate" },
      { name: "lost", match: inbound, when: { nth: 11 }, fault: "drop" },
      // In Kafka, where each waits for its answer, no other comes meanwhile.
      { name: "order", match: inbound, fault: { reorder: { window: 3, ms: protocol === "kafka" ? 50 : 700 } } },
      { name: "cut short", match: outbound, when: { every: 6 }, fault: { corrupt: { how: "truncate" } } },
    ];
    const run = async (
      given: readonly Rule[],
      replay?: readonly JournalLine[],
    ): Promise<{ got: string[]; lines: JournalLine[]; fired: string[] }> => {
      await using world = await World.under(given, replay === undefined ? {} : { replay });
      const lines: JournalLine[] = [];
      world.havoq.journal.listen((line) => void lines.push(line));
      const peer = await world.peer(protocol);
      // In MQTT and AMQP those that step aside are answered only when others have come.
      const sent: Promise<unknown>[] = [];
      for (const text of SENT) {
        const one = peer.send(text);
        if (protocol === "kafka") await one;
        else sent.push(one);
      }
      await Promise.all(sent);
      const got: Got[] = await peer.take(SENT.length + 1); // one poisoned, one doubled, one lost
      return { got: texts(got), lines, fired: canonical(world.havoq.journal.entries()) };
    };
    const first = await run(rules);
    expect(first.got).not.toEqual(SENT);
    expect(new Set(first.lines.flatMap((line) => ("verdict" in line ? [line.verdict] : []))).size).toBeGreaterThanOrEqual(5);
    // Who added rules to the run adds them to its repetition: there they say from when on the journal speaks for them.
    const second = await run(
      rules.map((rule) => ({ ...rule, when: { nth: 1_000_000 } })),
      first.lines,
    );
    expect(second.got).toEqual(first.got);
    expect(second.fired).toEqual(first.fired);
  },
  20_000,
);
