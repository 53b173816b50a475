import type { FrameLength } from "../../bytes/framer.ts";
import { DecodeError } from "../../bytes/reader.ts";
import type { Connection } from "../../net/connection.ts";
import { Upstream, type UpstreamSession } from "../../net/dial.ts";
import type { CloseReason, Session } from "../../net/session.ts";
import { admit, depart } from "../pipeline/connect.ts";
import { Intake, type Origin, type Publisher } from "../pipeline/intake.ts";
import { Outlet, type Receiver } from "../pipeline/outlet.ts";
import { Packets, type PacketTarget } from "../pipeline/packets.ts";
import { AckView, PUBACK, PUBCOMP, PUBREC, PUBREL, writeAck } from "../wire/acks.ts";
import { type Copy, inboundProperties, Message, writeCopy } from "../wire/message.ts";
import { type Connect, decode, encode, encodeOwn, frameLength, type Packet } from "../wire/packets.ts";
import { PublishView, type QoS, type Version } from "../wire/publish.ts";
import { type ErrorName, mayCarry, MqttError, PACKET_TYPES, REASONS, returnCode } from "../wire/reasons.ts";
import type { MqttGateway } from "./gateway.ts";

type End = Parameters<PacketTarget["end"]>[0];

const CONNECT = PACKET_TYPES.indexOf("CONNECT");
const DISCONNECT = PACKET_TYPES.indexOf("DISCONNECT");
/** The largest packet that is read from the broker: what the protocol can say. */
const ANSWER_MOST = 268_435_460;
/** By packet type: the acknowledgements. */
const ACKS: Record<number, number> = { 4: PUBACK, 5: PUBREC, 6: PUBREL, 7: PUBCOMP };
const view = new PublishView();
const ack = new AckView();

/**
 * One client in front of the gateway, and its connection to the broker behind. Packet identifiers are
 * the client's and the broker's own: both sides mean the same by them. What a hook keeps from the
 * broker is acknowledged here, and what it adds is acknowledged by the broker to nobody.
 */
export class GatewayLink implements Session, PacketTarget, Publisher, Receiver {
  version: Version = 4;
  isSilent = false;
  isConnected = false;
  readonly outlet: Outlet;
  readonly frameLength: FrameLength;
  private readonly packets: Packets;
  private readonly intake: Intake;
  private upstream: Upstream | null = null;
  private isIdentified = false;
  /** CONNECT came. */
  private isKnown = false;
  /** The client said goodbye. */
  private hasLeft = false;
  /** Topics by the alias that the client gave them. */
  private readonly aliases = new Map<number, string>();
  /** Messages as they came, from either side, for as long as nobody changed them. */
  private readonly raw = new WeakMap<Message, Buffer>();
  /** Identifiers of QoS 2 messages that the client has not released, so that one that is sent again is known. */
  private readonly received = new Set<number>();
  /** Of those, the ones that the broker never got. */
  private readonly kept = new Set<number>();
  /** Identifiers of messages that hooks added, with who waits for each. */
  private readonly extras = new Map<number, (() => void)[]>();
  /** Deliveries in QoS 1 and 2 that the client has not acknowledged to the end, by identifier. */
  private readonly delivered = new Map<number, QoS>();
  /** Topics of messages that wait for their acknowledgement, for hooks that ask for it. */
  private readonly topics = new Map<number, string>();
  /** The topic that was looked at last: `Intake.lets` goes by identity. */
  private lastTopic = { topic: "" };
  private onDrain: (() => void) | null = null;

  constructor(
    private readonly gateway: MqttGateway,
    private readonly connection: Connection,
  ) {
    const { host } = gateway;
    this.packets = new Packets(host, connection, this);
    this.intake = new Intake(host, connection, this);
    this.outlet = new Outlet(host, connection, this);
    const most = frameLength(gateway.options.maxPacketSize);
    this.frameLength = (buf, pos, end) => {
      // [MQTT-3.1.0-1]
      if (!this.isKnown && buf[pos]! >> 4 !== CONNECT) {
        throw new MqttError("Protocol Error", `${PACKET_TYPES[buf[pos]! >> 4]} before CONNECT`);
      }
      return most(buf, pos, end);
    };
  }

