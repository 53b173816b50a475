import { Framer } from "../../src/bytes/framer.ts";
import { Writer } from "../../src/bytes/writer.ts";
import {
  decode,
  encode,
  frameLength,
  type Connect,
  type Packet,
  type Properties,
  type Publish,
  type Subscription,
  type Version,
} from "../../src/mqtt/wire/packets.ts";
import { connectMemory } from "../../src/net/memory.ts";
import { settled } from "../support/memory.ts";
import type { TestBroker } from "./client.ts";

/** A client's end of a connection. */
export interface Wire {
  send(bytes: Buffer): void;
  /** The connection breaks, without a DISCONNECT. */
  breakOff(): void;
}
/** Opens a connection; what arrives goes to `feed`, the end is told to `ended`. */
export type Dial = (feed: (bytes: Buffer) => void, ended: () => void) => Promise<Wire>;

/** A client in a scenario that says what it is told, and writes down all that comes. */
export class Talker {
  isClosed = false;
  private seen: string[] = [];
  private pongs = 0;
  private readonly waiting = new Set<() => void>();
  private wire!: Wire;
  private readonly framer = new Framer(frameLength(1 << 28), (buf, start, end) => {
    // A CONNACK that refuses the version is one of 3.1.1.
    this.take(decode(buf, start, end, buf[start] === 0x20 && end - start === 4 ? 4 : this.version));
  });

  constructor(
    readonly version: Version,
    private readonly write: (line: string) => void,
    private readonly number: (id: number) => number,
  ) {}

  async dial(dial: Dial): Promise<this> {
    this.wire = await dial(
      (bytes) => this.framer.push(Buffer.from(bytes)),
      () => this.close(),
    );
    return this;
  }

  private close(): void {
    this.isClosed = true;
    this.wake();
  }

  private take(packet: Packet): void {
    if (packet.type === "PINGRESP") this.pongs++;
    // Which of them says why it closes is compared elsewhere.
    else if (packet.type !== "DISCONNECT") this.seen.push(told(packet, this.number));
    this.wake();
  }

  private wake(): void {
    for (const wake of this.waiting) wake();
  }

  private until(what: string, done: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => (this.waiting.delete(look), reject(new Error(`${what} did not come`))), 5000);
      const look = (): void => {
        if (!done()) return;
        clearTimeout(timer);
        this.waiting.delete(look);
        resolve();
      };
      this.waiting.add(look);
      look();
    });
  }

  send(...packets: Packet[]): this {
    const w = new Writer();
    for (const packet of packets) encode(w, packet, this.version);
    this.wire.send(w.toBuffer());
    return this;
  }

  /** Lets all that the broker has for this client come, and writes it down: answers first, then messages, as their order is open (4.6). */
  async settle(): Promise<this> {
    const pongs = this.pongs;
    if (!this.isClosed) this.send({ type: "PINGREQ" });
    await this.until("PINGRESP", () => this.isClosed || this.pongs > pongs);
    const lines = this.seen.splice(0);
    for (const line of [...lines.filter((line) => !line.startsWith("PUBLISH")), ...lines.filter((line) => line.startsWith("PUBLISH"))])
      this.write(line);
    if (this.isClosed) this.write("closed");
    return this;
  }

  async connect(options: Partial<Connect> = {}): Promise<this> {
    this.send({ type: "CONNECT", version: this.version, cleanStart: true, keepAlive: 60, clientId: "c", ...options });
    return this.settle();
  }
  async subscribe(filter: string, options: Partial<Subscription> = {}, properties?: Properties): Promise<this> {
    this.send({
      type: "SUBSCRIBE",
      id: 1,
      subscriptions: [{ filter, qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0, ...options }],
      properties,
    });
    return this.settle();
  }
  async unsubscribe(...filters: string[]): Promise<this> {
    return this.send({ type: "UNSUBSCRIBE", id: 1, filters }).settle();
  }
  /** A message, in QoS 2 through to its end. */
  async publish(topic: string, payload = "", options: Partial<Publish> = {}): Promise<this> {
    const packet: Publish = {
      type: "PUBLISH",
      topic,
      payload: Buffer.from(payload),
      qos: 0,
      retain: false,
      dup: false,
      id: options.qos ? 1 : 0,
      ...options,
    };
    await this.send(packet).settle();
    return packet.qos === 2 && !this.isClosed ? this.send({ type: "PUBREL", id: packet.id, code: 0 }).settle() : this;
  }
  async ack(type: "PUBACK" | "PUBREC" | "PUBREL" | "PUBCOMP", id: number, code = 0): Promise<this> {
    return this.send({ type, id, code }).settle();
  }
  async disconnect(code = 0, properties?: Properties): Promise<this> {
    this.send({ type: "DISCONNECT", code, properties });
    await this.until("the end", () => this.isClosed);
    return this.settle();
  }
  async breakOff(): Promise<void> {
    this.wire.breakOff();
    await this.until("the end", () => this.isClosed);
  }
  raw(...bytes: (number | string)[]): this {
    this.wire.send(Buffer.concat(bytes.map((part) => (typeof part === "number" ? Buffer.from([part]) : Buffer.from(part)))));
    return this;
  }
}

