import { canonical, formatLine, type JournalEntry, type JournalLine } from "../../src/journal/journal.ts";
import { checkAmqp } from "./checks/amqp.ts";
import { checkHouse, digest } from "./checks/house.ts";
import { checkKafka } from "./checks/kafka.ts";
import { checkMqtt } from "./checks/mqtt.ts";
import { Fates, must } from "./ledger.ts";
import { World, type WorldOptions } from "./world.ts";

export interface Outcome {
  readonly digest: string[];
  readonly journal: readonly JournalLine[];
  readonly verdicts: number;
  readonly messages: number;
}

/** One simulation from its beginning to its checks. Throws Violation. */
export async function simulate(options: WorldOptions): Promise<Outcome> {
  using world = new World(options);
  await world.run();
  const fates = new Fates(entriesOf(world.journal));
  checkHouse(world, fates);
  checkKafka(world, fates);
  checkMqtt(world, fates);
  checkAmqp(world, fates);
  const found = digest(world);
  await world.end();
  return { digest: found, journal: world.journal, verdicts: fates.all.length, messages: world.ledger.sent.size };
}

function entriesOf(lines: readonly JournalLine[]): JournalEntry[] {
  return lines.filter((line): line is JournalEntry => "rule" in line);
}

/** The same seed again does the same again: verdict by verdict, and message by message. */
export function compare(one: Outcome, other: Outcome): void {
  compareJournals(one, other);
  differ("run", one.digest, other.digest);
}

/** So does a journal that is given back, as far as it reaches. */
export function compareJournals(one: Outcome, other: Outcome): void {
  differ("journal", canonical(entriesOf(one.journal)), canonical(entriesOf(other.journal)));
  differ("journal with its times", entriesOf(one.journal).map(formatLine), entriesOf(other.journal).map(formatLine));
}

function differ(what: string, one: readonly string[], other: readonly string[]): void {
  const at = one.findIndex((line, i) => line !== other[i]);
  must(
    at < 0 && one.length === other.length,
    () => `the ${what} differs from line ${at} of ${one.length} and ${other.length}:\n${one[at]}\n${other[at]}`,
  );
}
