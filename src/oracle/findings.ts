import type { ConnectionInfo, Protocol } from "../hooks/plugin.ts";
import { type Book, COUNTS, type Counts, type Item, type Taker } from "./book.ts";
import { type Finding, type FindingKind, KINDS, type OracleReport } from "./report.ts";
import { clientOf, type Fault, type Touches } from "./faulted.ts";

/** Findings of one kind that are listed; the others are counted. */
const LISTED_MOST = 10_000;

interface Circumstances {
  faults?: readonly Fault[];
  /** The consumer that it concerns. */
  taker?: Taker;
  /** Look for the fault that touched the consumer or sender since. */
  explain?: boolean;
}

/** What was found: as it happens, and at the end by looking through the books. */
export class Findings {
  private readonly listed: Finding[] = [];
  private readonly found = new Map<FindingKind, number>();
  /** Messages that a verdict dropped although their sender was told all is well. A plugin may still bring them. */
  private readonly drops = new Map<string, Finding[]>();

  constructor(
    private readonly touches: Touches,
    private readonly now: () => number,
  ) {}

  add(kind: FindingKind, what: string, item: Item, circumstances: Circumstances): void {
    this.list(this.finding(kind, what, item, circumstances));
  }

  dropped(book: Book, key: string | null, message: string, connection: ConnectionInfo | null, faults: readonly Fault[]): void {
    const finding: Finding = {
      kind: "loss",
      what: "acknowledged and never stored",
      protocol: book.protocol,
      place: book.place,
      key,
      message,
      count: 1,
      connection: connection?.id ?? null,
      client: connection?.clientId ?? null,
      faults,
    };
    const name = `${book.protocol} ${message}`;
    const known = this.drops.get(name);
    if (known !== undefined) known.push(finding);
    else if (this.drops.size < LISTED_MOST) this.drops.set(name, [finding]);
    else this.list(finding);
  }

  /** Somebody within published it: what a verdict took out of the way was put back. */
  cameAfterAll(protocol: Protocol, message: string): void {
    const name = `${protocol} ${message}`;
    const drops = this.drops.get(name);
    if (drops === undefined) return;
    drops.shift();
    if (drops.length === 0) this.drops.delete(name);
  }

  zombie(book: Book, group: string, offset: number, member: string, connection: ConnectionInfo, error: string): void {
    const fault = this.touches.latest(clientOf(connection));
    this.list({
      kind: "zombie commit",
      what: `a commit by a former member was refused with ${error}`,
      protocol: "kafka",
      place: book.place,
      key: null,
      message: null,
      count: 1,
      offset,
      consumer: `group ${group}, member ${member}`,
      connection: connection.id,
      client: connection.clientId,
      faults: fault === null ? [] : [fault],
    });
  }

  private list(finding: Finding): void {
    const n = (this.found.get(finding.kind) ?? 0) + 1;
    this.found.set(finding.kind, n);
    if (n <= LISTED_MOST) this.listed.push(finding);
  }

  private finding(kind: FindingKind, what: string, item: Item, { faults = [], taker, explain = false }: Circumstances, count = 1): Finding {
    const { book, key, print, offset } = item;
    const connection = taker?.connection ?? item.connection;
    let known = faults.length > 0 ? faults : item.faults;
    if (explain && known.length === 0) {
      const client = connection === null ? null : clientOf(connection);
      const fault = this.touches.between(client, taker === undefined || taker.at === 0 ? item.at : taker.at - 1, this.now());
      if (fault !== null) known = [fault];
    }
    const tag =
      taker === undefined || taker.tag === 0
        ? {}
        : book.protocol === "amqp"
          ? { deliveryTag: taker.tag }
          : book.protocol === "mqtt"
            ? { packetId: taker.tag }
            : {};
    return {
      kind,
      what,
      protocol: book.protocol,
      place: book.place,
      key,
      message: print,
      count,
      ...(offset === null ? {} : { offset }),
      ...tag,
      ...(taker === undefined || taker.consumer === "" ? {} : { consumer: taker.consumer }),
      connection: connection?.id ?? null,
      client: connection?.clientId ?? null,
      faults: known,
    };
  }

  // --- At the end -------------------------------------------------------------------------------