/** @param number which one it is of the identifiers that the broker chose */
function told(packet: Packet, number: (id: number) => number): string {
  const { type } = packet;
  const properties = "properties" in packet && packet.properties !== undefined ? packet.properties : {};
  // What a broker says of its own limits is its own affair.
  const names = Object.keys(properties)
    .filter((name) => type !== "CONNACK" && name !== "reasonString")
    .sort();
  const extra = names.map((name) => ` ${name}=${JSON.stringify(properties[name as keyof Properties])}`).join("");
  switch (packet.type) {
    case "PUBLISH":
      return `PUBLISH ${packet.qos > 0 ? `#${number(packet.id)} ` : ""}${packet.topic} ${JSON.stringify(packet.payload.toString())} qos ${packet.qos}${packet.retain ? " retained" : ""}${packet.dup ? " dup" : ""}${extra}`;
    case "PUBREL":
      return `PUBREL #${number(packet.id)} ${packet.code}`;
    case "CONNACK":
      return `CONNACK ${packet.code}${packet.sessionPresent ? " present" : ""}`;
    case "SUBACK":
    case "UNSUBACK":
      return `${type} ${packet.codes.join(" ")}${extra}`;
    default:
      return `${type}${"id" in packet ? ` ${packet.id}` : ""}${"code" in packet ? ` ${packet.code}` : ""}${extra}`;
  }
}

/** What scenarios get: clients of one broker, and a transcript of all that those received. */
export class Stage {
  readonly lines: string[] = [];
  private readonly talkers: Talker[] = [];
  /** Identifiers that the broker chose, by the client's name, in the order in which they came. */
  private readonly numbers = new Map<string, Map<number, number>>();

  /** @param wait lets that many milliseconds pass */
  constructor(
    private readonly dial: Dial,
    readonly version: Version,
    readonly wait: (ms: number) => Promise<void>,
  ) {}

  /** A client that has not yet said a word. */
  async raw(name: string, version: Version = this.version): Promise<Talker> {
    const numbers = this.numbers.get(name) ?? new Map<number, number>();
    this.numbers.set(name, numbers);
    const number = (id: number): number => numbers.get(id) ?? numbers.set(id, numbers.size + 1).size;
    const talker = await new Talker(version, (line) => this.lines.push(`${name}: ${line}`), number).dial(this.dial);
    this.talkers.push(talker);
    return talker;
  }
  /** A client whose id is its name. */
  async client(name: string, options: Partial<Connect> = {}, version: Version = this.version): Promise<Talker> {
    return (await this.raw(name, version)).connect({ clientId: name, ...options });
  }

  /** Leaves nothing in the broker: no connection, no session of these names, nothing retained on these topics. */
  async clean(names: readonly string[], topics: readonly string[]): Promise<void> {
    for (const talker of this.talkers) if (!talker.isClosed) await talker.breakOff();
    const { length } = this.lines;
    for (const name of names) await (await this.client(name)).disconnect();
    const last = await this.client("last");
    for (const topic of topics) await last.publish(topic, "", { retain: true });
    await last.disconnect();
    this.lines.length = length;
  }
}

export const overMemory =
  (test: TestBroker): Dial =>
  async (feed, ended) => {
    const memory = connectMemory(test.broker, test.house.net);
    void (async () => {
      for (let bytes = await memory.read(); bytes.length > 0; bytes = await memory.read()) feed(bytes);
      ended();
    })();
    return {
      send: (bytes) => memory.send(bytes),
      breakOff: () => {
        memory.close(new Error("gone"));
        void settled().then(ended);
      },
    };
  };

export const overSocket =
  (address: { unix: string }): Dial =>
  async (feed, ended) => {
    const socket = await Bun.connect({ ...address, socket: { data: (_, bytes) => feed(bytes), close: ended, error: ended } });
    return { send: (bytes) => void socket.write(bytes), breakOff: () => socket.terminate() };
  };
