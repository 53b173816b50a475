import type { JournalLine } from "../../src/journal/journal.ts";
import faults from "../../src/rules/faults/index.ts";
import { registerFaults, registerPresets, type Fault, type Rule } from "../../src/rules/rule.ts";
import { object, optional, text, whole } from "../../src/core/shape.ts";
import type { Replay } from "../../src/journal/replay.ts";
import { Rules } from "../../src/rules/rules.ts";
import { TestBroker } from "../mqtt/client.ts";

/** Does nothing but tell that it was done and taken back. */
export const deeds: string[] = [];
const deed: Fault<{ what: string }> = {
  name: "deed",
  summary: "notes { what }",
  options: object({ what: optional(text, "it") }),
  act({ what }, _match, broker) {
    deeds.push(`do ${what}`);
    broker.killBroker(1);
    return () => {
      deeds.push(`undo ${what}`);
      broker.restartBroker(1);
    };
  },
};
registerFaults([...faults, deed]);
registerPresets([
  {
    name: "two-steps",
    summary: "drops { first } messages, then doubles one",
    options: object({ first: optional(whole(1), 2) }),
    rules: ({ first }, match): Rule[] => [
      { name: "first-step", match, when: { times: first }, fault: "drop" },
      { match, when: { after: { rule: "first-step", times: first }, once: true }, fault: "duplicate" },
    ],
  },
]);

/** A broker in memory under rules, with one publisher and one subscriber of everything. */
export const underRules = (...given: Rule[]) => houseOf(given, null);

/** The same with a journal in the place of rules. */
export const underReplay = (replay: Replay) => houseOf([], replay);

async function houseOf(given: Rule[], replay: Replay | null) {
  const t = new TestBroker({}, replay);
  const acts: string[] = [];
  t.house.seam.control = {
    actions: new Set(["killBroker", "restartBroker"]),
    read: (_action: string, args: readonly unknown[]) => [...args],
    killBroker: (broker: number) => void acts.push(`kill ${broker}`),
    restartBroker: (broker: number) => void acts.push(`restart ${broker}`),
  } as never;
  const rules = new Rules(t.house.seam, t.house.clock, { brokers: 1 });
  const lines: JournalLine[] = [];
  const handles = rules.addAll(given, { source: "file" });
  t.house.journal.listen((line) => void lines.push(line));
  replay?.startClock(t.house.seam);
  const [publisher, subscriber] = [await t.client(5, { clientId: "pub" }), await t.client(5, { clientId: "sub" })];
  await subscriber.subscribe("#", { qos: 1 });
  const texts = async (): Promise<string[]> =>
    (await subscriber.rest()).flatMap((packet) => (packet.type === "PUBLISH" ? [packet.payload.toString()] : []));
  /** Publishes these texts, and answers what came of them. */
  const send = async (topic: string, ...all: string[]): Promise<string[]> => {
    for (const one of all) publisher.publish(topic, one, { qos: 0 });
    return texts();
  };
  return { t, rules, handles, rule: handles[0]!, acts, lines, publisher, subscriber, texts, send };
}

export const numbers = (count: number, from = 1): string[] => Array.from({ length: count }, (_, i) => String(from + i));
