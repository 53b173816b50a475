import type { FrameLength } from "../../bytes/framer.ts";
import { DecodeError } from "../../bytes/reader.ts";
import type { Timer } from "../../core/time.ts";
import type { Connection } from "../../net/connection.ts";
import type { CloseReason, Session } from "../../net/session.ts";
import { Patience } from "../../net/idle-timeout.ts";
import { depart } from "../pipeline/connect.ts";
import { Intake, type Origin, type Publisher } from "../pipeline/intake.ts";
import { Outlet, type Receiver } from "../pipeline/outlet.ts";
import { Packets, type PacketTarget } from "../pipeline/packets.ts";
import { PUBACK, PUBCOMP, PUBREC, PUBREL, writeAck } from "../wire/acks.ts";
import { copySize, type Copy, type Message, writeCopy } from "../wire/message.ts";
import { decode, encode, encodeOwn, frameLength, type Ack, type Connect, type Packet, type Version, type Will } from "../wire/packets.ts";
import { PublishView, type QoS } from "../wire/publish.ts";
import { mayCarry, MqttError, PACKET_TYPES, REASONS, returnCode, type ErrorName, type ReasonName } from "../wire/reasons.ts";
import { Backlog } from "./backlog.ts";
import type { MqttBroker } from "./broker.ts";
import { handlers } from "./handler.ts";
import { forward } from "./handlers/publish.ts";
import type { ClientSession } from "./session.ts";

const CONNECT = PACKET_TYPES.indexOf("CONNECT");
const view = new PublishView();
/** How long a client may take to send its CONNECT, in milliseconds. */
const CONNECT_WITHIN = 30_000;
/** How a connection ends that is closed or hangs. */
type End = Parameters<PacketTarget["end"]>[0];

/** The broker's end of one connection: packets that have passed the stages find their handlers, copies their form. */
export class Link implements Session, PacketTarget, Publisher, Receiver {
  readonly frameLength: FrameLength;
  readonly packets: Packets;
  readonly intake: Intake;
  readonly outlet: Outlet;
  version: Version = 4;
  /** The version is 5.0. */
  five = false;
  session: ClientSession | null = null;
  will: Will | null = null;
  /** The client's limit for what is sent to it. */
  maxPacketSize = Infinity;
  /** Topics by the alias that the client gave them, as bytes. */
  readonly aliasesIn = new Map<number, Buffer>();
  /** QoS 0 packets may be passed on as they came: no aliases, no limit to heed. */
  plain = true;
  readonly backlog: Backlog;
  private aliasesOut: Map<string, number> | null = null;
  private aliasesMost = 0;
  /** Nothing that comes is handled any more. */
  isSilent = false;
  private left: CloseReason | null = null;
  private seen: number;
  private timer: Timer;
  /** Input waits for that many verdicts: the client is not to blame for silence. */
  private waits = 0;
  /** Who the client was said to be. */
  private identity: { clientId: string; user: string } | null = null;

  constructor(
    readonly broker: MqttBroker,
    readonly connection: Connection,
  ) {
    const { host } = broker;
    this.packets = new Packets(host, connection, this);
    this.intake = new Intake(host, connection, this);
    this.outlet = new Outlet(host, connection, this);
    this.backlog = new Backlog(broker);
    const length = frameLength(broker.options.maxPacketSize);
    this.frameLength = (buf, pos, end) => {
      // [MQTT-3.1.0-1]: whoever speaks another protocol is not waited for.
      if (this.session === null && !this.isSilent && buf[pos]! >> 4 !== CONNECT) {
        throw new MqttError("Protocol Error", `${PACKET_TYPES[buf[pos]! >> 4]} before CONNECT`);
      }
      return length(buf, pos, end);
    };
    this.seen = broker.time();
    this.timer = new Patience(connection, broker.host.clock, CONNECT_WITHIN, () => connection.close());
  }

  // --- In ---------------------------------------------------------------------------------------

  frame(buf: Buffer, start: number, end: number): void {
    this.seen = this.broker.time();
    if (this.session === null) this.five = asksForFive(buf, start, end);
    if (this.isSilent) return;
    this.packets.receive(buf, start, end);
  }