  // --- From the client --------------------------------------------------------------------------

  frame(buf: Buffer, start: number, end: number): void {
    if (!this.isSilent) this.packets.receive(buf, start, end);
  }

  identify({ clientId, username = "" }: Connect): void {
    if (this.isIdentified) return;
    this.isIdentified = true;
    this.connection.identify(clientId, username);
  }

  handle(buf: Buffer, start: number, end: number): void {
    const type = buf[start]! >> 4;
    if (type === CONNECT) return this.connect(buf, start, end);
    if (type === 3) return this.receive(buf, start, end);
    if (ACKS[type] !== undefined) return this.acknowledged(type, buf, start, end);
    if (type === DISCONNECT) this.hasLeft = true;
    this.pass(buf, start, end);
  }

  private connect(buf: Buffer, start: number, end: number): void {
    if (this.isKnown) throw new MqttError("Protocol Error", "CONNECT: not the first"); // [MQTT-3.1.0-2]
    const asked = decode(buf, start, end, this.version) as Connect;
    this.isKnown = true;
    this.version = asked.version;
    this.identify(asked);
    let bytes = Buffer.from(buf.subarray(start, end));
    if (asked.properties?.topicAliasMaximum !== undefined) {
      // Aliases mean the same on both sides only where every packet passes: the broker gives none.
      const { topicAliasMaximum: _, ...properties } = asked.properties;
      bytes = Buffer.from(encodeOwn({ ...asked, properties }, asked.version));
    }
    admit(this.gateway.host, this.connection, this, () => {
      this.connection.holdInput(this.dial(bytes));
    });
  }

  /** Opens the connection to the broker, which gets the client's CONNECT. */
  private async dial(bytes: Buffer): Promise<void> {
    try {
      this.upstream = await Upstream.dial(this.gateway.upstream, () => this.behind());
    } catch (error) {
      this.gateway.reached(error as Error);
      return this.refuseClient("Server unavailable", this.version);
    }
    this.gateway.reached(null);
    if (this.connection.isClosed) return this.upstream.reset();
    this.isConnected = true;
    this.upstream.out.bytes(bytes);
  }

  /** This link as the broker's connection sees it. */
  private behind(): UpstreamSession {
    return {
      frameLength: frameLength(ANSWER_MOST),
      frame: (buf, start, end) => this.answer(buf, start, end),
      lost: (error) => this.lost(error),
      drained: () => this.brokerReads(),
    };
  }

  forward(buf: Buffer, start: number, end: number): boolean {
    view.read(buf, start, end, this.version);
    if (view.propsEnd > view.propsStart || view.topicEnd === view.topicStart || view.qos === 2) return false;
    if (!this.intake.lets(this.routeOf(buf.toString("utf8", view.topicStart, view.topicEnd)))) return false;
    if (view.id > 0 && this.extras.has(view.id)) return false;
    this.pass(buf, start, end);
    return true;
  }

  private routeOf(topic: string): { readonly topic: string } {
    if (this.lastTopic.topic !== topic) this.lastTopic = { topic };
    return this.lastTopic;
  }

