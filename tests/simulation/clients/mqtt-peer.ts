import { Framer } from "../../../src/bytes/framer.ts";
import { Writer } from "../../../src/bytes/writer.ts";
import type { Random } from "../../../src/hooks/random.ts";
import { decode, encode, frameLength, type Packet, type Publish, type QoS, type Version } from "../../../src/mqtt/wire/packets.ts";
import type { MemoryClient } from "../../../src/net/memory.ts";
import { must, type Sent } from "../ledger.ts";
import { type Actor, PATIENCE, type Place } from "./actor.ts";

export const MQTT_TOPICS: readonly string[] = ["t/a", "t/b", "u/x"];
const FILTERS = ["t/a", "t/+", "#", "u/x", "u/#"];

/** Whether a filter of the simulation meets a topic of it. */
export function meets(filter: string, topic: string): boolean {
  return filter === topic || filter === "#" || (/\/[+#]$/.test(filter) && topic.startsWith(filter.slice(0, -1)));
}

/** A message as it came to a client; a QoS 2 one once, when it came first. */
export interface Received {
  readonly payload: string;
  readonly topic: string;
  readonly qos: QoS;
  readonly dup: boolean;
  readonly retain: boolean;
  readonly incarnation: number;
  /** In milliseconds of the clock. */
  readonly at: number;
}

/** A message that a session has to get, since it was acknowledged while the subscription stood. */
export interface Due {
  readonly message: Sent;
  readonly topic: string;
  readonly to: MqttPeer;
  readonly incarnation: number;
}

interface Outgoing {
  message: Sent;
  packet: Publish;
  /** PUBREC came, PUBREL was sent. */
  released: boolean;
}

/** A client that publishes one message at a time, subscribes, and comes back to its session. */
export class MqttPeer implements Actor {
  readonly received: Received[] = [];
  /** Ids of messages that it asked to be retained. */
  readonly retained = new Set<string>();
  /** Counts sessions: what one had is lost to the next. */
  incarnation = 0;
  /** Subscriptions that stand for sure: acknowledged, and nothing sent since that would end them. */
  readonly subscriptions = new Map<string, { readonly qos: QoS }>();
  /** The packet that spoke last of a filter. */
  private readonly latest = new Map<string, number>();
  private wire: MemoryClient | null = null;
  private framer: Framer | null = null;
  private connected = false;
  private since = 0;
  private outgoing: Outgoing | null = null;
  /** Who gets it if all goes well, with the subscriptions that make it so. */
  private promised: { due: Due; standing: [filter: string, subscription: object][] }[] = [];
  /** QoS 2 packet ids that came and were not released. */
  private readonly incoming = new Set<number>();
  /** Answers that are still to come: packet ids of SUBACK and UNSUBACK, 0 for CONNACK and PINGRESP. */
  private readonly waiting = new Map<number, { since: number; then: (packet: Packet) => void }>();
  private lastId = 100;
  private lazy = false;
  private last: string[] | null = null;
  private quiet = 0;
  /** The session of the last connection ought to be there at the next. */
  private lasting = false;
  private mustClean = false;

  constructor(
    private readonly place: Place,
    readonly name: string,
    private readonly version: Version,
    private readonly peers: readonly MqttPeer[],
    private readonly due: Due[],
  ) {}

  // --- What it does -----------------------------------------------------------------------------

  act(random: Random): void {
    if (this.wire === null)
      return this.connect(
        random.chance(0.06),
        random.pick([0xffff_ffff, 0xffff_ffff, 60]),
        random.chance(0.3) ? random.pick([0, 1, 2]) : null,
      );
    if (!this.connected) return;
    const draw = random.next();
    if (draw < 0.02) return this.drop(random.chance(0.5) ? new Error("reset") : undefined);
    if (draw < 0.03) return this.leave();
    if (draw < 0.05) this.lazy = !this.lazy;
    else if (draw < 0.1) this.wire.window = random.pick([Infinity, Infinity, 40]);
    else if (draw < 0.25) this.subscribe(random.pick(FILTERS), random.pick([0, 1, 2]));
    else if (draw < 0.28) this.unsubscribe(random.pick(FILTERS));
    else if (draw < 0.32) this.ask(0, { type: "PINGREQ" }, () => undefined);
    else if (this.outgoing === null) this.publish(random.pick(MQTT_TOPICS), random.pick([0, 1, 2]), random.chance(0.05));
  }

  /** @param willQos null for no Will */
  private connect(cleanStart: boolean, expiry: number, willQos: QoS | null): void {
    this.wire = this.place.dial("mqtt");
    if (this.wire === null) return;
    this.framer = new Framer(frameLength(1 << 28), (buf, start, end) => this.take(decode(buf, start, end, this.version)));
    this.lazy = false;
    cleanStart ||= this.mustClean;
    const lasts = this.version === 5 ? expiry === 0xffff_ffff : !cleanStart;
    // Whatever comes of this attempt, the broker may have heard of it.
    if (cleanStart) this.forgo();
    this.lasting &&= lasts;
    const more = {
      ...(this.version === 5 && { properties: { sessionExpiryInterval: expiry } }),
      ...(willQos !== null && {
        will: {
          topic: "t/b",
          payload: Buffer.from(this.place.ledger.send("mqtt", this.name, `t/b ${willQos} will`).id),
          qos: willQos,
          retain: false,
        },
      }),
    };
    this.ask(0, { type: "CONNECT", version: this.version, cleanStart, keepAlive: 0, clientId: this.name, ...more }, (packet) => {
      if (packet.type !== "CONNACK") return;
      this.place.ledger.note(this.name, `connected ${packet.code} ${packet.sessionPresent}`);
      if (packet.code !== 0) return;
      this.connected = true;
      this.mustClean = false;
      // MQTT 3.1 does not tell.
      if (packet.sessionPresent || (this.version === 3 && this.lasting))
        must(!cleanStart, () => `${this.name} asked for a clean start and got its old session`);
      else {
        must(!this.lasting, () => `the session of ${this.name} is gone`);
        this.forgo();
        this.incoming.clear();
        this.outgoing = null;
      }
      this.lasting = lasts;
      this.repeat();
    });
  }

  /** An operator ends the session. */
  expire(): void {
    this.lasting = false;
    this.drop();
  }

  /** What the session has is not counted on any more, although it may still be there. */
  private forgo(): void {
    this.incarnation++;
    this.subscriptions.clear();
    this.lasting = false;
  }

  /** What was not acknowledged is sent again [MQTT-4.4.0-1]. */
  private repeat(): void {
    if (this.outgoing === null) return;
    const { packet, released } = this.outgoing;
    this.since = this.place.now();
    if (released) return this.send({ type: "PUBREL", id: packet.id, code: 0 });
    this.outgoing.message.attempts++;
    this.send({ ...packet, dup: true });
  }

  private publish(topic: string, qos: QoS, retain: boolean): void {
    const message = this.place.ledger.send("mqtt", this.name, `${topic} ${qos}`);
    if (retain) this.retained.add(message.id);
    const packet: Publish = {
      type: "PUBLISH",
      topic,
      payload: Buffer.from(message.id),
      qos,
      retain,
      dup: false,
      id: qos === 0 ? 0 : 1 + (message.n % 50),
    };
    if (qos > 0) this.outgoing = { message, packet, released: false };
    this.since = this.place.now();
    this.promise(message, topic);
    this.send(packet);
  }

  /** Who is sure to be subscribed when the message is sent has to get it, if he still is when it is acknowledged. */
  private promise(message: Sent, topic: string): void {
    this.promised = this.peers.flatMap((to) => {
      const standing = [...to.subscriptions].filter(([filter, { qos }]) => qos > 0 && meets(filter, topic));
      return standing.length === 0 ? [] : [{ due: { message, topic, to, incarnation: to.incarnation }, standing }];
    });
  }

  private acknowledged(code: number): void {
    const { message } = this.outgoing!;
    this.outgoing = null;
    this.place.ledger.note(this.name, `${message.id} ${code}`);
    if (code >= 0x80) return;
    message.isAcked = true;
    for (const { due, standing } of this.promised) {
      if (standing.some(([filter, subscription]) => due.to.subscriptions.get(filter) === subscription)) this.due.push(due);
    }
  }

  private subscribe(filter: string, qos: QoS): void {
    // Until it is acknowledged nobody knows in which QoS it stands.
    this.subscriptions.delete(filter);
    const id = this.nextId();
    this.latest.set(filter, id);
    this.ask(
      id,
      { type: "SUBSCRIBE", id, subscriptions: [{ filter, qos, noLocal: false, retainAsPublished: false, retainHandling: 0 }] },
      (packet) => {
        if (packet.type !== "SUBACK") return;
        this.place.ledger.note(this.name, `subscribed ${filter} ${packet.codes}`);
        if (packet.codes[0]! < 0x80 && this.latest.get(filter) === id) this.subscriptions.set(filter, { qos: packet.codes[0] as QoS });
      },
    );
  }

  private unsubscribe(filter: string): void {
    this.subscriptions.delete(filter);
    const id = this.nextId();
    this.latest.set(filter, id);
    this.ask(id, { type: "UNSUBSCRIBE", id, filters: [filter] }, () => undefined);
  }

  private nextId(): number {
    this.lastId = this.lastId >= 60_000 ? 100 : this.lastId + 1;
    return this.lastId;
  }

  private leave(): void {
    this.send({ type: "DISCONNECT", code: 0 });
    this.drop();
  }

  // --- What comes -------------------------------------------------------------------------------

  hear(): void {
    const { wire } = this;
    if (wire === null) return;
    const bytes = wire.readNow();
    wire.connection?.drained();
    this.quiet = bytes.length > 0 ? 0 : this.quiet + 1;
    this.framer!.push(bytes);
    if (this.wire !== wire) return;
    if (wire.closedBy !== null) return this.gone();
    const oldest = this.waiting.values().next().value?.since ?? Infinity;
    const patience = Math.min(oldest, this.outgoing !== null && this.connected ? this.since : Infinity);
    if (this.place.now() - patience > PATIENCE) this.drop(new Error("timed out"));
  }

  private take(packet: Packet): void {
    switch (packet.type) {
      case "PUBLISH":
        return this.deliver(packet);
      case "CONNACK":
      case "PINGRESP":
        return this.answered(0, packet);
      case "SUBACK":
      case "UNSUBACK":
        return this.answered(packet.id, packet);
      case "PUBACK": {
        const { outgoing } = this;
        if (outgoing?.packet.id === packet.id && outgoing.packet.qos === 1) this.acknowledged(packet.code);
        return;
      }
      case "PUBREC": {
        const { outgoing } = this;
        if (outgoing?.packet.id !== packet.id || outgoing.packet.qos !== 2) return;
        if (packet.code >= 0x80) return this.acknowledged(packet.code);
        outgoing.released = true;
        this.since = this.place.now();
        return this.send({ type: "PUBREL", id: packet.id, code: 0 });
      }
      case "PUBCOMP": {
        const { outgoing } = this;
        if (outgoing?.packet.id === packet.id && outgoing.released) this.acknowledged(0);
        return;
      }
      case "PUBREL":
        this.incoming.delete(packet.id);
        return this.send({ type: "PUBCOMP", id: packet.id, code: 0 });
    }
  }

  private deliver({ topic, payload, qos, dup, retain, id }: Publish): void {
    const text = payload.toString();
    this.place.ledger.receive(text, this.place.now());
    // [MQTT-4.3.3-10]: the same packet again is not the same message again.
    if (qos !== 2 || !this.incoming.has(id)) {
      this.place.ledger.note(this.name, `${topic} ${text} ${qos}${dup ? " dup" : ""}`);
      this.received.push({ payload: text, topic, qos, dup, retain, incarnation: this.incarnation, at: this.place.now() });
    }
    if (qos === 2) this.incoming.add(id);
    if (qos > 0 && !this.lazy) this.send({ type: qos === 1 ? "PUBACK" : "PUBREC", id, code: 0 });
  }

  private answered(id: number, packet: Packet): void {
    const found = this.waiting.get(id);
    this.waiting.delete(id);
    found?.then(packet);
  }

  private ask(id: number, packet: Packet, then: (packet: Packet) => void): void {
    this.waiting.set(id, { since: this.place.now(), then });
    this.send(packet);
  }

  private send(packet: Packet): void {
    if (this.wire === null) return;
    const w = new Writer();
    encode(w, packet, this.version);
    this.wire.send(w.toBuffer());
  }

  /** Ends the connection from this side. */
  private drop(error?: Error): void {
    this.wire?.close(error);
    this.gone();
  }

  private gone(): void {
    if (!this.lasting) {
      // Without a CONNACK nobody knows whose session the next connection would find: the old one or one that has just begun.
      if (!this.connected) this.mustClean = true;
      this.forgo();
    }
    this.wire = this.framer = null;
    this.connected = false;
    this.waiting.clear();
  }

  // --- The end ----------------------------------------------------------------------------------

  /** Comes back to its session, gets rid of what is under way, and publishes once more to every topic. */
  finish(): void {
    if (this.wire === null) return this.connect(false, 0xffff_ffff, null);
    if (!this.connected || this.outgoing !== null || this.waiting.size > 0) return;
    this.wire.window = Infinity;
    this.last ??= [...MQTT_TOPICS];
    const next = this.last.shift();
    if (next !== undefined) this.publish(next, 2, false);
  }
  get isDone(): boolean {
    return this.connected && this.last?.length === 0 && this.outgoing === null && this.waiting.size === 0 && this.quiet > 5;
  }
  get state(): string {
    return `${this.connected ? "connected" : "not connected"}, ${this.outgoing === null ? "nothing" : this.outgoing.message.id} on the way out, waits for ${[...this.waiting.keys()]}`;
  }
  breakOff(): void {
    this.drop(new Error("reset"));
  }
}
