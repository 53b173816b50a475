import { DecodeError, Reader } from "../../bytes/reader.ts";
import type { Timer } from "../../core/time.ts";
import type { Connection } from "../../net/connection.ts";
import type { CloseReason, Session } from "../../net/session.ts";
import { Patience } from "../../net/idle-timeout.ts";
import type { BrokerConnection, BrokerState } from "../broker/state.ts";
import { refusal, ReplyError } from "./replies.ts";
import { AmqpError } from "../model/errors.ts";
import { Address, type Message } from "../model/message.ts";
import type { Vhost } from "../model/vhost.ts";
import { Channel } from "./channel.ts";
import classes from "./classes/index.ts";
import { decodeArgs, MALFORMED } from "./codec.ts";
import { writeContent } from "./content.ts";
import { depart } from "../pipeline/connect.ts";
import { Operations, type OperationTarget } from "../pipeline/operations.ts";
import { METHOD_TABLE } from "./operation-table.ts";
import { BODY, FRAME_END, FRAME_HEAD, FrameError, frameLength, HEADER, HEARTBEAT, METHOD, writeHeartbeat, writeMethod } from "./frames.ts";
import { erlang } from "./erlang.ts";
import type { Handler } from "./handlers.ts";
import type { Delivery } from "./unacked.ts";
import { loginOf } from "./login.ts";
import { contentOf } from "./message.ts";
import { type Args, type ArgsOut, type ClientMethod, methodOf, type MethodName, type ServerMethod, specOf } from "./methods.ts";

/** How long a client may take for `close-ok`, in milliseconds. */
const CLOSE_TIMEOUT = 10_000;

const handlers = new Map<string, Handler<ClientMethod>>();
for (const { name, methods } of classes)
  for (const [method, handler] of Object.entries(methods)) handlers.set(`${name}.${method}`, handler as Handler<ClientMethod>);

/** Where a connection is in its life; `closing`: an error was sent, and only `close-ok` is waited for. */
export type State = "starting" | "tuning" | "opening" | "running" | "closing" | "closed";

/** One AMQP 0-9-1 connection, from `connection.start` on. */
export class AmqpConnection implements Session, BrokerConnection, OperationTarget<Channel> {
  readonly table = METHOD_TABLE;
  readonly operations: Operations<Channel>;
  readonly frameLength;
  state: State = "starting";
  vhost!: Vhost;
  user = "";
  frameMax: number;
  channelMax: number;
  /** Seconds; 0: none. */
  heartbeat = 0;
  /** The client's capabilities and name, from its properties. */
  notifiesCancel = false;
  notifiesBlocked = false;
  closesOnBadLogin = false;
  /** The client has said who it is. */
  isKnown = false;
  /** The method being carried out: an error names it. */
  current: MethodName | null = null;
  /** Something was sent, or came, since the heartbeat looked last. */
  spoke = false;
  private heard = false;
  private isBlocked = false;
  private silent = 0;
  private readonly channels = new Map<number, Channel>();
  private latest: Channel | null = null;

  /** `timer`: what it waits for next is the end of the handshake, later heartbeats, at last `close-ok`. */
  constructor(
    readonly broker: BrokerState,
    readonly connection: Connection,
    private timer: Timer,
  ) {
    this.operations = new Operations(broker.host.pipeline, connection, this);
    this.frameMax = broker.options.frameMax;
    this.channelMax = broker.options.channelMax;
    this.frameLength = frameLength(this.frameMax);
    broker.connections.add(this);
  }

  /** What its channels hold. */
  *unsettled(): IterableIterator<Delivery> {
    for (const channel of this.channels.values()) yield* channel.unsettled();
  }

  // --- In ---------------------------------------------------------------------------------------

  frame(buf: Buffer, start: number, end: number): void {
    const type = buf[start]!;
    const id = (buf[start + 1]! << 8) | buf[start + 2]!;
    this.heard = true;
    if (buf[end - 1] !== FRAME_END) {
      throw new FrameError(`{invalid_frame_end_marker,${buf[end - 1]}}`, type, buf.subarray(start + FRAME_HEAD, end - 1));
    }
    let channel = this.latest;
    if (channel === null || channel.id !== id) channel = id === 0 ? null : (this.channels.get(id) ?? null);
    try {
      if (channel !== null && channel.isOpen && this.state === "running") {
        this.latest = channel;
        channel.frame(type, buf, start + FRAME_HEAD, end - 1);
      } else this.otherFrame(type, id, channel, buf, start + FRAME_HEAD, end - 1);
    } catch (error) {
      this.trouble(error as Error, channel);
    }
  }

