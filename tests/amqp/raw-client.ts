import { Framer } from "../../src/bytes/framer.ts";
import { Reader } from "../../src/bytes/reader.ts";
import { Writer } from "../../src/bytes/writer.ts";
import { decodeArgs } from "../../src/amqp/v091/codec.ts";
import type { Plain } from "../../src/amqp/model/values.ts";
import { FieldTable } from "../../src/amqp/v091/fields.ts";
import {
  BODY,
  FRAME_END,
  frameLength,
  HEADER,
  HEARTBEAT,
  METHOD,
  PROTOCOL_HEADER,
  writeHead,
  writeMethod,
} from "../../src/amqp/v091/frames.ts";
import { type ArgsOut, methodOf, type MethodName, type Args } from "../../src/amqp/v091/methods.ts";
import type { Properties } from "../../src/amqp/model/properties.ts";
import { decodeProperties, encodeProperties } from "../../src/amqp/v091/properties.ts";

/** One method as it came, with its content where it has one. */
export interface Received<N extends MethodName = MethodName> {
  channel: number;
  name: N;
  args: Args<N>;
  properties?: Properties;
  body?: Buffer;
}

/** Where a client's bytes go. */
export interface Wire {
  write(bytes: Buffer): void;
  end(): void;
}

/** Said by `next` when the peer closed the connection. */
export class Closed extends Error {
  override readonly name = "Closed";
}

/**
 * A client that sends what it is told, right or wrong, and shows every method it gets in order. The
 * transport calls `feed` with what arrives and `ended` when nothing more will.
 */
export class RawClient {
  /** Of frames that are not methods or content: heartbeats counted, and the bytes of a refusing header. */
  heartbeats = 0;
  refusal: Buffer | null = null;
  isClosed = false;
  /** Told of every method as it comes. */
  onMethod: (received: Received) => unknown = () => undefined;
  private readonly inbox: Received[] = [];
  private readonly waiting: { resolve: (m: Received) => void; reject: (e: Error) => void; timer: Timer }[] = [];
  private readonly partial = new Map<number, Received & { size: number; chunks: Buffer[]; got: number }>();
  private readonly framer = new Framer(
    (buf, pos, end) => {
      if (end - pos >= 4 && buf.toString("latin1", pos, pos + 4) === "AMQP") return 8;
      return frameLength(0)(buf, pos, end);
    },
    (buf, start, end) => this.onFrame(buf, start, end),
  );

  constructor(private readonly wire: Wire) {}

  feed(chunk: Buffer): void {
    this.framer.push(Buffer.from(chunk));
  }
  ended(): void {
    this.isClosed = true;
    for (const { reject, timer } of this.waiting.splice(0)) {
      clearTimeout(timer);
      reject(new Closed("the peer closed the connection"));
    }
  }

  private onFrame(buf: Buffer, start: number, end: number): void {
    if (buf[start] === 0x41) {
      this.refusal = Buffer.from(buf.subarray(start, end));
      return;
    }
    const channel = buf.readUInt16BE(start + 1);
    const reader = new Reader(buf, start + 7, end - 1);
    if (buf[end - 1] !== FRAME_END) throw new Error("frame end missing");
    switch (buf[start]) {
      case METHOD: {
        const name = methodOf(reader.u16(), reader.u16())!;
        const received = { channel, name, args: decodeArgs(name, reader) } as Received;
        if (name === "basic.deliver" || name === "basic.get-ok" || name === "basic.return") {
          this.partial.set(channel, { ...received, size: -1, chunks: [], got: 0 });
        } else this.put(received);
        return;
      }
      case HEADER: {
        const partial = this.partial.get(channel)!;
        reader.skip(4);
        partial.size = Number(reader.u64());
        partial.properties = decodeProperties(buf, reader.pos, end - 1);
        break;
      }
      case BODY: {
        const partial = this.partial.get(channel)!;
        partial.chunks.push(reader.view(reader.remaining));
        partial.got += end - start - 8;
        break;
      }
      case HEARTBEAT:
        this.heartbeats++;
        return;
    }
    const { size, chunks, got, ...received } = this.partial.get(channel)!;
    if (got < size) return;
    this.partial.delete(channel);
    this.put({ ...received, body: Buffer.concat(chunks) });
  }

  private put(received: Received): void {
    this.onMethod(received);
    const waiter = this.waiting.shift();
    if (waiter === undefined) return void this.inbox.push(received);
    clearTimeout(waiter.timer);
    waiter.resolve(received);
  }