  handle(buf: Buffer, start: number, end: number): void {
    const type = buf[start]! >> 4;
    if (type === CONNECT && this.session !== null) throw new MqttError("Protocol Error", "CONNECT: not the first"); // [MQTT-3.1.0-2]
    const handler = handlers[type];
    if (handler === undefined) throw new MqttError("Protocol Error", `${PACKET_TYPES[type]} from a client`);
    handler.handle(this, buf, start, end);
  }

  get isConnected(): boolean {
    return this.session !== null;
  }

  forward(buf: Buffer, start: number, end: number): boolean {
    return forward(this, buf, start, end);
  }

  /** Says who the client is, once. One that brought no id gets one, where its version allows that [MQTT-3.1.3-6]. */
  identify({ clientId, username = "", version, cleanStart }: Connect): void {
    if (clientId === "" && (version === 3 || (version === 4 && !cleanStart))) return;
    const { identity } = this;
    if (identity !== null && identity.user === username && (clientId === "" || identity.clientId === clientId)) return;
    const id = clientId === "" ? this.broker.newClientId() : clientId;
    this.identity = { clientId: id, user: username };
    this.connection.identify(id, username);
  }

  topicOf(buf: Buffer, start: number, end: number): string {
    view.read(buf, start, end, this.version);
    const { topicStart, topicEnd } = view;
    if (topicEnd === topicStart) return this.aliasedTopic(decode(buf, start, end, this.version)) ?? "";
    return this.broker.subscriptions.find(buf, topicStart, topicEnd).topic;
  }

  aliasedTopic(packet: Packet): string | undefined {
    if (packet.type !== "PUBLISH" || packet.topic !== "" || this.aliasesIn.size === 0) return undefined;
    return this.aliasesIn.get(packet.properties?.topicAlias ?? 0)?.toString();
  }

  wait<T>(until: Promise<T>, run: (value: T) => void): void {
    this.waits++;
    this.connection.holdInput(
      until.then(run).finally(() => {
        this.waits--;
      }),
    );
  }

  /** CONNACK with an error, then the end [MQTT-3.2.2-7]. */
  refuseClient(code: ErrorName, version: Version, reasonString?: string): void {
    const reason = mayCarry("CONNACK", code) ? code : "Unspecified error";
    this.version = version;
    this.send(
      version === 5
        ? { type: "CONNACK", sessionPresent: false, code: REASONS[reason], ...(reasonString && { properties: { reasonString } }) }
        : { type: "CONNACK", sessionPresent: false, code: returnCode(reason) },
    );
    this.connection.close();
  }

  // --- The session ------------------------------------------------------------------------------

  /** CONNECT was accepted. */
  open(session: ClientSession, keepAlive: number, topicAliasMaximum: number): void {
    this.session = session;
    this.five = this.version === 5;
    this.aliasesMost = Math.min(topicAliasMaximum, this.broker.options.topicAliasMaximum);
    if (this.aliasesMost > 0) this.aliasesOut = new Map();
    this.plain = this.aliasesOut === null && this.maxPacketSize === Infinity;
    this.timer.cancel();
    if (keepAlive > 0) this.watch(keepAlive * 1500);
  }

  /** [MQTT-3.1.2-22]: one and a half times the keep alive without a packet ends the connection. */
  private watch(ms: number): void {
    const check = (): void => {
      const idle = this.waits > 0 ? 0 : this.connection.silentFor(this.seen);
      if (idle >= ms) this.disconnect("Keep Alive timeout");
      else this.timer = this.broker.host.clock.after(this.connection.timeLeft(ms - idle), check);
    };
    this.timer = this.broker.host.clock.after(ms, check);
  }

  /** The client said goodbye, with or without wanting its Will published. */
  leave(withWill: boolean): void {
    this.left = "client";
    this.detach(withWill);
    this.connection.close();
  }

  /** Another connection took the client id over [MQTT-3.1.4-3]. */
  takenOver(): void {
    this.disconnect("Session taken over");
  }

  /** Ends the connection from here: with a DISCONNECT where the version has one for the client. */
  disconnect(reason: ErrorName, reasonString?: string): void {
    this.farewell(reason, reasonString);
    this.detach(true);
    this.connection.close();
  }

