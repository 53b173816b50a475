import type { HookEvent } from "../hooks/event.ts";
import type { JournalEntry } from "../journal/journal.ts";
import { compilePattern, type HookPoint } from "../hooks/match.ts";
import type { Delivered, Departure, MessageId, Observer, Refusal, Stored } from "../hooks/observer.ts";
import type { AnyMessage, ConnectionInfo, KafkaMessage, MqttMessage, Protocol } from "../hooks/plugin.ts";
import { Arrivals } from "./arrivals.ts";
import { Book, Item, type Taker } from "./book.ts";
import { Findings } from "./findings.ts";
import { Groups } from "./groups.ts";
import { type Identity, type Print, printOf } from "./identity.ts";
import type { OracleReport } from "./report.ts";
import { clientOf, type Fault, Touches } from "./faulted.ts";

export interface OracleOptions {
  /**
   * What makes two messages the same. Left out: key and payload, and two alike count as duplicates only
   * where a retry is plausible: a fault or a lost connection lies between them.
   */
  readonly identity?: Identity;
  /** Places that are left alone: topics, partitions (`orders-3`) and queues, with wildcards. */
  readonly ignore?: readonly string[];
  /** Messages that are accounted for at one time; the oldest leave the account. */
  readonly messages?: number;
}

/** Messages accounted for at one time, unless told otherwise. */
const MESSAGES_MOST = 200_000;
/** Places with a book of their own. */
const PLACES_MOST = 20_000;

/** Keeps account of every message, and tells at the end what was lost, doubled, out of order or left over. */
export class Oracle implements Observer {
  private readonly identity: Identity;
  private readonly namesIdentity: boolean;
  private readonly ignores: (place: string, protocol: Protocol) => boolean;
  private readonly most: number;
  private readonly books = new Map<string, Book | null>();
  private readonly arrivals = new Arrivals();
  private readonly touches = new Touches();
  private readonly groups = new Groups();
  private readonly findings: Findings;
  /** All messages in the account, oldest first, from `head` on. */
  private account: Item[] = [];
  private head = 0;
  private readonly listeners = new Set<() => void>();
  private leftMessages = 0;
  private leftUnacknowledged = 0;
  /** Everything that happens gets the next number. */
  private clock = 0;

  constructor(
    private readonly seed: number,
    { identity, ignore = [], messages = MESSAGES_MOST }: OracleOptions = {},
  ) {
    this.identity = identity ?? "content";
    this.namesIdentity = identity !== undefined;
    const ignored = ignore.map(placeTest);
    this.ignores = (place, protocol) => ignored.some((test) => test(place, protocol));
    this.most = messages;
    this.findings = new Findings(this.touches, () => this.clock);
  }

  report(): OracleReport {
    const books = [...this.books.values()].filter((book) => book !== null);
    return this.findings.report(this.seed, books, { messages: this.leftMessages, unacknowledged: this.leftUnacknowledged });
  }

  /** Messages stored until now in the places of this name or pattern: Kafka topics or partitions, AMQP queues, MQTT topics. */
  storedIn(place: string): number {
    const fits = placeTest(place);
    let stored = 0;
    for (const book of this.books.values()) if (book !== null && fits(book.place, book.protocol)) stored += book.counts.stored;
    return stored;
  }

