import type { Timer } from "../../core/time.ts";
import type { Departure, Stored } from "../../pipeline/broker-events.ts";
import type { ConnectionInfo } from "../../hooks/plugin.ts";
import { PUBREL } from "../wire/acks.ts";
import type { MqttBroker } from "./broker.ts";
import type { Link } from "./link.ts";
import { copySize, type Copy, type Message } from "../wire/message.ts";
import type { Will } from "../wire/packets.ts";
import type { QoS } from "../wire/publish.ts";
import type { SessionState } from "./snapshot.ts";
import { MqttError, REASONS } from "../wire/reasons.ts";
import type { Subscription } from "./subscriptions.ts";

/** Copies that wait for a connected client until those who publish to it are slowed down. */
const PRESSURE = 10_000;

/** A copy that was sent and is not acknowledged. */
interface Outbound extends Copy {
  /** PUBREC came: what is owed now is a PUBREL. */
  released: boolean;
  /** It takes a place in the window of the present connection. */
  counted: boolean;
}

/** What the broker knows of a client id (4.1): it outlives connections for as long as the client asked. */
export class ClientSession {
  link: Link | null = null;
  readonly subscriptions = new Map<string, Subscription>();
  /** QoS 2 packets that came and were not released by a PUBREL [MQTT-4.3.3-10]. */
  readonly received = new Set<number>();
  /** Seconds that the session outlives its connection; Infinity: for good. */
  expiry = 0;
  /** How many QoS 1 and 2 copies may be on the way at a time: Receive Maximum (4.9). */
  window = 0xffff;

  /** In the order in which they were first sent [MQTT-4.6.0-1]. */
  private readonly inflight = new Map<number, Outbound>();
  /** Copies of `inflight` that the present connection has yet to see again. */
  private resend: Outbound[] = [];
  private queue: Copy[] = [];
  private queueHead = 0;
  private onTheWay = 0;
  private lastId = 0;
  private bytes = 0;
  private expiryTimer: Timer | null = null;
  private will: { will: Will; from: ConnectionInfo; publish: () => void; timer: Timer; due: number } | null = null;
  /** When it ends, in milliseconds of the clock; Infinity while it is connected or for good. */
  private endsAt = Infinity;
  private ended = false;
  private pumping = false;

  constructor(
    private readonly broker: MqttBroker,
    readonly clientId: string,
  ) {}

  /** Copies that wait to be sent. */
  get queued(): number {
    return this.queue.length - this.queueHead;
  }
  /** Copies that were sent and are not acknowledged. */
  get unacknowledged(): number {
    return this.inflight.size;
  }

  // --- Connections ------------------------------------------------------------------------------

  /** A connection takes the session over. */
  attach(link: Link, expiry: number, window: number): void {
    this.link = link;
    // What routes remember, they found out about the connection before.
    link.outlet.changed();
    this.expiry = expiry;
    this.window = window;
    this.onTheWay = 0;
    this.expiryTimer?.cancel();
    this.expiryTimer = null;
    this.endsAt = Infinity;
    // [MQTT-3.1.3-9]: the client came back in time.
    this.will?.timer.cancel();
    this.will = null;
  }

  /** Sends again what was not acknowledged [MQTT-4.4.0-1], then what came in the meantime. */
  resume(): void {
    const all = [...this.inflight.values()];
    for (const out of all) out.counted = false;
    this.resend = all.filter(({ released }) => !released);
    // Receive Maximum is about messages: a PUBREL waits for none of them (4.9).
    const { link } = this;
    for (const { released, id } of all) if (released) link?.respond(PUBREL, id, 0);
    this.pump();
  }

  /** The connection is gone. `will` is published at once, later, or with the session's end (3.1.2.5). */
  detach(will: Will | null, from: ConnectionInfo): void {
    this.link = null;
    this.resend = [];
    if (will !== null) this.schedule(will, from);
    if (this.expiry === 0) return this.end();
    if (this.expiry !== Infinity) this.endIn(this.expiry * 1000);
  }

