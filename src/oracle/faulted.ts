import type { HookEvent } from "../hooks/event.ts";
import type { JournalEntry } from "../journal/journal.ts";
import type { HookPoint } from "../hooks/match.ts";
import type { ConnectionInfo } from "../hooks/plugin.ts";

/** One line of the journal, as far as a finding tells of it. */
export interface Fault {
  readonly rule: string;
  /** The line's number in the journal. */
  readonly n: number;
  /** The verdict's kind, or the action's name. */
  readonly what: string;
  readonly stream: string;
  readonly ordinal: number;
}

interface Touch {
  readonly at: number;
  readonly fault: Fault;
  /** It can make a client send again. */
  readonly retry: boolean;
}

/** Faults that are remembered for each client, and clients. */
const TOUCHES_MOST = 1_000;
const CLIENTS_MOST = 10_000;
/** Verdicts on a message that its sender notices. */
const NOTICED = new Set(["fail", "close", "hang"]);

/** The client that a connection belongs to: its next connection is taken for the same client's where it has a name. */
export function clientOf(connection: ConnectionInfo): string {
  return `${connection.protocol} ${connection.clientId === "" ? `#${connection.id}` : connection.clientId}`;
}

/** Which faults touched what, and when: what findings are explained by. */
export class Touches {
  private readonly byEvent = new WeakMap<object, Fault[]>();
  private readonly byClient = new Map<string, Touch[]>();
  /** Actions on the brokers concern everybody. */
  private readonly everywhere: Touch[] = [];
  private readonly losses = new Map<string, number[]>();

  add(at: number, point: HookPoint | null, event: HookEvent | null, entry: JournalEntry): void {
    const { rule, n, stream, ordinal } = entry;
    const what = entry.verdict ?? entry.action ?? "";
    const fault: Fault = { rule, n, what, stream, ordinal };
    if (entry.action !== undefined || event === null) return push(this.everywhere, { at, fault, retry: true });
    const known = this.byEvent.get(event);
    if (known === undefined) this.byEvent.set(event, [fault]);
    else known.push(fault);
    if (event.connection === null) return;
    const retry = (point !== "message" && point !== "delivery") || NOTICED.has(what);
    push(listOf(this.byClient, clientOf(event.connection)), { at, fault, retry });
  }

  /** A client's connection was cut. */
  lost(at: number, connection: ConnectionInfo): void {
    push(listOf(this.losses, clientOf(connection)), at);
  }

  /** What fired on the very message. */
  on(event: object | null): readonly Fault[] {
    return (event === null ? undefined : this.byEvent.get(event)) ?? NOTHING;
  }

  /** The first fault that touched the client, or everybody, after `from` and up to `to`. */
  between(client: string | null, from: number, to: number, retryOnly = false): Fault | null {
    const fits = (touch: Touch): boolean => touch.at > from && touch.at <= to && (touch.retry || !retryOnly);
    const own = client === null ? undefined : this.byClient.get(client)?.find(fits);
    const common = this.everywhere.find(fits);
    if (own === undefined || common === undefined) return (own ?? common)?.fault ?? null;
    return own.at < common.at ? own.fault : common.fault;
  }

  /** The last fault that touched the client, or everybody, up to now. */
  latest(client: string): Fault | null {
    const own = this.byClient.get(client)?.at(-1);
    const common = this.everywhere.at(-1);
    if (own === undefined || common === undefined) return (own ?? common)?.fault ?? null;
    return own.at > common.at ? own.fault : common.fault;
  }

  /** Was a connection of this client cut in between? */
  wasCut(client: string, from: number, to: number): boolean {
    return this.losses.get(client)?.some((at) => at > from && at <= to) ?? false;
  }
}

const NOTHING: readonly Fault[] = [];

function listOf<T>(map: Map<string, T[]>, key: string): T[] {
  let list = map.get(key);
  if (list === undefined) {
    if (map.size >= CLIENTS_MOST) map.delete(map.keys().next().value!);
    map.set(key, (list = []));
  }
  return list;
}

function push<T>(list: T[], one: T): void {
  if (list.push(one) > 2 * TOUCHES_MOST) list.splice(0, TOUCHES_MOST);
}