  /** May be asked for more than once: what is only known from the books is looked for anew each time. */
  report(seed: number, books: readonly Book[], left: { messages: number; unacknowledged: number }): OracleReport {
    const late = [...[...this.drops.values()].flat(), ...books.flatMap((book) => [...this.audit(book)])];
    const found = Object.fromEntries(KINDS.map((kind) => [kind, this.found.get(kind) ?? 0])) as Record<FindingKind, number>;
    const findings = [...this.listed];
    for (const finding of late) {
      found[finding.kind] += 1;
      if (found[finding.kind] <= LISTED_MOST) findings.push(finding);
    }
    const all = KINDS.reduce((sum, kind) => sum + found[kind], 0);
    const places = books
      .map((book) => {
        const lost = late.filter((one) => one.kind === "loss" && one.protocol === book.protocol && one.place === book.place).length;
        return { protocol: book.protocol, place: book.place, ...book.counts, lost: book.counts.lost + lost };
      })
      .filter((place) => COUNTS.some((name) => place[name] > 0))
      .sort((a, b) => (`${a.protocol} ${a.place}` < `${b.protocol} ${b.place}` ? -1 : 1));
    const totals = Object.fromEntries(
      COUNTS.map((name) => [name, places.reduce((sum, place) => sum + place[name], 0)]),
    ) as unknown as Counts;
    return {
      seed,
      clean: all === 0,
      totals,
      places,
      found,
      findings: KINDS.flatMap((kind) => findings.filter((finding) => finding.kind === kind)),
      leftOut: { ...left, findings: all - findings.length },
    };
  }

  private *audit(book: Book): IterableIterator<Finding> {
    if (book.protocol === "kafka") {
      for (const group of book.groups.keys()) yield* this.auditGroup(book, group);
      for (const item of book.all()) {
        for (const taker of item.takers) {
          if (
            !book.groups.has(taker.consumer) &&
            taker.delivered === 0 &&
            taker.withheld !== null &&
            taker.withheld.verdict !== "reroute"
          ) {
            yield this.finding("loss", "kept from its consumer", item, { taker, faults: taker.withheld.faults });
          }
        }
      }
      return;
    }
    for (const item of book.all()) {
      if (item.gone !== null) continue;
      const takers = item.takers.length > 0 || book.counts.delivered === 0 || book.protocol === "mqtt" ? item.takers : [item.taker("")];
      for (const taker of takers) yield* this.auditTaker(item, taker);
    }
  }

  private *auditTaker(item: Item, taker: Taker): IterableIterator<Finding> {
    if (taker.gone !== null || taker.acknowledged >= Math.max(taker.queued, item.copies)) return;
    const { withheld } = taker;
    if (withheld !== null && withheld.verdict === "reroute") return;
    if (withheld !== null && withheld.forGood && taker.delivered === 0) {
      yield this.finding("loss", "kept from its consumer", item, { taker, faults: withheld.faults });
      return;
    }
    const what = taker.waits
      ? "given back, and waits again"
      : taker.delivered > 0
        ? "delivered and not acknowledged"
        : withheld !== null
          ? "kept from its consumer so far"
          : "never delivered";
    yield this.finding("leftover", what, item, { taker, explain: true, ...(withheld === null ? {} : { faults: withheld.faults }) });
  }

  /** What a consumer group passed over, and what it has yet to commit, run by run. */
  private *auditGroup(book: Book, group: string): IterableIterator<Finding> {
    const { first, committed, unsure } = book.groups.get(group)!;
    const from = Number.isFinite(first) ? first : committed;
    if (from < 0) return;
    let run = null as Finding | null;
    for (const item of book.between(from, Infinity)) {
      if (item.gone !== null) continue;
      const taker = item.find(group);
      const next = this.auditRecord(item, taker, group, committed, unsure);
      if (run !== null && next !== null && follows(run, next)) {
        run = { ...run, count: run.count + 1, key: null, message: null };
        continue;
      }
      if (run !== null) yield run;
      run = next;
    }
    if (run !== null) yield run;
  }

  private auditRecord(item: Item, taker: Taker | undefined, group: string, committed: number, unsure: boolean): Finding | null {
    const delivered = taker !== undefined && taker.delivered > 0;
    const withheld = taker?.withheld ?? null;
    if (withheld?.verdict === "reroute") return null;
    const of = taker ?? item.taker(group);
    if (item.offset! < committed) {
      if (delivered || (unsure && withheld === null)) return null;
      if (withheld !== null) return this.finding("loss", "kept from its consumer", item, { taker: of, faults: withheld.faults });
      return this.finding("loss", "passed over by its group", item, { taker: of, explain: true });
    }
    const what = delivered ? "delivered and not committed" : "not reached by its group";
    return this.finding("leftover", what, item, {
      taker: of,
      explain: delivered,
      ...(withheld === null ? {} : { faults: withheld.faults }),
    });
  }
}

/** Is this the next of the same sort? Losses are told one by one. */
function follows(run: Finding, next: Finding): boolean {
  return (
    run.kind === "leftover" &&
    next.kind === "leftover" &&
    run.what === next.what &&
    run.connection === next.connection &&
    run.faults.length === next.faults.length &&
    run.faults.every(({ n }, i) => n === next.faults[i]!.n)
  );
}
