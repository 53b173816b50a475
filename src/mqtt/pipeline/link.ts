import type { FrameLength } from "../../bytes/framer.ts";
import { DecodeError } from "../../bytes/reader.ts";
import type { Timer } from "../../core/time.ts";
import type { Decision, Final } from "../../hooks/chain.ts";
import type { Delivered } from "../../hooks/observer.ts";
import type { ProtocolHooks } from "../../hooks/seam.ts";
import type { Close, Hang } from "../../hooks/verdicts.ts";
import type { Connection } from "../../net/connection.ts";
import type { CloseReason, Session } from "../../net/session.ts";
import { Patience } from "../../net/idle-timeout.ts";
import { PUBACK, PUBCOMP, PUBREC, PUBREL, writeAck } from "../wire/acks.ts";
import { Backlog } from "../broker/backlog.ts";
import type { MqttBroker } from "../broker/broker.ts";
import { ClientEvent, MessageEvent, PacketEvent } from "./events.ts";
import { handlers } from "../broker/handler.ts";
import { forward } from "../broker/handlers/publish.ts";
import { copySize, type Copy, type Message, writeCopy } from "../wire/message.ts";
import { decode, encode, frameLength, type Ack, type Packet, type Version, type Will } from "../wire/packets.ts";
import { mayCarry, MqttError, PACKET_TYPES, REASONS, returnCode, type ErrorName } from "../wire/reasons.ts";
import { answerTo, refusalOf, withError } from "../wire/replies.ts";
import { PublishView } from "../wire/publish.ts";
import type { ClientSession } from "../broker/session.ts";
import type { Route } from "../broker/subscriptions.ts";

const CONNECT = PACKET_TYPES.indexOf("CONNECT");
const PUBLISH = 3;
const view = new PublishView();
/** How long a client may take to send its CONNECT, in milliseconds. */
const CONNECT_WITHIN = 30_000;
/** Copies whose verdicts are pending, beyond which no more are started. */
const HELD_MOST = 50_000;
/** One connection of one client: what comes in finds its handler, what goes out its form. */
export class Link implements Session {
  readonly frameLength: FrameLength;
  readonly hooks: ProtocolHooks;
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
  private silent = false;
  private left: CloseReason | null = null;
  private seen: number;
  private timer: Timer;
  /** Input waits for that many verdicts: the client is not to blame for silence. */
  private waits = 0;
  private held = 0;
  /** What no hook wants to see this client publish, in that version of the hooks. */
  private unwatched: Route | null = null;
  private unwatchedAt = -1;