  /** Frames of the connection itself, of channels that are not open, and before the handshake is done. */
  private otherFrame(type: number, id: number, channel: Channel | null, buf: Buffer, at: number, stop: number): void {
    if (type === HEARTBEAT && id === 0) return;
    const name = type === METHOD && stop - at >= 4 ? methodOf(buf.readUInt16BE(at), buf.readUInt16BE(at + 2)) : undefined;
    if (this.state === "closing" || this.state === "closed") {
      if (name === "connection.close-ok" || name === "connection.close") this.method(null, buf, at, stop);
      return;
    }
    this.current = name ?? null;
    if (type !== METHOD && (id === 0 || (type !== HEADER && type !== BODY))) this.strayFrame(type, buf, at, stop);
    if (id === 0) return this.method(null, buf, at, stop);
    if (this.state !== "running") throw new ReplyError("CHANNEL_ERROR", `unexpected method in connection state ${this.state}`);
    if (channel === null) {
      if (type !== METHOD) throw new ReplyError("UNEXPECTED_FRAME", "expected method frame, got non method frame instead");
      return this.openChannel(id, name, buf, at, stop);
    }
    // The channel is closing: all is ignored but its end, and an attempt to begin it anew.
    if (name === "channel.close-ok") this.forgetChannel(channel);
    else if (name === "channel.close") this.send(id, "channel.close-ok", {});
    else if (name === "channel.open") throw new ReplyError("CHANNEL_ERROR", "second 'channel.open' seen");
  }

  /** Throws for a frame of a type that has no place here, or none at all. */
  strayFrame(type: number, buf: Buffer, at: number, stop: number): never {
    this.current = null;
    const what = `type ${type}, all octets = ${erlang(buf.subarray(at, stop))}`;
    if (type === HEADER || type === BODY || type === HEARTBEAT) throw new ReplyError("UNEXPECTED_FRAME", what);
    throw new ReplyError("FRAME_ERROR", `${what}: unknown_frame`);
  }

  private openChannel(id: number, name: MethodName | undefined, buf: Buffer, at: number, stop: number): void {
    if (this.channels.size >= this.channelMax) {
      this.current = null;
      throw new ReplyError(
        "NOT_ALLOWED",
        `number of channels opened (${this.channels.size}) has reached the negotiated channel_max (${this.channelMax})`,
      );
    }
    if (name !== "channel.open") throw new ReplyError("CHANNEL_ERROR", "expected 'channel.open'");
    const channel = new Channel(this, id);
    this.channels.set(id, channel);
    this.method(channel, buf, at, stop);
  }

  /** Reads a method and carries it out, unless a plugin wants it otherwise. */
  method(channel: Channel | null, buf: Buffer, at: number, stop: number): void {
    const reader = new Reader(buf, at, stop);
    if (stop - at < 4) this.strayFrame(METHOD, buf, at, stop);
    const name = methodOf(reader.u16(), reader.u16());
    this.current = name ?? null;
    if (name === undefined) throw new ReplyError("COMMAND_INVALID", `unknown method ${erlang(buf.subarray(at, Math.min(stop, at + 4)))}`);
    if (channel === null && !name.startsWith("connection."))
      throw new ReplyError("CHANNEL_ERROR", `unexpected method in connection state ${this.state}`);
    const args = this.decode(name, reader);
    if (channel !== null && name.startsWith("connection.")) throw new ReplyError("COMMAND_INVALID", "unimplemented method");
    if (!handlers.has(name)) throw new ReplyError("COMMAND_INVALID", "unimplemented method");
    // With it the client says who it is; hooks are to see that.
    if (name === "connection.start-ok" && this.state === "starting") this.introduce(args as Args<"connection.start-ok">);
    this.operations.request(channel, name, args);
  }

  /** RabbitMQ's words for arguments that cannot be read. */
  private decode<N extends MethodName>(name: N, reader: Reader): Args<N> {
    const at = reader.pos;
    try {
      return decodeArgs(name, reader);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.broker.host.net.countFailure(this.connection, error);
      if (error.message !== MALFORMED) throw new ReplyError("FRAME_ERROR", `cannot decode ${erlang(reader.buf.subarray(at, reader.end))}`);
      this.current = null;
      throw new ReplyError("FRAME_ERROR", MALFORMED);
    }
  }

  // --- Behind the stages ------------------------------------------------------------------------

  carryOut(channel: Channel | null, name: string, args: object): void {
    (handlers.get(name) as unknown as (self: AmqpConnection | Channel, args: object) => void)(channel ?? this, args);
  }

  resume(channel: Channel | null, name: string): boolean {
    this.current = name as MethodName;
    if (this.connection.isClosed) return false;
    if (channel?.isOpen !== false) return true;
    if (name === "channel.close") this.send(channel.id, "channel.close-ok", {});
    return false;
  }

  /** The content of a message that is not to be published still comes; also where the connection hangs: it may be let go. */
  withhold(channel: Channel | null, name: string): void {
    if (name === "basic.publish") channel!.publishing.skip();
  }