  /** A PUBLISH that somebody may want to see. */
  private receive(buf: Buffer, start: number, end: number): void {
    if (this.forward(buf, start, end)) return;
    view.read(buf, start, end, this.version);
    const { qos, id, retain, dup } = view;
    if (id > 0 && this.extras.has(id)) {
      // A hook used the identifier meanwhile: the client's turn comes when that message is acknowledged.
      const again = Buffer.from(buf.subarray(start, end));
      const freed = new Promise<void>((settle) => this.extras.get(id)!.push(settle));
      return this.wait(freed, () => this.receive(again, 0, again.length));
    }
    if (qos === 2 && this.received.has(id)) {
      // [MQTT-4.3.3-10]: sent again. The broker knows it too, unless it never got it.
      if (this.kept.has(id)) this.respond(PUBREC, id);
      else this.pass(buf, start, end);
      return;
    }
    const properties = view.propsEnd > view.propsStart ? inboundProperties(view) : undefined;
    const alias = properties?.topicAlias;
    let topic = buf.toString("utf8", view.topicStart, view.topicEnd);
    if (alias !== undefined) {
      delete properties!.topicAlias;
      if (topic === "") topic = this.aliases.get(alias) ?? "";
      else this.aliases.set(alias, topic);
      if (topic === "") throw new MqttError("Protocol Error", `PUBLISH: topic alias ${alias} stands for nothing`);
    }
    const payload = Buffer.from(view.buf.subarray(view.payloadStart, view.end));
    const { clientId } = this.connection;
    const message = new Message(this.gateway.host.clock.now(), { topic, payload, qos, retain, properties, publisher: clientId });
    if (alias === undefined) this.raw.set(message, Buffer.from(buf.subarray(start, end)));
    if (qos === 2) this.received.add(id);
    this.intake.accept(message, { qos, id, retain, dup }, false);
  }

  topicOf(buf: Buffer, start: number, end: number): string {
    view.read(buf, start, end, this.version);
    if (view.topicEnd > view.topicStart) return buf.toString("utf8", view.topicStart, view.topicEnd);
    return this.aliasedTopic(decode(buf, start, end, this.version)) ?? "";
  }

  aliasedTopic(packet: Packet): string | undefined {
    return packet.type === "PUBLISH" && packet.topic === "" ? this.aliases.get(packet.properties?.topicAlias ?? 0) : undefined;
  }

  /** An acknowledgement by the client. */
  private acknowledged(type: number, buf: Buffer, start: number, end: number): void {
    ack.read(buf, start, end, this.version);
    const { id } = ack;
    const head = ACKS[type]!;
    if (head === PUBREL) {
      this.received.delete(id);
      if (this.kept.delete(id)) return this.respond(PUBCOMP, id);
      return this.pass(buf, start, end);
    }
    // A delivery that a hook doubled is acknowledged twice, and the broker knows of one.
    if (!this.delivered.has(id)) return;
    if (head !== PUBREC || ack.code >= 0x80) this.delivered.delete(id);
    this.pass(buf, start, end);
  }

  private pass(buf: Buffer, start: number, end: number): void {
    const { upstream } = this;
    if (upstream === null || upstream.isClosed) return;
    upstream.out.bytes(buf.subarray(start, end));
    this.waitForBroker();
  }

  /** The client is not read from while the broker does not read. */
  private waitForBroker(): void {
    if (this.upstream!.writable || this.onDrain !== null) return;
    this.connection.holdInput(new Promise<void>((settle) => (this.onDrain = settle)));
  }

  private brokerReads(): void {
    this.onDrain?.();
    this.onDrain = null;
  }

  // --- Messages that have passed the intake -----------------------------------------------------

  publish(message: Message, qos: QoS, id: number, origin: Origin): void {
    this.account(message, origin);
    if (id > 0) this.topics.set(id, message.topic);
    const { upstream } = this;
    if (upstream === null || upstream.isClosed) return;
    const raw = this.raw.get(message);
    if (raw !== undefined) upstream.out.bytes(raw);
    else this.writeTo(upstream, message, qos, id);
    this.waitForBroker();
  }

  store(message: Message, origin: Origin): void {
    this.account(message, origin);
    const { upstream } = this;
    if (upstream === null || upstream.isClosed) return;
    this.writeTo(upstream, message, message.qos, message.qos === 0 ? 0 : this.extraId());
  }

  private account(message: Message, origin: Origin): void {
    const { events } = this.gateway.host;
    if (events !== null && origin !== null) events.stored(message.topic, message, origin);
  }

  private writeTo(to: Upstream, message: Message, qos: QoS, id: number): void {
    const copy: Copy = { message, qos, retain: message.retain, ids: null, id };
    const now = this.gateway.host.clock.now();
    writeCopy(to.out, copy, { five: this.version === 5, dup: false, alias: 0, aliased: false }, now);
  }