  private endIn(ms: number): void {
    const { clock } = this.broker.host;
    this.endsAt = clock.now() + ms;
    this.expiryTimer = clock.after(ms, () => this.end());
  }

  private schedule(will: Will, from: ConnectionInfo): void {
    const { willDelayInterval: delay = 0, ...properties } = will.properties ?? {};
    const publish = (): void => {
      this.will = null;
      this.broker.publishWill(from, { ...will, properties });
    };
    if (delay === 0 || this.expiry === 0) return publish();
    this.wait(will, from, delay * 1000, publish);
  }

  private wait(will: Will, from: ConnectionInfo, ms: number, publish: () => void): void {
    const { clock } = this.broker.host;
    this.will = { will, from, publish, timer: clock.after(ms, publish), due: clock.now() + ms };
  }

  // --- Snapshots --------------------------------------------------------------------------------

  /** As plain data; `place` tells where a message is kept. */
  save(now: number, place: (message: Message) => number): SessionState {
    const { clientId, expiry, lastId, received, subscriptions, will } = this;
    const copies = [...this.inflight.values(), ...this.queue.slice(this.queueHead).map((copy) => ({ ...copy, released: false }))];
    return {
      clientId,
      lastId,
      expiry: expiry === Infinity ? null : expiry,
      endsIn: this.endsAt === Infinity ? null : this.endsAt - now,
      received: [...received],
      subscriptions: [...subscriptions.values()].map(({ text, options }) => ({ filter: text, ...options })),
      copies: copies.map(({ message, qos, retain, ids, id, released }) => ({ message: place(message), qos, retain, ids, id, released })),
      will: will === null ? null : { will: will.will, user: will.from.user, in: will.due - now },
    };
  }

  /** Takes on what an earlier session was. It is not connected: one that was begins to wait for its client. */
  load(state: SessionState, copies: readonly (Copy & { released: boolean })[]): void {
    this.expiry = state.expiry ?? Infinity;
    this.lastId = state.lastId;
    for (const id of state.received) this.received.add(id);
    for (const copy of copies) {
      this.bytes += copy.message.size;
      this.broker.queuedBytes += copy.message.size;
      if (copy.id > 0) this.inflight.set(copy.id, { ...copy, counted: false });
      else this.queue.push(copy);
    }
    const left = state.endsIn ?? this.expiry * 1000;
    if (left !== Infinity) this.endIn(left);
    if (state.will === null) return;
    const { will, user } = state.will;
    const from: ConnectionInfo = {
      id: 0,
      protocol: "mqtt",
      transport: "memory",
      remote: "",
      clientId: this.clientId,
      user,
      broker: undefined,
      ordinal: 0,
    };
    const { willDelayInterval: _delay, ...properties } = will.properties ?? {};
    this.wait(will, from, state.will.in, () => {
      this.will = null;
      this.broker.publishWill(from, { ...will, payload: Buffer.from(will.payload), properties });
    });
  }

  /** Forgets everything, a Will that was still to come included. */
  discard(): void {
    this.forgetSince(Infinity);
    this.end();
  }

  /** Forgets everything. A Will that was still to come comes now [MQTT-3.1.2-8]. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    this.expiryTimer?.cancel();
    this.broker.forget(this);
    for (const subscription of this.subscriptions.values()) this.broker.subscriptions.remove(subscription);
    this.subscriptions.clear();
    const { events } = this.broker.host;
    if (events !== null) {
      for (const { message } of [...this.inflight.values(), ...this.queue.slice(this.queueHead)]) {
        events.left(observed(message), "session ended", this.clientId, false);
      }
    }
    this.broker.queuedBytes -= this.bytes;
    this.bytes = 0;
    this.inflight.clear();
    this.resend = [];
    this.queue = [];
    this.queueHead = 0;
    this.received.clear();
    if (this.will !== null) {
      this.will.timer.cancel();
      this.will.publish();
    }
  }

  /** Forgets copies of messages that came at `time` or later, and a Will that was still to come; returns how many copies that were. */
  forgetSince(time: number): number {
    this.will?.timer.cancel();
    this.will = null;
    if (time === Infinity) return 0;
    const waiting = this.queue.slice(this.queueHead);
    const young = [...waiting, ...this.inflight.values()].filter(({ message }) => message.at >= time);
    for (const copy of young) {
      this.leave(copy, "crash");
      this.inflight.delete(copy.id);
    }
    this.queue = waiting.filter(({ message }) => message.at < time);
    this.queueHead = 0;
    return young.length;
  }

