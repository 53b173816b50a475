import { Writer } from "../../bytes/writer.ts";
import { ArgumentError } from "../../core/errors.ts";
import { Tally } from "../../core/tally.ts";
import { inTurn, Sent } from "../../pipeline/inject.ts";
import type { ConnectionInfo, Outgoing } from "../../hooks/plugin.ts";
import type { Random } from "../../hooks/random.ts";
import type { Connection } from "../../net/connection.ts";
import type { Server } from "../../net/net.ts";
import type { Host } from "../../pipeline/host.ts";
import type { Backlog } from "./backlog.ts";
import { acceptInternal, type Origin, originOf } from "../pipeline/intake.ts";
import { seesAny } from "../pipeline/outlet.ts";
import { Link } from "./link.ts";
import { bytesOf, Fanout, makeMessage, Message, pairs } from "../wire/message.ts";
import { MQTT_DEFAULTS, type MqttOptions } from "./options.ts";
import type { Version, Will } from "../wire/packets.ts";
import type { Properties } from "../wire/properties.ts";
import type { PublishView, QoS } from "../wire/publish.ts";
import type { ReasonName } from "../wire/reasons.ts";
import { Retained } from "./retained.ts";
import { ClientSession } from "./session.ts";
import { isReserved, Subscriptions, withoutLocal, type Route } from "./subscriptions.ts";
import { Sys } from "./sys.ts";
import { isTopicFilter } from "../wire/text.ts";

/** QoS 0 packets of this size and above are sent from the chunk they came in, without a copy. */
const VIEW_FROM = 16 * 1024;
const VERSIONS = { 3: "3.1", 4: "3.1.1", 5: "5.0" } as const;

/** A session as it is now; what belongs to a connection is null while there is none. */
export interface ClientInfo {
  clientId: string;
  connected: boolean;
  version: (typeof VERSIONS)[Version] | null;
  transport: string | null;
  remote: string | null;
  user: string | null;
  subscriptions: { filter: string; qos: QoS }[];
  /** Copies that wait to be sent. */
  queued: number;
  /** Copies that were sent and not acknowledged. */
  unacknowledged: number;
}

/** An MQTT broker for 3.1, 3.1.1 and 5.0. */
export class MqttBroker implements Server {
  readonly protocol = "mqtt";
  readonly options: MqttOptions;
  readonly maxConnections: number;
  /** By client id. */
  readonly sessions = new Map<string, ClientSession>();
  readonly subscriptions: Subscriptions;
  readonly retained: Retained;
  readonly fanout = new Fanout();
  private readonly sys: Sys;

  /** Messages that clients published. */
  received = 0;
  /** Copies that were sent. */
  delivered = 0;
  /** Copies that found a queue full, or a reader too slow. */
  dropped = 0;
  /** Bytes of all copies in QoS 1 and 2 that wait or are in flight. */
  queuedBytes = 0;
  /** Bytes of QoS 0 packets that slow readers have yet to read. */
  backlog = 0;
  /** A reader that the message in hand has brought too far behind. */
  pressed: Backlog | null = null;

  /** Told of every message that goes on to its subscribers; null: nobody listens within. */
  heard: ((message: Message) => void) | null = null;

  private readonly ids: Random;
  private readonly published = new Tally();
  private tickTime = 0;
  /** The packet in hand, as clients of the other versions want it. */
  private readonly other = new Writer(512);

  constructor(
    options: Partial<MqttOptions>,
    readonly host: Host,
  ) {
    this.options = { ...MQTT_DEFAULTS, ...options };
    this.maxConnections = this.options.maxConnections;
    this.subscriptions = new Subscriptions((route) => this.countRoute(route));
    this.retained = new Retained(this.options.maxRetainedBytes);
    this.ids = host.random("mqtt client ids");
    this.sys = new Sys(this);
  }

  accept(connection: Connection): Link {
    return new Link(this, connection);
  }

  /** The time at the first call in this turn of the event loop: one look at the clock serves all of a chunk's packets. */
  time(): number {
    if (this.tickTime === 0) {
      this.tickTime = this.host.clock.now();
      setImmediate(() => (this.tickTime = 0));
    }
    return this.tickTime;
  }

  // --- Sessions ---------------------------------------------------------------------------------

  /** The session of a client id, a new one if need be; null: there are too many. */
  session(clientId: string): ClientSession | null {
    let session = this.sessions.get(clientId);
    if (session === undefined) {
      if (this.sessions.size >= this.options.maxSessions) return null;
      this.sessions.set(clientId, (session = new ClientSession(this, clientId)));
    }
    return session;
  }

  /** A session has ended. */
  forget(session: ClientSession): void {
    if (this.sessions.get(session.clientId) === session) this.sessions.delete(session.clientId);
  }

  /** Ends a session at once, its queue, subscriptions and connection included; false when there is none. */
  expireSession(clientId: string): boolean {
    const session = this.sessions.get(clientId);
    if (session === undefined) return false;
    session.link?.disconnect("Administrative action");
    session.end();
    return true;
  }