  /** The broker goes down. Wills are not published: nobody would be left to read them. */
  goodbye(): void {
    this.farewell("Server shutting down");
    this.detach(false);
  }

  private farewell(reason: ErrorName, text?: string): void {
    if (!this.five) return;
    const code = REASONS[mayCarry("DISCONNECT", reason) ? reason : "Unspecified error"];
    const reasonString = text?.replace(/[\p{Cc}\p{Cn}\p{Cs}]/gu, "?").slice(0, 300);
    const fits = reasonString && 3 * reasonString.length + 16 <= this.maxPacketSize;
    this.send({ type: "DISCONNECT", code, ...(fits && { properties: { reasonString } }) });
  }

  /** The broker died: nobody says goodbye. */
  lost(): void {
    this.detach(false);
  }

  /** The session goes on without this connection. */
  private detach(withWill: boolean): void {
    this.ignore();
    this.backlog.clear();
    const { session, will } = this;
    if (session === null) return;
    this.will = null;
    if (session.link === this) session.detach(withWill ? will : null, this.connection);
  }

  /** Whatever still comes is left without an answer. */
  ignore(): void {
    this.isSilent = true;
    this.timer.cancel();
  }

  end(how: End): void {
    if (how.kind === "hang")
      this.timer.cancel(); // a broker that hangs judges nobody's silence
    else if (!how.reset) this.detach(true);
    this.broker.host.pipeline.end(this.connection, how);
  }

  failed(error: Error): void {
    const reason =
      error instanceof MqttError ? error.reason : error instanceof DecodeError ? "Malformed Packet" : "Implementation specific error";
    const text = error instanceof MqttError ? String(error) : undefined;
    if (this.session === null) {
      // Only a client that asked for 5.0 is told what was wrong with its CONNECT; Mosquitto tells 3.1.1 of a wrong level.
      if (this.five) this.refuseClient(reason, 5, text);
      else if (reason === "Unsupported Protocol Version") this.refuseClient(reason, 4);
      return;
    }
    this.farewell(reason, text);
    this.detach(true);
  }

  closed(reason: CloseReason): void | Promise<unknown> {
    const held = depart(this.broker.host, this.connection, this.left ?? reason);
    this.detach(true);
    return held;
  }

  drained(): void {
    this.backlog.clear();
    if (this.session?.link === this) this.session.pump();
  }

  // --- Out --------------------------------------------------------------------------------------

  /** Takes QoS 1 and 2 copies: what cannot be sent now waits in the session's queue, which is bounded. */
  get ready(): boolean {
    return !this.outlet.isFull && this.connection.writable;
  }

  /** Whether a QoS 0 packet of this size may still be sent, or kept for a reader that is slow. */
  admits(size: number): boolean {
    if (!this.outlet.isFull && (this.connection.writable || this.backlog.admits(size))) return true;
    this.broker.dropped++;
    return false;
  }

  /** What this client publishes waits for a slow reader, though not for long: TCP passes the pressure on to it. */
  waitFor(reader: Backlog): void {
    if (reader !== this.backlog) this.connection.holdInput(reader.settled());
  }

  /** Sends a copy in QoS 0, if the client takes it. */
  deliver(copy: Copy): void {
    const size = copySize(copy, this.five);
    const tooLarge = size > this.maxPacketSize;
    if (tooLarge || !this.admits(size)) {
      return this.outlet.left(copy, tooLarge ? "too large" : "overflow");
    }
    this.outlet.send(copy, false);
  }

  get consumer(): string {
    return this.session!.clientId;
  }

  write(copy: Copy, dup: boolean): void {
    const { out } = this.connection;
    const { message, qos, retain, ids, id } = copy;
    this.broker.delivered++;
    if (ids === null && !dup && this.aliasesOut === null && message.expiresAt === Infinity) {
      return this.broker.fanout.write(out, message, this.five, qos, retain, id);
    }
    const known = this.aliasesOut?.get(message.topic);
    let alias = known ?? 0;
    if (known === undefined && this.aliasesOut !== null && this.aliasesOut.size < this.aliasesMost) {
      alias = this.aliasesOut.size + 1;
      this.aliasesOut.set(message.topic, alias);
    }
    writeCopy(out, copy, { five: this.five, dup, alias, aliased: known !== undefined }, this.broker.host.clock.now());
  }