  /** The next method. Rejects with `Closed` once the peer has closed and all was read, and after so many milliseconds of silence. */
  next(within = 60_000): Promise<Received> {
    const first = this.inbox.shift();
    if (first !== undefined) return Promise.resolve(first);
    if (this.isClosed) return Promise.reject(new Closed("the peer closed the connection"));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.splice(
          this.waiting.findIndex((w) => w.timer === timer),
          1,
        );
        reject(new Error(`nothing came within ${within} ms`));
      }, within);
      this.waiting.push({ resolve, reject, timer });
    });
  }

  /** The next method, which must be `name`. */
  async expect<N extends MethodName>(name: N): Promise<Received<N>> {
    const got = await this.next();
    if (got.name !== name) throw new Error(`${name} expected, got ${got.name} ${JSON.stringify(show(got.args))}`);
    return got as Received<N>;
  }

  /** What is there now and was not read yet. */
  drain(): Received[] {
    return this.inbox.splice(0);
  }

  bytes(bytes: Buffer | string): void {
    this.wire.write(typeof bytes === "string" ? Buffer.from(bytes.replaceAll(/\s/g, ""), "hex") : bytes);
  }

  send<N extends MethodName>(channel: number, name: N, args: ArgsOut<N>): void {
    const out = new Writer();
    writeMethod(out, channel, name, args);
    this.wire.write(out.toBuffer());
  }

  /** Sends and expects the answer. */
  async call<N extends MethodName, R extends MethodName>(channel: number, name: N, args: ArgsOut<N>, reply: R): Promise<Received<R>> {
    this.send(channel, name, args);
    return this.expect(reply);
  }

  frame(type: number, channel: number, payload: Buffer): void {
    const out = new Writer();
    writeHead(out, type, channel, payload.length);
    out.bytes(payload);
    out.u8(FRAME_END);
    this.wire.write(out.toBuffer());
  }

  header(channel: number, size: number, properties: Properties = {}, classId = 60): void {
    const out = new Writer();
    out.u16(classId);
    out.u16(0);
    out.i64n(size);
    encodeProperties(properties, out);
    this.frame(HEADER, channel, out.toBuffer());
  }

  publish(
    channel: number,
    to: { exchange?: string; routingKey?: string; mandatory?: boolean; immediate?: boolean },
    body: Buffer | string = "",
    properties: Properties = {},
    frameMax = 131072,
  ): void {
    const bytes = Buffer.from(body as string);
    this.send(channel, "basic.publish", { exchange: "", routingKey: "", mandatory: false, immediate: false, ...to });
    this.header(channel, bytes.length, properties);
    for (let at = 0; at < bytes.length; at += frameMax - 8) this.frame(BODY, channel, bytes.subarray(at, at + frameMax - 8));
  }

  begin(): void {
    this.bytes(PROTOCOL_HEADER);
  }
  login(mechanism: string, response: Buffer, properties: { [name: string]: Plain } = CAPABLE): void {
    this.send(0, "connection.start-ok", { clientProperties: FieldTable.of(properties), mechanism, response, locale: "en_US" });
  }

  /** The handshake, up to an open connection. */
  async open(
    options: {
      user?: string;
      password?: string;
      vhost?: string;
      heartbeat?: number;
      frameMax?: number;
      channelMax?: number;
      properties?: { [name: string]: Plain };
    } = {},
  ): Promise<Args<"connection.start">> {
    const {
      user = "guest",
      password = "guest",
      vhost = "/",
      heartbeat = 0,
      frameMax = 131072,
      channelMax = 2047,
      properties = CAPABLE,
    } = options;
    this.begin();
    const { args } = await this.expect("connection.start");
    this.login("PLAIN", Buffer.from(`\0${user}\0${password}`), properties);
    await this.expect("connection.tune");
    this.send(0, "connection.tune-ok", { channelMax, frameMax, heartbeat });
    await this.call(0, "connection.open", { virtualHost: vhost }, "connection.open-ok");
    return args;
  }

  async channel(id = 1): Promise<void> {
    await this.call(id, "channel.open", {}, "channel.open-ok");
  }

  end(): void {
    this.wire.end();
  }
}

/** What clients of today say of themselves. */
export const CAPABLE = {
  product: "raw",
  capabilities: {
    authentication_failure_close: true,
    basic_nack: true,
    consumer_cancel_notify: true,
    publisher_confirms: true,
    "connection.blocked": true,
  },
};

/** Arguments in a form that prints and compares well. */
export function show(args: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(args).map(([key, value]) => [
      key,
      value instanceof FieldTable ? value.toObject() : value instanceof Uint8Array ? Buffer.from(value).toString() : value,
    ]),
  );
}

/** A raw client over TCP. */
export async function dial(port: number): Promise<RawClient> {
  let client!: RawClient;
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data: (_, chunk) => client.feed(chunk),
      close: () => client.ended(),
      drain: () => flush(),
    },
  });
  let queue = Buffer.alloc(0);
  const flush = () => {
    if (queue.length === 0) return;
    const sent = socket.write(queue);
    if (sent > 0) queue = queue.subarray(sent) as Buffer<ArrayBuffer>;
  };
  client = new RawClient({
    write: (bytes) => {
      queue = Buffer.concat([queue, bytes]);
      flush();
    },
    end: () => void socket.end(),
  });
  return client;
}