  // --- Out --------------------------------------------------------------------------------------

  /** Sends a copy, or keeps it until it can be sent. QoS 0 is for those who are there. */
  deliver(message: Message, qos: QoS, retain: boolean, ids: readonly number[] | null): void {
    const { link } = this;
    const { events } = this.broker.host;
    // What was retained is shown to every new subscription: nobody is owed that.
    if (events !== null && !retain && (qos > 0 || link !== null)) events.queued(observed(message), this.clientId);
    if (qos === 0) {
      if (link !== null) link.deliver({ message, qos, retain, ids, id: 0 });
      return;
    }
    const { maxQueuedMessages, maxQueuedBytes, maxTotalQueuedBytes } = this.broker.options;
    const { size } = message;
    if (
      this.queued >= maxQueuedMessages ||
      this.bytes + size > maxQueuedBytes ||
      this.broker.queuedBytes + size > maxTotalQueuedBytes ||
      this.ended
    ) {
      this.broker.dropped++;
      if (events !== null && !retain) events.left(observed(message), "overflow", this.clientId, false);
      return;
    }
    this.bytes += size;
    this.broker.queuedBytes += size;
    if (this.queued === 0 && this.resend.length === 0 && this.mayStart(link)) this.start(link, { message, qos, retain, ids, id: 0 });
    else {
      this.queue.push({ message, qos, retain, ids, id: 0 });
      if (link !== null && this.queued > PRESSURE) link.backlog.press();
    }
  }

  private mayStart(link: Link | null): link is Link {
    return this.inflight.size < 0xffff && this.mayResend(link);
  }

  /** What is sent again has its packet identifier. */
  private mayResend(link: Link | null): link is Link {
    return link !== null && this.onTheWay < this.window && link.ready;
  }

  private start(link: Link, copy: Copy): void {
    // [MQTT-3.1.2-25]: what is too large for the client counts as delivered.
    if (copy.message.size > link.maxPacketSize && copySize(copy, link.five) > link.maxPacketSize) return this.leave(copy, "too large");
    link.outlet.send(this.track(copy), false);
  }

  /** Puts a copy in flight, under the next free packet identifier. */
  private track({ message, qos, retain, ids }: Copy): Outbound {
    let id = this.lastId;
    do id = id === 0xffff ? 1 : id + 1;
    while (this.inflight.has(id));
    this.lastId = id;
    const out: Outbound = { message, qos, retain, ids, id, released: false, counted: true };
    this.inflight.set(id, out);
    this.onTheWay++;
    return out;
  }

  /** Sends what may be sent now. A copy may be done with, by a hook, as soon as it is sent: what that makes room for comes in its turn. */
  pump(): void {
    if (this.pumping) return;
    this.pumping = true;
    try {
      this.sendDue();
    } finally {
      this.pumping = false;
    }
  }