  /** An identifier that the client does not use: it counts from below, as clients do. */
  private extraId(): number {
    for (let id = 0xffff; id > 0; id--) {
      if (this.extras.has(id) || this.received.has(id) || this.topics.has(id)) continue;
      this.extras.set(id, []);
      return id;
    }
    throw new MqttError("Quota exceeded", "PUBLISH: all packet identifiers are in use");
  }

  acknowledge(_message: Message, qos: QoS, id: number): void {
    if (qos === 1) this.respond(PUBACK, id);
    else if (qos === 2) {
      this.kept.add(id);
      this.respond(PUBREC, id);
    }
  }

  refuse({ topic, payload }: Message, qos: QoS, id: number, code: string): void {
    this.forget(qos, id);
    this.packets.refuse({ type: "PUBLISH", topic, payload, qos, retain: false, dup: false, id }, code);
  }

  forget(qos: QoS, id: number): void {
    if (qos === 2) this.received.delete(id);
  }

  // --- From the broker --------------------------------------------------------------------------

  private answer(buf: Buffer, start: number, end: number): void {
    const type = buf[start]! >> 4;
    if (type === 3) this.deliver(buf, start, end);
    else if (ACKS[type] !== undefined) this.answerAck(type, buf, start, end);
    else this.hand(type, buf, start, end);
    this.waitForClient();
  }

  /** The broker is not read from while the client does not read. */
  private waitForClient(): void {
    if (this.connection.writable || this.connection.isClosed || this.clientReads !== null) return;
    this.upstream?.holdInput(new Promise<void>((settle) => (this.clientReads = settle)));
  }
  private clientReads: (() => void) | null = null;

  drained(): void {
    this.clientReads?.();
    this.clientReads = null;
  }

  /** Hands a packet on to the client through the response stage. */
  private hand(type: number, buf: Buffer, start: number, end: number, topic?: string): void {
    if (this.packets.waits(PACKET_TYPES[type]!)) this.packets.respond(decode(buf, start, end, this.version), topic);
    else this.connection.out.bytes(buf.subarray(start, end));
  }

  private answerAck(type: number, buf: Buffer, start: number, end: number): void {
    ack.read(buf, start, end, this.version);
    const { id, code } = ack;
    const head = ACKS[type]!;
    if (this.extras.has(id) && head !== PUBREL) {
      if (head === PUBREC && code < 0x80) return this.tell(PUBREL, id);
      const waiting = this.extras.get(id)!;
      this.extras.delete(id);
      for (const go of waiting) go();
      return;
    }
    if (head === PUBREL) {
      if (this.delivered.has(id)) return this.hand(type, buf, start, end);
      // The client never got the message, and the broker is told that it did.
      return this.tell(PUBCOMP, id);
    }
    const topic = this.topics.get(id);
    if (head !== PUBREC || code >= 0x80) this.topics.delete(id);
    if (head === PUBREC && code >= 0x80) this.received.delete(id);
    this.hand(type, buf, start, end, topic);
  }

  private deliver(buf: Buffer, start: number, end: number): void {
    view.read(buf, start, end, this.version);
    const { qos, id, retain, dup } = view;
    if (id > 0) this.delivered.set(id, qos);
    const topic = buf.toString("utf8", view.topicStart, view.topicEnd);
    const { host } = this.gateway;
    const seen = host.pipeline.seesDeliveries && this.outlet.sees(topic);
    if (!seen && !this.connection.waiting && host.pipeline.observer === null) return this.connection.out.bytes(buf.subarray(start, end));
    const properties = view.propsEnd > view.propsStart ? inboundProperties(view) : undefined;
    const ids = properties?.subscriptionIdentifier ?? null;
    if (ids !== null) delete properties!.subscriptionIdentifier;
    const message = new Message(host.clock.now(), {
      topic,
      payload: Buffer.from(view.buf.subarray(view.payloadStart, view.end)),
      qos,
      retain,
      properties,
    });
    this.raw.set(message, Buffer.from(buf.subarray(start, end)));
    this.outlet.send({ message, qos, retain, ids, id }, dup);
  }

  // --- Deliveries that have passed the outlet ---------------------------------------------------