  constructor(
    readonly broker: MqttBroker,
    readonly connection: Connection,
  ) {
    this.hooks = connection.hooks;
    this.backlog = new Backlog(broker);
    const length = frameLength(broker.options.maxPacketSize);
    this.frameLength = (buf, pos, end) => {
      // [MQTT-3.1.0-1]: whoever speaks another protocol is not waited for.
      if (this.session === null && !this.silent && buf[pos]! >> 4 !== CONNECT) {
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
    if (this.silent) return;
    if (this.hooks.request !== null) this.examine(buf, start, end);
    else this.handle(buf, start, end);
  }

  private handle(buf: Buffer, start: number, end: number): void {
    const type = buf[start]! >> 4;
    if (type === CONNECT && this.session !== null) throw new MqttError("Protocol Error", "CONNECT: not the first"); // [MQTT-3.1.0-2]
    const handler = handlers[type];
    if (handler === undefined) throw new MqttError("Protocol Error", `${PACKET_TYPES[type]} from a client`);
    handler.handle(this, buf, start, end);
  }

  /** Whether no hook wants to see a PUBLISH of this client to a topic. */
  passes(route: Route): boolean {
    const { hooks } = this;
    if (hooks.request !== null || hooks.message !== null) {
      return (route === this.unwatched && hooks.version === this.unwatchedAt) || this.looksUnwatched(route);
    }
    return true;
  }

  private looksUnwatched(route: Route): boolean {
    const { hooks, connection } = this;
    const named = hooks.request?.select(connection, "PUBLISH") ?? null;
    if (named !== null && (named.sortedBy !== "topic" || named.about("topic", route.topic) !== null)) return false;
    if (hooks.message !== null && hooks.message.select(connection, route.topic) !== null) return false;
    this.unwatched = route;
    this.unwatchedAt = hooks.version;
    return true;
  }

  /** Asks the request hooks first. What they change is handled as if it had come so. */
  private examine(buf: Buffer, start: number, end: number): void {
    const type = buf[start]! >> 4;
    const named = this.hooks.request?.select(this.connection, PACKET_TYPES[type]!) ?? null;
    const isTold = named === null || named.sortedBy === "topic";
    if (isTold && type === PUBLISH && this.session !== null && forward(this, buf, start, end)) return;
    // Hooks that name other topics are told by the topic alone.
    const chain = named === null || type !== PUBLISH || !isTold ? named : named.about("topic", this.topicOf(buf, start, end));
    if (chain === null) return this.handle(buf, start, end);
    const packet = decode(buf, start, end, this.version);
    if (packet.type === "CONNECT") this.version = packet.version;
    const event = new PacketEvent(this.connection, packet, this.version, this.aliased(packet));
    this.decided(chain.decide(event), (final) => {
      // What a client published is worth storing although it left, unless it is going to send it again; the rest was about itself.
      if (this.silent && (packet.type !== "PUBLISH" || packet.qos > 0)) return;
      if (final === null && event.changed) {
        const bytes = this.broker.bytesOf(event.body, this.version);
        this.handle(bytes, 0, bytes.length);
      } else if (final === null) this.handle(buf, start, end);
      else this.settleRequest(event.body, final);
    });
  }

  private topicOf(buf: Buffer, start: number, end: number): string {
    view.read(buf, start, end, this.version);
    const { topicStart, topicEnd } = view;
    if (topicEnd === topicStart) return this.aliased(decode(buf, start, end, this.version)) ?? "";
    return this.broker.subscriptions.find(buf, topicStart, topicEnd).topic;
  }

  /** The topic of a PUBLISH that says only its alias; undefined for all else. */
  private aliased(packet: Packet): string | undefined {
    if (packet.type !== "PUBLISH" || packet.topic !== "" || this.aliasesIn.size === 0) return undefined;
    return this.aliasesIn.get(packet.properties?.topicAlias ?? 0)?.toString();
  }

  private settleRequest(packet: Packet, final: Final): void {
    switch (final.kind) {
      case "fail":
        return this.refuse(packet, final.code);
      case "reply": {
        const answer = answerTo(packet);
        if (answer !== null) this.send(this.worded(new PacketEvent(this.connection, answer, this.version), final.body));
        return;
      }
      case "hang":
      case "close":
        return this.obey(final);
    }
  }

  /** Goes on with a verdict, at once or, with the input waiting, when it is there. */
  decided(decision: Decision, proceed: (final: Final | null) => void): void {
    if (!(decision instanceof Promise)) return proceed(decision);
    this.waits++;
    this.connection.holdInput(
      decision.then(proceed).finally(() => {
        this.waits--;
      }),
    );
  }

  /** Answers a packet with an error of the protocol; where the packet has no such answer, the connection ends with it. */
  refuse(packet: Packet, code: string): void {
    const reason = this.broker.errorNamed(code);
    if (packet.type === "CONNECT") return this.refuseClient(reason, packet.version);
    const answer = refusalOf(packet, reason, this.version);
    if (answer === null) this.disconnect(reason);
    else this.send(answer);
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
    this.silent = true;
    this.timer.cancel();
  }

  obey(verdict: Close | Hang): void {
    if (verdict.kind === "hang")
      this.timer.cancel(); // whoever hangs judges nobody's silence
    else if (!verdict.reset) this.detach(true);
    this.connection.obey(verdict);
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
    let decision: Decision | undefined;
    if (this.hooks.disconnect !== null) {
      const event = new ClientEvent(this.connection, "disconnect", this.left ?? reason);
      decision = this.hooks.disconnect.select(this.connection, "")?.decide(event);
    }
    this.detach(true);
    if (decision instanceof Promise) return decision;
  }

  drained(): void {
    this.backlog.clear();
    if (this.session?.link === this) this.session.pump();
  }

  // --- Out --------------------------------------------------------------------------------------

  /** Takes QoS 1 and 2 copies: what cannot be sent now waits in the session's queue, which is bounded. */
  get ready(): boolean {
    return this.held < HELD_MOST && this.connection.writable;
  }

  /** Whether a QoS 0 packet of this size may still be sent, or kept for a reader that is slow. */
  admits(size: number): boolean {
    if (this.connection.writable && this.held < HELD_MOST) return true;
    if (this.held < HELD_MOST && this.backlog.admits(size)) return true;
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
      const { observer } = this.hooks;
      if (observer !== null && !copy.retain) {
        const { message } = copy;
        observer.left(
          { protocol: "mqtt", place: message.topic, id: message },
          tooLarge ? "too large" : "overflow",
          this.session!.clientId,
          false,
        );
      }
      return;
    }
    this.sendCopy(copy, false);
  }

  /** Sends a copy; one in QoS 1 or 2 is in flight already. */
  sendCopy(copy: Copy, dup: boolean): void {
    const { connection } = this;
    const wanted = this.hooks.delivery !== null && this.hooks.delivery.select(connection, copy.message.topic) !== null;
    if (wanted || connection.waiting) this.consider(copy, dup);
    else this.write(copy, dup, copy.message, null);
  }

  private delivery(kept: Message, tag: number, event: MessageEvent | null): Delivered {
    return { protocol: "mqtt", place: kept.topic, id: kept, consumer: this.session!.clientId, connection: this.connection, tag, event };
  }

  /** @param kept the message as it was stored, before any hook changed it @param event what the hooks were asked about */
  private write(copy: Copy, dup: boolean, kept: Message, event: MessageEvent | null): void {
    const { out } = this.connection;
    const { message, qos, retain, ids, id } = copy;
    if (this.hooks.observer !== null && !retain) this.hooks.observer.delivered(this.delivery(kept, id, event), qos === 0);
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

  /** Asks the delivery hooks, or waits for what was to go out before. */
  private consider(copy: Copy, dup: boolean): void {
    let event: MessageEvent | null = null;
    let decision: Decision = null;
    if (this.hooks.delivery !== null) {
      const chain = this.hooks.delivery.select(this.connection, copy.message.topic);
      if (chain !== null) {
        const { message, qos, retain } = copy;
        event = new MessageEvent(this.connection, message, this.broker.host.clock.now(), qos, retain, dup, this.connection.clientId);
        decision = chain.decide(event);
      }
    }
    this.held++;
    const settle = (final: Final | null): void => {
      if (final?.kind === "later") return final.go(() => this.connection.inOrder(null, settle));
      this.held--;
      this.settleDelivery(copy, dup, event, final);
      if (this.held === HELD_MOST - 1) this.drained();
    };
    this.connection.inOrder(decision, settle);
  }

  private settleDelivery(copy: Copy, dup: boolean, event: MessageEvent | null, final: Final | null): void {
    const { session } = this;
    const { observer } = this.hooks;
    const kept = copy.message;
    if (observer !== null && final?.kind === "expire")
      observer.left(this.delivery(kept, copy.id, event), "expired", session!.clientId, false);
    else if (observer !== null && final !== null && final.kind !== "duplicate") {
      observer.withheld(this.delivery(kept, copy.id, event), final.kind, copy.qos === 0 || final.kind === "reroute");
    }
    switch (final?.kind) {
      case "drop": // in QoS 1 and 2 it stays in flight, as after a loss on the network
        return;
      case "hang":
      case "close":
        return this.obey(final);
      case "expire":
        return copy.id > 0 ? session!.abandon(copy.id) : undefined;
      case "reroute":
        if (copy.id > 0) session!.abandon(copy.id);
        return this.broker.reroute(event!, final.to);
    }
    if (event !== null && event.message !== copy.message) copy = session!.changeCopy(copy, event.message, event.qos, event.retain);
    this.write(copy, dup && copy.qos > 0, kept, event); // [MQTT-3.3.1-2]: a hook may have lowered it
    // The same packet again, as a network that repeats itself would bring it.
    if (final?.kind === "duplicate") for (let i = 0; i < final.times; i++) this.write(copy, copy.qos > 0, kept, event);
  }

  /** PUBACK, PUBREC, PUBREL or PUBCOMP, by their first bytes. @param topic of the message that it is about, where that is at hand */
  acknowledge(head: number, id: number, code: number, topic?: string): void {
    const type = ACK_TYPES[head]!;
    const wanted = this.hooks.response !== null && this.hooks.response.select(this.connection, type) !== null;
    if (wanted || this.connection.waiting) this.respond({ type, id, code }, topic);
    else writeAck(this.connection.out, head, id, code, this.version);
  }

  /** Sends a control packet. */
  send(packet: Packet): void {
    const wanted = this.hooks.response !== null && this.hooks.response.select(this.connection, packet.type) !== null;
    if (wanted || this.connection.waiting) this.respond(packet);
    else this.put(packet);
  }

  /** Writes a control packet, unless it is larger than the client takes [MQTT-3.1.2-24]: then the connection ends. */
  private put(packet: Packet): void {
    const { out } = this.connection;
    if (this.maxPacketSize === Infinity) return encode(out, packet, this.version);
    const bytes = this.broker.bytesOf(packet, this.version);
    if (bytes.length <= this.maxPacketSize) return out.bytes(bytes);
    if (packet.type === "CONNACK" || packet.type === "DISCONNECT") {
      this.detach(true);
      this.connection.close();
    } else this.disconnect("Packet too large");
  }

  private respond(packet: Packet, topic?: string): void {
    const chain = this.hooks.response?.select(this.connection, packet.type) ?? null;
    const event = new PacketEvent(this.connection, packet, this.version, topic);
    this.connection.inOrder(chain === null ? null : chain.decide(event), (final) => {
      switch (final?.kind) {
        case "drop":
          return;
        case "hang":
        case "close":
          return this.obey(final);
        case "fail": {
          const reason = this.broker.errorNamed(final.code);
          const failed = withError(event.body, reason, this.version);
          // It was carried out, and cannot be answered with this: the connection ends with it.
          if (failed === null) return this.disconnect(reason);
          event.body = failed;
          break;
        }
        case "reply":
          this.worded(event, final.body);
      }
      this.put(event.body);
      // 4.3.3: after an error the packet identifier is free again, also where a hook made it one.
      if (event.body.type === "PUBREC" && event.body.code >= 0x80 && this.five) this.session?.received.delete(event.body.id);
      if (event.body.type === "CONNACK" && event.body.code !== 0 && this.session !== null) {
        this.detach(true);
        this.connection.close();
      }
    });
  }

  /** An answer in a hook's words, as far as they can be written. */
  private worded(event: PacketEvent, body: object): Packet {
    try {
      event.change(body);
    } catch (error) {
      this.broker.host.print(`mqtt: reply with ${Bun.inspect(body)}: ${String(error)}`);
    }
    return event.body;
  }
}

/** Whether a first packet is a CONNECT of 5.0, however malformed the rest of it may be: then its sender knows reason codes. */
function asksForFive(buf: Buffer, start: number, end: number): boolean {
  let body = start + 1;
  while (buf[body++]! >= 0x80);
  return buf[start]! >> 4 === CONNECT && end - body > 6 && buf[body + 6] === 5 && buf.toString("latin1", body, body + 6) === "\0\x04MQTT";
}

const ACK_TYPES: Record<number, Ack["type"]> = { [PUBACK]: "PUBACK", [PUBREC]: "PUBREC", [PUBREL]: "PUBREL", [PUBCOMP]: "PUBCOMP" };