  private sendDue(): void {
    const { link } = this;
    let again = 0;
    while (again < this.resend.length && this.mayResend(link)) {
      const out = this.resend[again++]!;
      if (this.inflight.get(out.id) !== out || out.released) continue;
      out.counted = true;
      this.onTheWay++;
      link.outlet.send(out, true);
    }
    if (again > 0) this.resend.splice(0, again);
    if (this.resend.length > 0 || this.queueHead === this.queue.length) return;
    const now = this.broker.host.clock.now();
    while (this.queueHead < this.queue.length && this.mayStart(link)) {
      const copy = this.queue[this.queueHead++]!;
      if (this.queued === PRESSURE / 2) link.backlog.proceed();
      if (copy.message.expiresAt <= now) this.leave(copy, "expired");
      else this.start(link, copy);
    }
    if (this.queueHead === this.queue.length) {
      this.queue = [];
      this.queueHead = 0;
    } else if (this.queueHead > 1024 && this.queueHead * 2 > this.queue.length) {
      this.queue = this.queue.slice(this.queueHead);
      this.queueHead = 0;
    }
  }

  /** A copy that needs no more care. */
  private settle({ message }: Copy): void {
    this.bytes -= message.size;
    this.broker.queuedBytes -= message.size;
  }

  /** A copy that nobody gets. */
  private leave(copy: Copy, why: Departure): void {
    this.settle(copy);
    const { events } = this.broker.host;
    if (events !== null) events.left(observed(copy.message), why, this.clientId, false);
  }

  private acknowledge(out: Outbound): void {
    const { events } = this.broker.host;
    if (events !== null) events.acknowledged(observed(out.message), this.clientId);
    this.finish(out);
  }

  private finish(out: Outbound): void {
    this.inflight.delete(out.id);
    this.settle(out);
    if (out.counted) this.onTheWay--;
    this.pump();
  }

  /** A hook lowered the copy to QoS 0 or sent it elsewhere: nobody will acknowledge it. */
  abandon(id: number): void {
    const out = this.inflight.get(id);
    if (out !== undefined) this.finish(out);
  }

  /** A hook changed a copy: what goes out instead. A copy that came to need a packet identifier gets one. */
  changeCopy(copy: Copy, message: Message, qos: QoS, retain: boolean): Copy {
    const changed: Copy = { ...copy, message, qos, retain };
    const out = this.inflight.get(copy.id);
    if (qos === 0) {
      if (out !== undefined) this.finish(out);
      changed.id = 0;
    } else if (out !== undefined) out.qos = qos;
    else if (copy.id === 0 && this.inflight.size < 0xffff) {
      this.bytes += copy.message.size;
      this.broker.queuedBytes += copy.message.size;
      changed.id = this.track({ ...copy, qos, retain }).id;
    }
    return changed;
  }

  /** PUBACK. One for a packet that is not on the way is nothing to worry about (4.13.1). */
  acknowledged(id: number): void {
    const out = this.inflight.get(id);
    if (out === undefined) return;
    if (out.qos !== 1) throw new MqttError("Protocol Error", `PUBACK for packet ${id}, which went out in QoS ${out.qos}`);
    this.acknowledge(out);
  }

  /** PUBREC: answered with PUBREL, unless it refuses the message [MQTT-4.3.3-4]. */
  receivedBy(link: Link, id: number, code: number): void {
    const out = this.inflight.get(id);
    if (out !== undefined && out.qos !== 2)
      throw new MqttError("Protocol Error", `PUBREC for packet ${id}, which went out in QoS ${out.qos}`);
    if (code >= 0x80) return out === undefined ? undefined : this.acknowledge(out);
    if (out === undefined) return link.respond(PUBREL, id, REASONS["Packet Identifier not found"]);
    out.released = true;
    link.respond(PUBREL, id, 0);
  }

  /** PUBCOMP. Without the PUBREC before it nothing is known to have arrived [MQTT-4.3.3-5]. */
  completed(id: number): void {
    const out = this.inflight.get(id);
    if (out === undefined) return;
    if (out.qos !== 2) throw new MqttError("Protocol Error", `PUBCOMP for packet ${id}, which went out in QoS ${out.qos}`);
    if (!out.released) throw new MqttError("Protocol Error", `PUBCOMP for packet ${id} without a PUBREC`);
    this.acknowledge(out);
  }
}

const observed = (message: Message): Stored => ({ protocol: "mqtt", place: message.topic, id: message });