  /**
   * The process dies: Wills are not published, sessions that do not outlive their connection are gone,
   * and of the others and the retained messages what came in the last `ms` milliseconds, which had not
   * reached the disk. Returns how many copies and retained messages that were.
   */
  die({ ms = 0 }: { ms?: number }): number {
    const since = ms > 0 ? this.host.clock.now() - ms : Infinity;
    let lost = this.retained.forgetSince(since);
    for (const session of [...this.sessions.values()]) {
      session.link?.lost();
      lost += session.forgetSince(since);
    }
    return lost;
  }

  /** Resets those of the connections that have not acknowledged all; what is missing is sent again when they are back. */
  redeliver(connections: readonly Connection[]): number {
    const behind = [...this.sessions.values()].flatMap(({ link, unacknowledged }) =>
      link !== null && unacknowledged > 0 ? [link.connection] : [],
    );
    const concerned = behind.filter((connection) => connections.includes(connection));
    for (const connection of concerned) connection.abort(true);
    return concerned.length;
  }

  /** An id for a client that brought none [MQTT-3.1.3-6], drawn from the seed. */
  newClientId(): string {
    for (;;) {
      let id = "auto-";
      for (let i = 0; i < 4; i++) id += this.ids.int(0, 0xffff).toString(16).padStart(4, "0");
      if (!this.sessions.has(id)) return id;
    }
  }

  // --- Messages ---------------------------------------------------------------------------------

  /** Passes a QoS 0 packet without properties on: as it came where it can, with no object made for it. */
  forward(from: Link, route: Route, view: PublishView): void {
    const { buf, start, end } = view;
    const size = end - start;
    const { five } = from;
    const seen = seesAny(this.host, route);
    let message: Message | null = null;
    let otherReady = false;
    for (const recipient of route.recipients) {
      const link = recipient.session.link;
      if (link === null) continue;
      const wanted = seen && link.outlet.sees(route.topic);
      if (wanted || !link.plain || recipient.ids !== null || recipient.subscriptions !== null || link.connection.waiting) {
        message ??= this.own(from, route, view);
        this.give(message, recipient, 0, false);
        continue;
      }
      if (!link.connection.writable && !link.admits(size)) continue;
      this.delivered++;
      const { out } = link.connection;
      if (link.five !== five) {
        if (!otherReady) this.convert(view, five);
        otherReady = true;
        out.bytes(this.other.buf.subarray(0, this.other.pos));
      } else if (size >= VIEW_FROM) out.view(buf.subarray(start, end));
      else {
        const at = out.claim(size);
        buf.copy(out.buf, at, start, end);
      }
    }
    if (route.groups.length > 0) {
      message ??= this.own(from, route, view);
      this.giveGroups(message, route);
    }
  }

  /** Writes the packet for the versions it was not written for: 5.0 has an empty property section in it. */
  private convert({ buf, head, topicStart, topicEnd, payloadStart, end }: PublishView, fromFive: boolean): void {
    const { other } = this;
    other.pos = 0;
    other.u8(head);
    let left = topicEnd - topicStart + 2 + (end - payloadStart) + (fromFive ? 0 : 1);
    do {
      other.u8(left > 0x7f ? (left & 0x7f) | 0x80 : left);
      left >>>= 7;
    } while (left > 0);
    other.bytes(buf.subarray(topicStart - 2, topicEnd));
    if (!fromFive) other.u8(0);
    other.bytes(buf.subarray(payloadStart, end));
  }

  private own(from: Link, route: Route, view: PublishView): Message {
    const payload = Buffer.from(view.buf.subarray(view.payloadStart, view.end));
    return new Message(
      this.host.clock.now(),
      { topic: route.topic, payload, qos: 0, retain: false, publisher: from.session!.clientId },
      route.bytes,
    );
  }

  /** Gives a message to everybody whom its topic leads to; false when that is nobody. */
  route(message: Message, route: Route): boolean {
    this.heard?.(message);
    for (const recipient of route.recipients) this.give(message, recipient, message.qos, message.retain);
    this.giveGroups(message, route);
    return !route.empty;
  }

  private give(message: Message, recipient: Route["recipients"][number], qos: QoS, retain: boolean): void {
    let to = recipient;
    if (to.subscriptions !== null && message.publisher === to.session.clientId) {
      const rest = withoutLocal(to);
      if (rest === null) return;
      to = rest;
    }
    to.session.deliver(message, qos < to.qos ? qos : to.qos, retain && to.retainAsPublished, to.ids);
  }

  private giveGroups(message: Message, route: Route): void {
    for (const group of route.groups) {
      const member = group.next(message.qos);
      if (member === null) continue;
      const { qos, retainAsPublished, identifier } = member.options;
      const ids = identifier === 0 ? null : [identifier];
      member.session.deliver(message, message.qos < qos ? message.qos : qos, message.retain && retainAsPublished, ids);
    }
  }

  /** What was retained under the filter of a new subscription. */
  deliverRetained(session: ClientSession, filter: string, qos: QoS, identifier: number): void {
    const ids = identifier === 0 ? null : [identifier];
    const found = filter.startsWith("$SYS") ? this.sys.match(filter) : this.retained.match(filter, this.host.clock.now());
    for (const message of found) {
      session.deliver(message, message.qos < qos ? message.qos : qos, true, ids);
    }
  }

