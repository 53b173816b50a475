import type { Chain, Final } from "../../hooks/chain.ts";
import type { Close, Hang } from "../../hooks/verdicts.ts";
import type { Connection } from "../../net/connection.ts";
import type { Host } from "../../pipeline/host.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import { type AdapterAt, applyVerdict } from "../../pipeline/verdict.ts";
import { type Connect, decode, encodeOwn, type Packet, type Version } from "../wire/packets.ts";
import { errorNamed, type ErrorName, PACKET_TYPES } from "../wire/reasons.ts";
import { answerTo, refusalOf, withError } from "../wire/replies.ts";
import { PacketEvent } from "./events.ts";

/** What carries packets out behind the stages. */
export interface PacketTarget {
  version: Version;
  /** Nothing that comes is handled any more. */
  readonly isSilent: boolean;
  /** CONNECT was accepted. */
  readonly isConnected: boolean;
  /** Says who a client is, as its CONNECT tells, before a hook sees it. */
  identify(packet: Connect): void;
  handle(buf: Buffer, start: number, end: number): void;
  /** Passes a PUBLISH on as it came, where nobody wants to see it. False: it has to be handled. */
  forward(buf: Buffer, start: number, end: number): boolean;
  /** The topic of a PUBLISH, also of one that says only its alias. */
  topicOf(buf: Buffer, start: number, end: number): string;
  /** The topic that a PUBLISH means by its alias; undefined for all else. */
  aliasedTopic(packet: Packet): string | undefined;
  /** Writes a control packet. */
  put(packet: Packet): void;
  /** A control packet was written that may end something: a refusal, an error. */
  answered(packet: Packet): void;
  /** Ends the connection with an error, where no packet can carry it. */
  disconnect(reason: ErrorName): void;
  refuseClient(reason: ErrorName, version: Version): void;
  end(how: Close | Hang): void;
  /** The input waits for `until`, and then goes on with `run`. */
  wait<T>(until: Promise<T>, run: (value: T) => void): void;
}

interface Requested {
  readonly event: PacketEvent;
  readonly buf: Buffer;
  readonly start: number;
  readonly end: number;
}

const CONNECT = PACKET_TYPES.indexOf("CONNECT");
const PUBLISH = PACKET_TYPES.indexOf("PUBLISH");

/** The request and response stages of one connection. */
export class Packets {
  private readonly pipeline: Pipeline;

  constructor(
    private readonly host: Host,
    private readonly connection: Connection,
    private readonly target: PacketTarget,
  ) {
    this.pipeline = host.pipeline;
  }

  // --- In ---------------------------------------------------------------------------------------

  receive(buf: Buffer, start: number, end: number): void {
    if (this.pipeline.seesRequests) this.ask(buf, start, end);
    else this.target.handle(buf, start, end);
  }

  /** What hooks change is handled as if it had come so. */
  private ask(buf: Buffer, start: number, end: number): void {
    const { target, connection } = this;
    const type = buf[start]! >> 4;
    let packet: Packet | null = null;
    if (type === CONNECT && !target.isConnected) {
      packet = decode(buf, start, end, target.version);
      target.version = (packet as Connect).version;
      target.identify(packet as Connect);
    }
    const named = this.pipeline.requests(connection, PACKET_TYPES[type]!);
    const byTopic = named === null || named.sortedBy === "topic";
    if (byTopic && type === PUBLISH && target.isConnected && target.forward(buf, start, end)) return;
    // Hooks that name other topics are told by the topic alone.
    const chain = named === null || type !== PUBLISH || !byTopic ? named : named.about("topic", target.topicOf(buf, start, end));
    if (chain === null) return target.handle(buf, start, end);
    packet ??= decode(buf, start, end, target.version);
    const event = new PacketEvent(connection, packet, target.version, target.aliasedTopic(packet));
    this.decide(chain, { event, buf, start, end });
  }

  private decide(chain: Chain, subject: Requested): void {
    const decision = chain.decide(subject.event);
    if (decision instanceof Promise) this.target.wait(decision, (final) => this.settle(final, subject));
    else this.settle(decision, subject);
  }

  private settle(final: Final | null, subject: Requested): void {
    const { body } = subject.event;
    // What a client published is worth storing although it left, unless it is going to send it again; the rest was about itself.
    if (this.target.isSilent && (body.type !== "PUBLISH" || body.qos > 0)) return;
    applyVerdict(final, subject, this.onRequest);
  }

  private readonly onRequest: AdapterAt<"request", Requested> = {
    pass: ({ event, buf, start, end }) => {
      if (!event.changed) return this.target.handle(buf, start, end);
      const bytes = encodeOwn(event.body, this.target.version);
      this.target.handle(bytes, 0, bytes.length);
    },
    drop: () => undefined,
    fail: ({ event }, { code }) => this.refuse(event.body, code),
    reply: ({ event }, { body }) => {
      const answer = answerTo(event.body);
      if (answer !== null) this.send(this.worded(new PacketEvent(this.connection, answer, this.target.version), body));
    },
    close: (_, verdict) => this.target.end(verdict),
  };

  /** Answers a packet with an error of the protocol; where the packet has no such answer, the connection ends with it. */
  refuse(packet: Packet, code: string): void {
    const { target } = this;
    const reason = errorNamed(code, this.host);
    if (packet.type === "CONNECT") return target.refuseClient(reason, packet.version);
    const answer = refusalOf(packet, reason, target.version);
    if (answer === null) target.disconnect(reason);
    else this.send(answer);
  }

  // --- Out --------------------------------------------------------------------------------------

  /** Whether a packet has to go through `respond`: a hook may want to see it, or others are before it. */
  waits(type: string): boolean {
    return this.connection.waiting || this.pipeline.responses(this.connection, type) !== null;
  }

  send(packet: Packet): void {
    if (this.waits(packet.type)) return this.respond(packet);
    this.target.put(packet);
    this.target.answered(packet);
  }

  /** @param topic of the message that an acknowledgement is about, where that is at hand */
  respond(packet: Packet, topic?: string): void {
    const event = new PacketEvent(this.connection, packet, this.target.version, topic);
    const decision = this.pipeline.responses(this.connection, packet.type)?.decide(event) ?? null;
    this.connection.inOrder(decision, (final) => applyVerdict(final, event, this.onResponse));
  }

  private readonly onResponse: AdapterAt<"response", PacketEvent> = {
    pass: (event) => this.put(event.body),
    drop: () => undefined,
    close: (_, verdict) => this.target.end(verdict),
    fail: (event, { code }) => {
      const reason = errorNamed(code, this.host);
      const failed = withError(event.body, reason, this.target.version);
      // It was carried out, and cannot be answered with this: the connection ends with it.
      if (failed === null) this.target.disconnect(reason);
      else this.put(failed);
    },
    reply: (event, { body }) => this.put(this.worded(event, body)),
  };

  private put(packet: Packet): void {
    this.target.put(packet);
    this.target.answered(packet);
  }

  /** An answer in a hook's words, as far as they can be written. */
  private worded(event: PacketEvent, body: object): Packet {
    try {
      event.change(body);
    } catch (error) {
      this.host.print(`mqtt: reply with ${Bun.inspect(body)}: ${String(error)}`);
    }
    return event.body;
  }
}