  refuse(channel: Channel | null, name: string, args: object, why: { readonly code: string; readonly reason?: string }): void {
    if (name === "basic.publish") {
      const { publishing } = channel!;
      publishing.expect(null);
      const { exchange, routingKey } = args as Args<"basic.publish">;
      return publishing.publisher.refuse(new Address(exchange, routingKey), why);
    }
    // A client that cannot read why it may not come in sees the connection end.
    if (name === "connection.start-ok" && !this.closesOnBadLogin) return this.connection.close();
    throw refusal(why);
  }

  answer(channel: Channel | null, name: string, body: object): void {
    if (name === "basic.publish") return;
    const answer = specOf(name as MethodName).replies?.[0] as ServerMethod | undefined;
    if (answer !== undefined) this.send(channel?.id ?? 0, answer, METHOD_TABLE.merge(answer, blank(answer), body) as ArgsOut<ServerMethod>);
  }

  refuseAnswer(id: number, why: { readonly code: string; readonly reason?: string }): void {
    this.trouble(refusal(why), this.channels.get(id) ?? null);
  }

  private introduce({ clientProperties, mechanism, response }: Args<"connection.start-ok">): void {
    const capabilities = clientProperties.get("capabilities") as Record<string, unknown> | undefined;
    this.notifiesCancel = capabilities?.consumer_cancel_notify === true;
    this.notifiesBlocked = capabilities?.["connection.blocked"] === true;
    this.closesOnBadLogin = capabilities?.authentication_failure_close === true;
    const name = clientProperties.get("connection_name");
    this.connection.identify(typeof name === "string" ? name : "", loginOf(mechanism, response)?.user ?? "");
  }

  /** Does something outside of `frame` that may fail as a method does. */
  guard(channel: Channel | null, run: () => void): void {
    if (this.connection.isClosed) return;
    try {
      run();
    } catch (error) {
      this.trouble(error as Error, channel);
    }
  }

  // --- Out --------------------------------------------------------------------------------------

  /** @param about where the message went that is confirmed */
  send<N extends ServerMethod>(id: number, name: N, args: ArgsOut<N>, about?: Address): void {
    this.spoke = true;
    const { connection } = this;
    if (!this.operations.waits(name)) return writeMethod(connection.out, id, name, args);
    const write = (given: object): void => writeMethod(connection.out, id, name, given as ArgsOut<N>);
    this.operations.respond(id, name, { ...blank(name), ...args }, write, about);
  }

  /** A method that carries a message. `atLast` gives arguments that are known when it is written; null: it is not any more. */
  sendContent<N extends ServerMethod>(
    channel: Channel,
    name: N,
    args: ArgsOut<N>,
    message: Message,
    atLast: () => Partial<Args<N>> | null = () => ({}),
  ): void {
    if (!channel.isOpen) return;
    this.spoke = true;
    const { connection } = this;
    const write = (given: object): void => {
      const late = atLast();
      if (late === null) return;
      writeMethod(connection.out, channel.id, name, { ...given, ...late } as ArgsOut<N>);
      writeContent(connection.out, channel.id, contentOf(message), this.frameMax);
    };
    if (!this.operations.waits(name)) return write(args);
    message.keep();
    this.operations.respond(channel.id, name, { ...blank(name), ...args }, write);
  }

  /** Who publishes during an alarm is not read from until it is over. */
  block(over: Promise<void>): void {
    if (this.isBlocked) return;
    this.isBlocked = true;
    this.tellBlocked("low on memory");
    const goOn = () => {
      this.isBlocked = false;
      this.tellUnblocked();
    };
    this.connection.holdInput(over.then(goOn));
  }

  /** Says that nothing is read for now, to a client that wants to know. */
  tellBlocked(reason: string): void {
    if (this.notifiesBlocked) this.send(0, "connection.blocked", { reason });
  }

  tellUnblocked(): void {
    if (this.notifiesBlocked && this.state === "running") this.send(0, "connection.unblocked", {});
  }

  // --- Errors and the end -----------------------------------------------------------------------

  /** Answers an error as the protocol has it: the channel or the connection is closed with its code. */
  private trouble(error: Error, channel: Channel | null): void {
    const { current } = this;
    const reply = error instanceof AmqpError ? ReplyError.of(error) : error;
    if (reply instanceof ReplyError) {
      if (!reply.hard && channel !== null) this.closeChannel(channel, reply, current);
      else this.closeConnection(reply, current);
      return;
    }
    // Counted where it is answered, see `failed`.
    if (error instanceof FrameError) throw error;
    this.broker.host.net.countFailure(this.connection, error);
    if (error instanceof DecodeError) this.closeConnection(new ReplyError("SYNTAX_ERROR", String(error)), current);
    else this.closeConnection(new ReplyError("INTERNAL_ERROR", String(error)), current);
  }