  /** Retains a message and fans it out; returns the reason for its acknowledgement. */
  store(message: Message, route: Route, origin: Origin): ReasonName {
    const { events } = this.host;
    const problem = route.reserved ? "Not authorized" : message.retain && !this.retained.keep(message) ? "Quota exceeded" : null;
    if (problem !== null) {
      if (events !== null && origin !== null) events.refused(origin, "error");
      return problem;
    }
    if (events !== null && origin !== null) events.stored(message.topic, message, origin);
    return this.route(message, route) ? "Success" : "No matching subscribers";
  }

  /** Stores and fans out a message that did not come from a client's PUBLISH. */
  private emit(message: Message, origin: Origin): void {
    const { events } = this.host;
    if (events !== null && origin !== null) events.stored(message.topic, message, origin);
    const route = this.subscriptions.route(message.topic, message.topicBytes);
    this.published.add(message.topic, 1);
    if (message.retain) this.retained.keep(message);
    this.route(message, route);
  }

  /** Puts a message on its topic as a client would, without passing the `message` hooks. Throws for what no client could send. */
  publish(outgoing: Outgoing): void {
    const message = this.messageOf(outgoing, this.host.clock.now(), null);
    this.emit(message, originOf(this.host, message));
  }

  /** Puts messages on their topics as a client would, through the `message` hooks. */
  send(messages: readonly Outgoing[], publisher: string | null = null): Sent | Promise<Sent> {
    const sent = new Sent();
    const wait = inTurn(messages, (message) => this.sendOne(message, publisher, sent));
    if (wait instanceof Promise) return wait.then(() => sent);
    const { pressed } = this;
    if (pressed === null) return sent;
    // As any publisher, it waits for a reader that is far behind.
    this.pressed = null;
    return pressed.settled().then(() => sent);
  }

  private sendOne(outgoing: Outgoing, publisher: string | null, sent: Sent): void | Promise<void> {
    const now = this.host.clock.now();
    let message: Message;
    try {
      message = this.messageOf(outgoing, now, publisher);
    } catch (error) {
      return sent.refuse((error as Error).message);
    }
    return acceptInternal(this.host, null, message, sent, (given, origin) => {
      sent.accepted++;
      this.emit(given, origin);
    });
  }

  private messageOf(message: Outgoing, now: number, publisher: string | null): Message {
    if (message.protocol !== "mqtt") throw new TypeError(`a message for ${message.protocol} came to MQTT`);
    const { topic, qos = 0, retain = false, payload, headers, properties } = message;
    const all: Properties = { ...(properties as Properties) };
    if (headers !== undefined) all.userProperties = pairs(headers);
    return makeMessage(now, { topic, qos, retain, payload: bytesOf(payload), properties: all, publisher });
  }

  /** Publishes what a client left behind, through the `message` hooks. */
  publishWill(from: ConnectionInfo, { topic, payload, qos, retain, properties }: Will): void {
    if (isReserved(topic)) return;
    const message = new Message(this.host.clock.now(), { topic, payload, qos, retain, properties, publisher: from.clientId });
    void acceptInternal(this.host, from, message, new Sent(), (given, origin) => this.emit(given, origin));
  }

  // --- Counting ---------------------------------------------------------------------------------

  /** Sessions that have a connection. */
  get connected(): number {
    let n = 0;
    for (const session of this.sessions.values()) if (session.link !== null) n++;
    return n;
  }

  /** Everybody who has a session, for people who ask. */
  clients(): ClientInfo[] {
    return [...this.sessions.values()].map((session) => ({
      clientId: session.clientId,
      connected: session.link !== null,
      version: session.link === null ? null : VERSIONS[session.link.version],
      transport: session.link?.connection.transport ?? null,
      remote: session.link?.connection.remote ?? null,
      user: session.link?.connection.user ?? null,
      subscriptions: [...session.subscriptions.values()].map(({ text, options }) => ({ filter: text, qos: options.qos })),
      queued: session.queued,
      unacknowledged: session.unacknowledged,
    }));
  }

  /** Messages that came for each topic; those of topics beyond the first thousand are counted as `other`. */
  publishedByTopic(): ReadonlyMap<string, number> {
    for (const route of this.subscriptions.known()) this.countRoute(route);
    return this.published.counts;
  }

  private countRoute(route: Route): void {
    if (route.count > 0) this.published.add(route.topic, route.count);
    route.count = 0;
  }

  /** Forgets the retained messages that a filter meets and returns how many they were. Throws for what is no filter. */
  clearRetained(filter = "#"): number {
    return this.retained.clear(checkedFilter(filter));
  }

  /** The retained messages that a filter meets. Throws for what is no filter. */
  retainedUnder(filter: string): Message[] {
    return this.retained.match(checkedFilter(filter), this.host.clock.now());
  }
}

function checkedFilter(filter: string): string {
  if (!isTopicFilter(filter)) throw new ArgumentError(`${JSON.stringify(filter)} is no MQTT topic filter`);
  return filter;
}