  /** Calls `listener` right after each message that was stored; returns what ends it. */
  onStored(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  // --- In ---------------------------------------------------------------------------------------

  fired(point: HookPoint | null, event: HookEvent | null, entry: JournalEntry): void {
    this.touches.add(++this.clock, point, event, entry);
  }

  received(message: AnyMessage): void {
    this.arrivals.received(this.lineOf(message), ++this.clock);
  }

  refused(message: AnyMessage, how: Refusal): void {
    this.arrivals.refused(this.lineOf(message), how);
    const book = this.book(message.protocol, placeOf(message));
    if (book === null || how === "repeated") return;
    if (how === "reroute") book.counts.rerouted++;
    else if (how === "expire") book.counts.expired++;
    else if (how !== "drop") book.counts.refused++;
    else this.findings.dropped(book, message.key, this.printOf(message).text, message.connection, this.touches.on(message));
  }

  stored(place: string, id: MessageId, message: AnyMessage): void {
    this.enter(place, id, message);
    for (const listener of this.listeners) listener();
  }

  private enter(place: string, id: MessageId, message: AnyMessage): void {
    const at = ++this.clock;
    const arrival = this.arrivals.take(this.lineOf(message));
    const book = this.book(message.protocol, place);
    if (book === null) return;
    const { connection } = message;
    const print = this.printOf(message);
    const faults = this.touches.on(message);
    book.counts.stored++;
    if (connection === null) this.findings.cameAfterAll(message.protocol, print.text);
    const known = book.items.get(id);
    if (known !== undefined && known.gone === null) {
      known.copies++;
      book.counts.duplicates++;
      this.findings.add("duplicate", "stored more than once", known, { faults });
      return;
    }
    const before = book.prints.get(print.text);
    const item = new Item(book, id, message.key, print.text, connection === null ? null : clientOf(connection), connection, at, faults);
    book.add(item);
    this.keep(item);
    if (before !== undefined) this.judgeRepetition(before, item, print, (message as MqttMessage).dup === true);
    const line = lineOfOrder(message, item.sender);
    if (arrival === undefined || line === null || book.inOrder(line, arrival)) return;
    const since = this.touches.between(item.sender, arrival, at);
    this.findings.add("reordering", "stored behind what came later", item, {
      faults: faults.length > 0 || since === null ? faults : [since],
    });
  }

  /** The same message lies there twice: a duplicate, or only its like? */
  private judgeRepetition(before: Item, item: Item, print: Print, dup: boolean): void {
    const doubled = item.faults.filter(({ what }) => what === "duplicate");
    const client = before.sender ?? item.sender;
    const retried = doubled.length > 0 ? null : this.touches.between(client, before.at, item.at, true);
    const sure = print.named && (this.namesIdentity || typeof this.identity === "object");
    const cut = client !== null && this.touches.wasCut(client, before.at, item.at);
    if (!sure && !dup && !cut && doubled.length === 0 && retried === null) return;
    item.book.counts.duplicates++;
    this.findings.add("duplicate", "stored more than once", item, { faults: retried === null ? doubled : [retried] });
  }

  // --- Out --------------------------------------------------------------------------------------

  queued(of: Stored, consumer: string): void {
    const item = this.find(of);
    if (item !== undefined) item.taker(consumer).queued++;
  }

  delivered(delivered: Delivered, settled: boolean): void {
    const item = this.find(delivered);
    this.clock++;
    if (item === undefined) return;
    if (delivered.protocol !== "kafka") return this.give(item, delivered.consumer, delivered, settled);
    const groups = this.groups.of(delivered.connection);
    for (const group of groups) {
      const position = item.book.group(group);
      position.first = Math.min(position.first, delivered.tag);
      position.unsure ||= groups.length > 1;
      this.give(item, group, delivered, false);
    }
    // Who is in no group commits nothing.
    if (groups.length === 0) this.give(item, `client ${delivered.connection.clientId}`, delivered, true);
  }

  private give(item: Item, consumer: string, { connection, tag, event }: Delivered, settled: boolean): void {
    const { counts } = item.book;
    const taker = item.taker(consumer);
    const faults = this.touches.on(event);
    const done = taker.delivered > 0 && taker.acknowledged >= owed(item, taker);
    taker.delivered++;
    taker.at = this.clock;
    taker.connection = connection;
    taker.tag = tag;
    taker.waits = false;
    if (taker.delivered === 1) {
      counts.delivered++;
      const line = item.offset === null ? `${consumer}\0${item.sender}\0${item.key}` : null;
      if (line !== null && !item.book.inOrder(`out ${line}`, item.at)) {
        this.findings.add("reordering", "delivered after what was stored later", item, { taker, faults });
      }
    } else if (taker.delivered > owed(item, taker)) {
      const doubled = faults.some(({ what }) => what === "duplicate");
      if (doubled || (done && !settled)) {
        this.findings.add("duplicate", doubled ? "delivered more than once" : "delivered again after it was acknowledged", item, {
          taker,
          faults,
        });
      } else counts.redelivered++;
    }
    if (settled) this.settle(item, taker);
  }

  withheld(delivered: Delivered, verdict: string, forGood: boolean): void {
    const item = this.find(delivered);
    this.clock++;
    if (item === undefined) return;
    if (verdict === "reroute") item.book.counts.rerouted++;
    const groups = delivered.protocol === "kafka" ? this.groups.of(delivered.connection) : [delivered.consumer];
    for (const consumer of groups.length > 0 ? groups : [`client ${delivered.connection.clientId}`]) {
      const taker = item.taker(consumer);
      if (delivered.protocol === "kafka" && groups.length > 0)
        item.book.group(consumer).first = Math.min(item.book.group(consumer).first, delivered.tag);
      taker.at = this.clock;
      taker.connection = delivered.connection;
      taker.tag = delivered.tag;
      taker.withheld = { forGood, faults: this.touches.on(delivered.event), verdict };
    }
  }

  acknowledged(of: Stored, consumer: string): void {
    const item = this.find(of);
    this.clock++;
    const taker = item?.find(consumer);
    if (item !== undefined && taker !== undefined) this.settle(item, taker);
  }

  private settle(item: Item, taker: Taker): void {
    if (taker.acknowledged++ === 0) item.book.counts.acknowledged++;
  }

  returned(of: Stored): void {
    const taker = this.find(of)?.find("");
    if (taker !== undefined) taker.waits = true;
  }

  left(of: Stored, why: Departure, consumer: string | null, deadLettered: boolean): void {
    const item = this.find(of);
    this.clock++;
    if (item === undefined) return;
    if (consumer === null) {
      item.gone = why;
      // The message may come to this place again, as a dead letter that goes round.
      if (item.book.items.get(item.id) === item) item.book.items.delete(item.id);
    }
    this.countLeft(item, why, consumer, deadLettered);
  }

  private countLeft(item: Item, why: Departure, consumer: string | null, deadLettered: boolean): void {
    const { counts } = item.book;
    const taker = consumer === null ? item.takers[0] : item.find(consumer);
    if (consumer !== null && taker !== undefined) taker.gone = why;
    if (deadLettered) return void counts.deadLettered++;
    if (why === "expired") return void counts.expired++;
    if (why === "rejected by a full queue") return void counts.refused++;
    if (why === "removed") return void counts.removed++;
    if (consumer !== null && taker === undefined) return;
    if (why === "session ended") {
      if (taker!.acknowledged >= owed(item, taker!)) return;
      counts.removed++;
      this.findings.add("leftover", "unacknowledged when the session ended", item, {
        taker: taker!,
        faults: taker!.withheld?.faults ?? [],
        explain: true,
      });
      return;
    }
    counts.lost++;
    this.findings.add("loss", LOSSES[why], item, { ...(taker === undefined ? {} : { taker }), explain: true });
  }

  trimmed(place: string, below: number, why: Departure): void {
    const book = this.books.get(`kafka ${place}`);
    for (const item of book?.between(0, below) ?? []) {
      if (item.gone !== null) continue;
      item.gone = why;
      book!.counts[why === "expired" ? "expired" : "removed"]++;
    }
  }

  truncated(place: string, from: number): void {
    const book = this.books.get(`kafka ${place}`);
    for (const item of [...(book?.between(from, Infinity) ?? [])]) {
      if (item.gone !== null) continue;
      this.left({ protocol: "kafka", place, id: item.id }, "crash", null, false);
      book!.prints.delete(item.print);
    }
    if (book != null) book.order = book.order.filter((item) => item.gone !== "crash");
  }

  // --- Groups and connections -------------------------------------------------------------------

  joined(group: string, connection: ConnectionInfo): void {
    this.groups.joined(group, connection);
  }

  committed(group: string, place: string, offset: number, member: string, connection: ConnectionInfo, error: string | null): void {
    this.clock++;
    const book = this.book("kafka", place);
    if (book === null) return;
    this.groups.joined(group, connection);
    if (error !== null) {
      if (ZOMBIE.has(error)) this.findings.zombie(book, group, offset, member, connection, error);
      return;
    }
    const position = book.group(group);
    const from = Math.max(position.committed, Number.isFinite(position.first) ? position.first : 0);
    position.committed = offset;
    for (const item of book.between(from, offset)) {
      const taker = item.find(group);
      if (taker !== undefined && taker.delivered > 0) this.settle(item, taker);
    }
  }

  disconnected(connection: ConnectionInfo, lost: boolean): void {
    if (lost) this.touches.lost(++this.clock, connection);
  }

  // --- The account ------------------------------------------------------------------------------

  private book(protocol: Protocol, place: string): Book | null {
    const name = `${protocol} ${place}`;
    let book = this.books.get(name);
    if (book !== undefined) return book;
    const left = this.books.size >= PLACES_MOST || this.ignores(place, protocol);
    this.books.set(name, (book = left ? null : new Book(protocol, place)));
    return book;
  }

  private find({ protocol, place, id }: Stored): Item | undefined {
    return this.books.get(`${protocol} ${place}`)?.items.get(id);
  }

  private keep(item: Item): void {
    this.account.push(item);
    if (this.account.length - this.head <= this.most) return;
    const oldest = this.account[this.head++]!;
    this.leftMessages++;
    if (oldest.gone === null && !oldest.takers.some((taker) => taker.acknowledged > 0)) this.leftUnacknowledged++;
    oldest.book.forget(oldest);
    if (this.head > 10_000 && this.head * 2 > this.account.length) {
      this.account = this.account.slice(this.head);
      this.head = 0;
    }
  }

  private printOf(message: AnyMessage): Print {
    return printOf(message, this.identity);
  }

  /** What a message is known by until it is stored. */
  private lineOf(message: AnyMessage): string {
    return `${message.protocol} ${placeOf(message)} ${this.printOf(message).text}`;
  }
}

/** Copies that a consumer is owed. */
function owed(item: Item, taker: Taker): number {
  return Math.max(taker.queued, item.copies);
}

/** Where a message goes, before it is known which queues that means. */
function placeOf(message: AnyMessage): string {
  if (message.protocol === "kafka") return `${message.destination}-${(message as KafkaMessage).partition}`;
  if (message.protocol === "amqp") return message.destination === "" ? `${message.key}` : `exchange ${message.destination}`;
  return message.destination;
}

/** Messages in one line keep their order: those of one sender and key; null where nobody expects it. */
function lineOfOrder(message: AnyMessage, sender: string | null): string | null {
  if (sender === null || (message.protocol === "kafka" && message.key === null)) return null;
  const rank = message.protocol === "mqtt" ? (message as MqttMessage).qos : message.protocol === "amqp" ? priorityOf(message) : "";
  return `${sender}\0${message.key ?? ""}\0${rank}`;
}

function priorityOf(message: AnyMessage): unknown {
  return "properties" in message ? ((message.properties as Record<string, unknown>)["priority"] ?? "") : "";
}

/** A place by its own name or pattern; for Kafka partitions also by their topic's. */
export function placeTest(pattern: string): (place: string, protocol: Protocol) => boolean {
  const test = compilePattern(pattern, true);
  return (place, protocol) => test(place) || (protocol === "kafka" && test(place.replace(/-\d+$/, "")));
}

/** What a former member's commit is refused with. */
const ZOMBIE = new Set([
  "ILLEGAL_GENERATION",
  "UNKNOWN_MEMBER_ID",
  "FENCED_INSTANCE_ID",
  "FENCED_MEMBER_EPOCH",
  "STALE_MEMBER_EPOCH",
  "REBALANCE_IN_PROGRESS",
]);

const LOSSES: Record<Departure, string> = {
  expired: "expired",
  maxlen: "pushed out of a full queue",
  rejected: "rejected, and there is no dead letter exchange",
  delivery_limit: "delivered too often, and there is no dead letter exchange",
  overflow: "no room in the subscriber's queue",
  "too large": "too large for the subscriber",
  removed: "removed",
  "session ended": "the session ended",
  crash: "gone with a crash after it was acknowledged",
  "rejected by a full queue": "rejected by a full queue",
};

export type { Fault };