  closeChannel(channel: Channel, error: ReplyError, method: MethodName | null): void {
    if (!channel.isOpen) return;
    channel.close();
    this.send(channel.id, "channel.close", closing(error, method));
  }

  /** The client closed the channel: its number is free again. */
  channelClosed(channel: Channel): void {
    channel.close();
    this.forgetChannel(channel);
  }

  private forgetChannel(channel: Channel): void {
    this.channels.delete(channel.id);
    if (this.latest === channel) this.latest = null;
  }

  /** Says why, and waits for `close-ok` while all else is ignored. */
  closeConnection(error: ReplyError, method: MethodName | null): void {
    if (this.state === "closing" || this.state === "closed") return;
    this.end();
    this.state = "closing";
    this.send(0, "connection.close", closing(error, method));
    this.timer = new Patience(this.connection, this.broker.host.clock, CLOSE_TIMEOUT, () => this.connection.abort(false));
  }

  /** Everything that the connection had is over: channels, consumers, queues of its own. */
  end(): void {
    this.timer.cancel();
    if (this.state === "closed") return;
    this.state = "closed";
    for (const channel of this.channels.values()) channel.close();
    this.channels.clear();
    this.latest = null;
    this.vhost?.ownerGone(this);
  }

  /** Framing is broken: says so, and the connection is closed behind it. */
  failed(error: Error): void {
    const running = this.state === "running";
    this.end();
    if (!running) return;
    const reply =
      error instanceof FrameError
        ? new ReplyError("FRAME_ERROR", `type ${error.type}, all octets = ${erlang(error.payload)}: ${error.message}`)
        : new ReplyError("INTERNAL_ERROR", String(error));
    writeMethod(this.connection.out, 0, "connection.close", closing(reply, null));
  }

  goodbye(): void {
    if (this.state !== "running") return;
    this.closeConnection(new ReplyError("CONNECTION_FORCED", "broker forced connection closure with reason 'shutdown'"), null);
  }

  closed(reason: CloseReason): void | Promise<unknown> {
    this.broker.connections.delete(this);
    this.end();
    if (this.isKnown) return depart(this.broker.host, this.connection, reason);
  }

  drained(): void {
    for (const channel of this.channels.values()) channel.pump();
  }

  // --- The handshake ----------------------------------------------------------------------------

  /** The client may do as it likes from now on. */
  opened(vhost: Vhost): void {
    this.vhost = vhost;
    this.state = "running";
    this.timer.cancel();
    if (this.heartbeat > 0) this.beat();
  }

  /** A wrong name or password: said only to clients that understand it, others see the connection end. */
  refuseLogin(mechanism: string): void {
    if (this.closesOnBadLogin) {
      this.closeConnection(
        new ReplyError(
          "ACCESS_REFUSED",
          `Login was refused using authentication mechanism ${mechanism}. For details see the broker logfile.`,
        ),
        null,
      );
    } else this.connection.close();
  }

  /** Half an interval at a time: says something where nothing was said, and leaves a peer that was silent for two intervals. */
  private beat(): void {
    const { clock } = this.broker.host;
    const since = clock.now();
    const half = this.heartbeat * 500;
    this.timer = clock.after(this.connection.timeLeft(half), () => {
      if (this.connection.isClosed) return;
      // Jumped over: nobody had the time to send anything.
      if (this.connection.silentFor(since) < half) return this.beat();
      this.silent = this.heard || this.connection.isHeld ? 0 : this.silent + 1;
      if (this.silent >= 4) {
        this.broker.host.net.countFailure(this.connection, new Error(`missed heartbeats from client, timeout: ${this.heartbeat}s`));
        return this.connection.abort(false);
      }
      if (!this.spoke) writeHeartbeat(this.connection.out);
      this.heard = this.spoke = false;
      this.beat();
    });
  }
}

function closing(error: ReplyError, method: MethodName | null): Args<"connection.close"> {
  const [classId, methodId] = method === null ? [0, 0] : specOf(method).id;
  return { replyCode: error.code, replyText: cut(error.message), classId, methodId };
}

/** A text that fits into a short string. */
function cut(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= 255) return text;
  let end = 252;
  while ((bytes[end]! & 0xc0) === 0x80) end--;
  return `${bytes.toString("utf8", 0, end)}...`;
}

const ZERO = { octet: 0, short: 0, long: 0, longlong: 0, timestamp: 0, shortstr: "", bit: false } as const;

/** Arguments that say nothing. */
function blank<N extends MethodName>(name: N): object {
  return Object.fromEntries(
    Object.entries(specOf(name).args).map(([key, type]) => [key, (ZERO as Record<string, unknown>)[type] ?? undefined]),
  );
}