  get consumer(): string {
    return this.connection.clientId;
  }

  write(copy: Copy, dup: boolean): void {
    const { out } = this.connection;
    const raw = this.raw.get(copy.message);
    if (raw !== undefined && ((raw[0]! & 0x08) !== 0) === dup) out.bytes(raw);
    else writeCopy(out, copy, { five: this.version === 5, dup, alias: 0, aliased: false }, this.gateway.host.clock.now());
  }

  changed(copy: Copy, message: Message, qos: QoS, retain: boolean): Copy {
    if (copy.id > 0 && qos === 0) {
      // It goes out in QoS 0: the broker's copy is settled here.
      this.abandon(copy.id);
      return { ...copy, message, qos, retain, id: 0 };
    }
    return { ...copy, message, qos: copy.id > 0 ? copy.qos : 0, retain };
  }

  abandon(id: number): void {
    const qos = this.delivered.get(id);
    this.delivered.delete(id);
    if (qos !== undefined) this.tell(qos === 2 ? PUBREC : PUBACK, id);
  }

  /** Tells the broker what the client would have told it. */
  private tell(head: number, id: number): void {
    if (this.upstream !== null && !this.upstream.isClosed) writeAck(this.upstream.out, head, id, 0, this.version);
  }

  // --- To the client ----------------------------------------------------------------------------

  private respond(head: number, id: number): void {
    const type = PACKET_TYPES[head >> 4] as "PUBACK";
    if (this.packets.waits(type)) this.packets.respond({ type, id, code: 0 }, this.topics.get(id));
    else writeAck(this.connection.out, head, id, 0, this.version);
  }

  put(packet: Packet): void {
    encode(this.connection.out, packet, this.version);
  }

  answered(packet: Packet): void {
    if (packet.type === "PUBREC" && packet.code >= 0x80) this.received.delete(packet.id);
    if (packet.type === "CONNACK" && packet.code !== 0) this.connection.close();
  }

  disconnect(reason: ErrorName): void {
    if (this.version === 5) {
      this.packets.send({ type: "DISCONNECT", code: REASONS[mayCarry("DISCONNECT", reason) ? reason : "Unspecified error"] });
    }
    this.isSilent = true;
    this.connection.close();
  }

  refuseClient(given: ErrorName, version: Version): void {
    const reason = mayCarry("CONNACK", given) ? given : "Unspecified error";
    this.version = version;
    this.isSilent = true;
    this.packets.send({ type: "CONNACK", sessionPresent: false, code: version === 5 ? REASONS[reason] : returnCode(reason) });
    this.connection.close();
  }

  // --- The end ----------------------------------------------------------------------------------

  ignore(): void {
    this.isSilent = true;
  }

  end(how: End): void {
    this.gateway.host.pipeline.end(this.connection, how);
  }

  wait<T>(until: Promise<T>, run: (value: T) => void): void {
    this.connection.holdInput(until.then(run));
  }

  failed(error: Error): void {
    const reason =
      error instanceof MqttError ? error.reason : error instanceof DecodeError ? "Malformed Packet" : "Implementation specific error";
    if (!this.isConnected) return this.refuseClient(reason, this.version);
    if (this.version !== 5) return;
    const code = REASONS[mayCarry("DISCONNECT", reason) ? reason : "Unspecified error"];
    this.packets.send({ type: "DISCONNECT", code });
  }

  /** The broker ended the connection. */
  private lost(error: Error | null): void {
    if (this.connection.isClosed) return;
    if (error !== null)
      this.gateway.host.print(
        `mqtt: the connection to ${this.gateway.upstream.host}:${this.gateway.upstream.port} was lost: ${String(error)}`,
      );
    this.isSilent = true;
    this.connection.close();
  }

  closed(reason: CloseReason): void | Promise<unknown> {
    this.isSilent = true;
    this.brokerReads();
    this.drained();
    // A broker whose client left without a word publishes its Will.
    if (this.hasLeft) this.upstream?.close();
    else this.upstream?.reset();
    return depart(this.gateway.host, this.connection, this.hasLeft ? "client" : reason);
  }
}