  changed(copy: Copy, message: Message, qos: QoS, retain: boolean): Copy {
    return this.session!.changeCopy(copy, message, qos, retain);
  }

  abandon(id: number): void {
    this.session!.abandon(id);
  }

  /** PUBACK, PUBREC, PUBREL or PUBCOMP, by their first bytes. @param topic of the message that it is about, where that is at hand */
  respond(head: number, id: number, code: number, topic?: string): void {
    const type = ACK_TYPES[head]!;
    if (this.packets.waits(type)) this.packets.respond({ type, id, code }, topic);
    else writeAck(this.connection.out, head, id, code, this.version);
  }

  /** Sends a control packet. */
  send(packet: Packet): void {
    this.packets.send(packet);
  }

  /** Writes a control packet, unless it is larger than the client takes [MQTT-3.1.2-24]: then the connection ends. */
  put(packet: Packet): void {
    const { out } = this.connection;
    if (this.maxPacketSize === Infinity) return encode(out, packet, this.version);
    const bytes = encodeOwn(packet, this.version);
    if (bytes.length <= this.maxPacketSize) return out.bytes(bytes);
    if (packet.type === "CONNACK" || packet.type === "DISCONNECT") {
      this.detach(true);
      this.connection.close();
    } else this.disconnect("Packet too large");
  }

  answered(packet: Packet): void {
    // 4.3.3: after an error the packet identifier is free again, also where it was made one on its way.
    if (packet.type === "PUBREC" && packet.code >= 0x80 && this.five) this.session?.received.delete(packet.id);
    // [MQTT-3.2.2-7]
    if (packet.type !== "CONNACK" || packet.code === 0) return;
    this.detach(true);
    this.connection.close();
  }

  // --- Messages that have passed the intake -----------------------------------------------------

  store(message: Message, origin: Origin): ReasonName {
    const { broker } = this;
    // Subscriptions may have changed while a verdict was pending, and the topic with it.
    return broker.store(message, broker.subscriptions.route(message.topic, message.topicBytes), origin);
  }

  publish(message: Message, qos: QoS, id: number, origin: Origin): void {
    this.answer(qos, id, this.store(message, origin), message.topic);
  }

  acknowledge(message: Message, qos: QoS, id: number): void {
    this.answer(qos, id, "Success", message.topic);
  }

  refuse({ topic, payload }: Message, qos: QoS, id: number, code: string): void {
    this.forget(qos, id);
    this.packets.refuse({ type: "PUBLISH", topic, payload, qos, retain: false, dup: false, id }, code);
  }

  forget(qos: QoS, id: number): void {
    if (qos === 2) this.session!.received.delete(id);
  }

  /** PUBACK or PUBREC. Before 5.0 they can only say yes [MQTT-3.3.5-2 of 3.1.1]. */
  private answer(qos: QoS, id: number, reason: ReasonName, topic: string): void {
    const code = REASONS[reason];
    if (qos === 1) this.respond(PUBACK, id, code, topic);
    else if (qos === 2) {
      // 4.3.3: after an error the packet identifier is free again.
      if (code >= 0x80 && this.five) this.session!.received.delete(id);
      this.respond(PUBREC, id, code, topic);
    }
  }
}

/** Whether a first packet is a CONNECT of 5.0, however malformed the rest of it may be: then its sender knows reason codes. */
function asksForFive(buf: Buffer, start: number, end: number): boolean {
  let body = start + 1;
  while (buf[body++]! >= 0x80);
  return buf[start]! >> 4 === CONNECT && end - body > 6 && buf[body + 6] === 5 && buf.toString("latin1", body, body + 6) === "\0\x04MQTT";
}

const ACK_TYPES: Record<number, Ack["type"]> = { [PUBACK]: "PUBACK", [PUBREC]: "PUBREC", [PUBREL]: "PUBREL", [PUBCOMP]: "PUBCOMP" };
