import { expect } from "bun:test";
import { Framer } from "../../src/bytes/framer.ts";
import { Writer } from "../../src/bytes/writer.ts";
import { MqttBroker } from "../../src/mqtt/broker/broker.ts";
import type { MqttOptions } from "../../src/mqtt/broker/options.ts";
import {
  decode,
  encode,
  frameLength,
  type Connack,
  type Connect,
  type Packet,
  type Properties,
  type Publish,
  type Subscription,
  type Version,
} from "../../src/mqtt/wire/packets.ts";
import { REASONS, type ReasonName } from "../../src/mqtt/wire/reasons.ts";
import type { Replay } from "../../src/journal/replay.ts";
import { connectMemory, type MemoryClient } from "../../src/net/memory.ts";
import { MemoryHouse, settled } from "../support/memory.ts";

export const VERSIONS: Version[] = [3, 4, 5];

/** The packet of a type; acknowledgements share a shape. */
type PacketOf<T extends Packet["type"]> = Packet extends infer P
  ? P extends { type: infer U }
    ? T extends U
      ? P
      : never
    : never
  : never;

/** A broker in memory with clients beside it. */
export class TestBroker {
  readonly house: MemoryHouse;
  readonly broker: MqttBroker;
  private ids = 0;

  constructor(options: Partial<MqttOptions> = {}, replay: Replay | null = null) {
    this.house = new MemoryHouse(1, replay);
    this.broker = new MqttBroker(options, this.house.host("mqtt"));
    this.house.publish = (message) => {
      this.house.published.push(message);
      if (message.protocol === "mqtt") this.broker.publish(message);
    };
  }

  /** A connection on which nothing was sent. */
  open(version: Version = 4): TestClient {
    return new TestClient(connectMemory(this.broker, this.house.net), version);
  }

  /** A client whose CONNECT was accepted. */
  async client(version: Version = 4, options: Partial<Connect> = {}): Promise<TestClient> {
    const client = this.open(version);
    client.connack = await client.connect({ clientId: `client-${++this.ids}`, ...options });
    expect(client.connack.code).toBe(0);
    return client;
  }

  /** Moves the clock on, once all that is under way has come to rest. */
  async advance(seconds: number): Promise<void> {
    await settled();
    await this.house.clock.advance(seconds * 1000);
  }
}

/** The client's side of one connection, packet by packet. */
export class TestClient {
  connack: Connack | null = null;
  /** Packet identifiers that the helpers use. */
  private lastId = 0;
  private readonly packets: Packet[] = [];
  private readonly framer: Framer;

  constructor(
    readonly memory: MemoryClient,
    readonly version: Version,
  ) {
    this.framer = new Framer(frameLength(1 << 28), (buf, start, end) => {
      this.packets.push(decode(buf, start, end, version));
    });
  }

  raw(...bytes: (number | string | Buffer)[]): this {
    this.memory.send(Buffer.concat(bytes.map((part) => (typeof part === "number" ? Buffer.from([part]) : Buffer.from(part)))));
    return this;
  }

  send(...packets: Packet[]): this {
    const w = new Writer();
    for (const packet of packets) encode(w, packet, this.version);
    this.memory.send(w.toBuffer());
    return this;
  }

  async connect(options: Partial<Connect> = {}): Promise<Connack> {
    this.send({ type: "CONNECT", version: this.version, cleanStart: true, keepAlive: 0, clientId: "", ...options });
    return this.expect("CONNACK");
  }

  /** The next packet; null: the connection was closed. */
  async next(): Promise<Packet | null> {
    while (this.packets.length === 0) {
      const bytes = await this.memory.read();
      if (bytes.length === 0) return null;
      this.framer.push(bytes);
    }
    return this.packets.shift()!;
  }

  async expect<T extends Packet["type"]>(type: T): Promise<PacketOf<T>> {
    const packet = await this.next();
    expect(packet?.type ?? "closed").toBe(type);
    return packet as PacketOf<T>;
  }

  /** Everything that is there once all is quiet. */
  async rest(): Promise<Packet[]> {
    await settled();
    this.framer.push(this.memory.readNow());
    return this.packets.splice(0);
  }

  async nothing(): Promise<void> {
    expect(await this.rest()).toEqual([]);
    expect(this.memory.closedBy).toBeNull();
  }

  /** The broker closes the connection: in 5.0 with this reason, before that without a word. */
  async closedWith(reason: ReasonName): Promise<void> {
    if (this.version === 5) expect((await this.expect("DISCONNECT")).code).toBe(REASONS[reason]);
    await this.closed();
  }

  async closed(): Promise<void> {
    expect(await this.next()).toBeNull();
  }

  /** The socket breaks: no DISCONNECT. */
  async breakOff(): Promise<void> {
    this.memory.close(new Error("gone"));
    await settled();
  }

  async disconnect(code = 0, properties?: Properties): Promise<void> {
    this.send({ type: "DISCONNECT", code, properties });
    await this.closed();
  }

  async subscribe(filter: string, options: Partial<Subscription> & { identifier?: number } = {}): Promise<number[]> {
    const { identifier, ...rest } = options;
    const id = this.id();
    this.send({
      type: "SUBSCRIBE",
      id,
      subscriptions: [{ filter, qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0, ...rest }],
      properties: identifier === undefined ? undefined : { subscriptionIdentifier: [identifier] },
    });
    const suback = await this.expect("SUBACK");
    expect(suback.id).toBe(id);
    return suback.codes;
  }

  publish(topic: string, payload: string | Buffer = "", options: Partial<Publish> = {}): this {
    const id = options.id ?? (options.qos ? this.id() : 0);
    return this.send({ type: "PUBLISH", topic, payload: Buffer.from(payload), qos: 0, retain: false, dup: false, ...options, id });
  }

  /** The next PUBLISH as `topic payload`, to compare at a glance. */
  async message(): Promise<string> {
    const { topic, payload } = await this.expect("PUBLISH");
    return `${topic} ${payload.toString()}`;
  }

  private id(): number {
    return ++this.lastId;
  }
}
