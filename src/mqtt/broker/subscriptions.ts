import { utf8 } from "../../bytes/reader.ts";
import { TopicTrie } from "../../core/topics.ts";
import type { QoS } from "../wire/publish.ts";
import { MqttError } from "../wire/reasons.ts";
import type { ClientSession } from "./session.ts";
import { isText, isTopicName } from "../wire/text.ts";

export interface SubscriptionOptions {
  qos: QoS;
  noLocal: boolean;
  retainAsPublished: boolean;
  /** Subscription identifier; 0: none. */
  identifier: number;
}

/** One filter of one session. */
export class Subscription {
  constructor(
    readonly session: ClientSession,
    /** As the client wrote it, `$share/…` included. */
    readonly text: string,
    readonly filter: string,
    readonly group: Group | null,
    public options: SubscriptionOptions,
  ) {}
}

/** A shared subscription (5.0, 4.8.2): each message goes to one of its members, in turn. */
export class Group {
  readonly members: Subscription[] = [];
  private turn = 0;
  constructor(readonly key: string) {}

  /** The next member that is connected, else the next one that has a queue; null when QoS 0 finds nobody. */
  next(qos: QoS): Subscription | null {
    const { members } = this;
    for (let i = 0; i < members.length; i++) {
      const member = members[(this.turn + i) % members.length]!;
      if (member.session.link === null) continue;
      this.turn = (this.turn + i + 1) % members.length;
      return member;
    }
    const waiting = qos > 0 ? members.filter((member) => member.options.qos > 0) : [];
    return waiting.length === 0 ? null : waiting[this.turn++ % waiting.length]!;
  }
}

/** One session that a topic leads to: it gets one copy, whatever number of its filters match. */
export interface Recipient {
  session: ClientSession;
  qos: QoS;
  retainAsPublished: boolean;
  /** Identifiers of all its matching subscriptions [MQTT-3.3.4-4]; null: none. */
  ids: number[] | null;
  /** Set when one of the subscriptions has No Local: then they decide again for the publisher's own session. */
  subscriptions: Subscription[] | null;
}

/** Whether clients may not publish to a topic. */
export function isReserved(topic: string): boolean {
  return topic.startsWith("$SYS") || topic.startsWith("$share");
}

/** Where a topic leads, until a subscription changes. */
export class Route {
  /** Messages that came for this topic since the route was made. */
  count = 0;
  /** See `Audience`. */
  unseenAt = -1;
  /** Topics of the broker itself, and what looks like a share: what clients publish there goes nowhere, as with Mosquitto. */
  readonly reserved: boolean;
  constructor(
    readonly topic: string,
    /** The topic as it stands on the wire. */
    readonly bytes: Buffer,
    readonly version: number,
    readonly recipients: readonly Recipient[],
    readonly groups: readonly Group[],
  ) {
    this.reserved = isReserved(topic);
  }

  /** Nobody gets it. */
  get empty(): boolean {
    return this.recipients.length === 0 && this.groups.length === 0;
  }
}

/** Routes that are remembered by the bytes of their topic. */
const SLOTS = 4096;
const SLOT_TOPIC = 256;
/** Recipients in all remembered routes together. */
const REMEMBERED = 1 << 20;

/** All subscriptions of all sessions, and the way from a topic to them. */
export class Subscriptions {
  private readonly trie = new TopicTrie<Subscription | Group>({ separator: "/", one: "+", many: "#", hidden: "$" });
  private readonly groups = new Map<string, Group>();
  private readonly slots: (Route | undefined)[] = new Array<Route | undefined>(SLOTS).fill(undefined);
  private remembered = 0;
  private count = 0;

  /** `counted` is told of every route that is dropped, with what it counted. */
  constructor(private readonly counted: (route: Route) => void) {}

  get size(): number {
    return this.count;
  }

  add(session: ClientSession, text: string, filter: string, group: string | undefined, options: SubscriptionOptions): Subscription {
    this.count++;
    if (group === undefined) {
      const subscription = new Subscription(session, text, filter, null, options);
      this.trie.add(filter, subscription);
      return subscription;
    }
    const key = `${group}/${filter}`;
    let members = this.groups.get(key);
    if (members === undefined) {
      this.groups.set(key, (members = new Group(key)));
      this.trie.add(filter, members);
    }
    const subscription = new Subscription(session, text, filter, members, options);
    members.members.push(subscription);
    return subscription;
  }

  /** Puts other options in the place of those of a subscription. */
  change(subscription: Subscription, options: SubscriptionOptions): void {
    subscription.options = options;
    if (subscription.group !== null) return;
    // Routes hold what the options say: they have to be found anew.
    this.trie.remove(subscription.filter, subscription);
    this.trie.add(subscription.filter, subscription);
  }

  remove(subscription: Subscription): void {
    this.count--;
    const { group, filter } = subscription;
    if (group === null) return void this.trie.remove(filter, subscription);
    group.members.splice(group.members.indexOf(subscription), 1);
    if (group.members.length > 0) return;
    this.groups.delete(group.key);
    this.trie.remove(filter, group);
  }

  /**
   * The route of the topic in `buf[start, end)`, which is only decoded when it was not seen lately.
   * Throws for text that is no topic name.
   */
  find(buf: Buffer, start: number, end: number): Route {
    const size = end - start;
    let hash = size;
    for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + buf[i]!) | 0;
    const slot = (hash ^ (hash >>> 12)) & (SLOTS - 1);
    const known = this.slots[slot];
    if (known !== undefined && known.version === this.trie.version && sameBytes(known.bytes, buf, start, size)) return known;
    if (!isText(buf, start, end)) throw new MqttError("Malformed Packet", "PUBLISH: topic is not well-formed UTF-8");
    const topic = utf8(buf, start, end);
    if (!isTopicName(topic)) throw new MqttError("Protocol Error", `PUBLISH: topic name ${JSON.stringify(topic)}`);
    const route = this.resolve(topic, Buffer.from(buf.subarray(start, end)));
    if (size <= SLOT_TOPIC) this.remember(slot, route);
    return route;
  }

  /** The route of a topic that did not come from the wire. */
  route(topic: string, bytes: Buffer): Route {
    return this.resolve(topic, bytes);
  }

  /** Routes that are remembered now, for counting. */
  *known(): Iterable<Route> {
    for (const route of this.slots) if (route !== undefined) yield route;
  }

  private remember(slot: number, route: Route): void {
    const weight = route.recipients.length;
    if (this.remembered + weight > REMEMBERED) {
      for (const old of this.known()) this.counted(old);
      this.slots.fill(undefined);
      this.remembered = 0;
      if (weight > REMEMBERED) return;
    }
    const old = this.slots[slot];
    if (old !== undefined) {
      this.counted(old);
      this.remembered -= old.recipients.length;
    }
    this.slots[slot] = route;
    this.remembered += weight;
  }

  private resolve(topic: string, bytes: Buffer): Route {
    const groups: Group[] = [];
    const bySession = new Map<ClientSession, Subscription[]>();
    for (const match of this.trie.match(topic)) {
      if (match instanceof Group) groups.push(match);
      else {
        const list = bySession.get(match.session);
        if (list === undefined) bySession.set(match.session, [match]);
        else list.push(match);
      }
    }
    const recipients: Recipient[] = [];
    for (const list of bySession.values()) recipients.push(merge(list)!);
    return new Route(topic, bytes, this.trie.version, recipients, groups);
  }
}

/** All matching subscriptions of a session as one recipient [MQTT-3.3.5-1]; null when none is left. */
function merge(list: Subscription[]): Recipient | null {
  if (list.length === 0) return null;
  let qos: QoS = 0,
    retainAsPublished = false,
    noLocal = false;
  const ids: number[] = [];
  for (const { options } of list) {
    if (options.qos > qos) qos = options.qos;
    if (options.retainAsPublished) retainAsPublished = true;
    if (options.noLocal) noLocal = true;
    if (options.identifier > 0) ids.push(options.identifier);
  }
  return { session: list[0]!.session, qos, retainAsPublished, ids: ids.length > 0 ? ids : null, subscriptions: noLocal ? list : null };
}

/** What is left of a recipient for a message of its own; null: No Local keeps all of it away [MQTT-3.8.3-3]. */
export function withoutLocal({ subscriptions }: Recipient): Recipient | null {
  return merge(subscriptions!.filter(({ options }) => !options.noLocal));
}

function sameBytes(bytes: Buffer, buf: Buffer, start: number, size: number): boolean {
  if (bytes.length !== size) return false;
  for (let i = 0; i < size; i++) if (bytes[i] !== buf[start + i]) return false;
  return true;
}
