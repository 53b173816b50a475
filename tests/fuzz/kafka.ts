import { Writer } from "../../src/bytes/writer.ts";
import type { Random } from "../../src/hooks/random.ts";
import apis from "../../src/kafka/broker/apis/index.ts";
import { Batch, HEADER } from "../../src/kafka/wire/batch.ts";
import type { KafkaCluster } from "../../src/kafka/broker/cluster.ts";
import { type AnyTable, versionsOf, writeRequestHeader } from "../../src/kafka/wire/api.ts";
import { writeBatch } from "../../src/kafka/wire/records.ts";
import { type Field, type Fields, within, ZERO_UUID } from "../../src/kafka/wire/schema.ts";
import { apiNamed, produceBody, TestClient } from "../kafka/client.ts";
import { garbage, spoil } from "./spoil.ts";
import type { Attacker, Shot, Stage, Target } from "./target.ts";

const GOOD = "well-behaved";
/** What is attacked; the settings make the broker open batches that it otherwise passes on. */
const TOPICS: Record<string, Record<string, string>> = {
  plain: {},
  compacted: { "cleanup.policy": "compact" },
  recompressed: { "compression.type": "gzip" },
  stamped: { "message.timestamp.type": "LogAppendTime" },
};

/** Values that lead further than random ones would, by the name of the field. */
const TELLING: Record<string, readonly unknown[]> = {
  name: [...Object.keys(TOPICS), "new", "group", ""],
  topic: Object.keys(TOPICS),
  topicName: Object.keys(TOPICS),
  topicNames: [...Object.keys(TOPICS), "new"],
  resourceName: ["plain", "1", ""],
  resourceType: [2, 4, 3],
  groupId: ["group", "another", ""],
  groups: ["group", "another"],
  memberId: ["", "member"],
  groupInstanceId: [null, "static"],
  protocolType: ["consumer", ""],
  partition: [0, 1, 2],
  index: [0, 1, 2],
  partitionIndex: [0, 1, 2],
  acks: [-1, 0, 1],
  numPartitions: [1, 2, -1],
  count: [1, 3, 2_000_000_000],
  replicationFactor: [1, -1],
  brokerIds: [1],
  sessionTimeoutMs: [10_000, 6_000],
  rebalanceTimeoutMs: [10_000, 100],
  generationId: [-1, 1],
  fetchOffset: [0, 1],
  maxWaitMs: [0],
  maxBytes: [1000, 1_000_000],
  partitionMaxBytes: [1000, 1_000_000],
  timestamp: [-1, -2, -3, 0],
  sessionId: [0],
  replicaId: [-1],
  producerId: [-1, 0],
  transactionalId: [null],
};

/** Any value that the field's table allows in a version. */
function valid(random: Random, name: string, field: Field, version: number): unknown {
  if (within(field.nullable, version) && random.chance(0.2)) return null;
  const telling = TELLING[name];
  if (telling !== undefined && field.kind !== "array" && field.kind !== "struct") {
    const value = random.pick(telling);
    if (value !== null || within(field.nullable, version)) return value;
  }
  switch (field.kind) {
    case "bool":
      return random.chance(0.5);
    case "string":
      return random.pick(["", "a", "plain", "group", "ä", "x".repeat(40)]);
    case "uuid":
      return random.chance(0.5) ? ZERO_UUID : garbage(random, 16).toString("base64url");
    case "bytes":
      return garbage(random, random.int(0, 20));
    case "records":
      return batch(random).bytes;
    case "array":
      return Array.from({ length: random.int(0, 3) }, () => valid(random, name, field.element!, version));
    case "struct":
      return struct(random, field.fields!, version);
    case "int64":
      return random.pick([0, 1, -1, 1000]);
    default:
      return random.int(0, 3);
  }
}

function struct(random: Random, fields: Fields, version: number): Record<string, unknown> {
  const all = Object.entries(fields).filter(([, field]) => within(field.versions, version));
  return Object.fromEntries(all.map(([name, field]) => [name, valid(random, name, field, version)]));
}

function batch(random: Random): Batch {
  const producer = random.chance(0.3) ? { producerId: random.int(0, 3), producerEpoch: 0, baseSequence: random.int(0, 2) } : {};
  return writeBatch({
    ...producer,
    codec: random.pick([null, "gzip", "snappy", "lz4", "zstd"] as const),
    records: Array.from({ length: random.int(1, 4) }, (_, i) => ({
      timestamp: 1_000 + i,
      key: random.chance(0.5) ? Buffer.from("key") : null,
      value: Buffer.from(`value ${i}`),
      headers: random.chance(0.3) ? [{ key: "h", value: Buffer.from("v") }] : [],
    })),
  });
}

/** A request without its length. */
function request(api: AnyTable, version: number, body: unknown): Buffer {
  const w = new Writer();
  writeRequestHeader(w, api, { apiKey: api.key, apiVersion: version, correlationId: 7, clientId: "hostile" });
  api.request.encode(version, w, body as never);
  return w.toBuffer();
}

function framed(bytes: Buffer, length = bytes.length): Buffer {
  const size = Buffer.alloc(4);
  size.writeInt32BE(length | 0);
  return Buffer.concat([size, bytes]);
}

/** Compressed megabytes of nothing: small on the wire, and longer than anything that is opened. */
function bombs(): Buffer[] {
  const value = Buffer.alloc(24 * 1024 * 1024);
  return (["gzip", "zstd", "lz4", "snappy"] as const)
    .map((codec) => {
      const bomb = writeBatch({ codec, records: [{ timestamp: 1, key: Buffer.from("k"), value }] });
      return Buffer.from(bomb.bytes);
    })
    .filter((bytes) => bytes.length < 1_000_000);
}

export class KafkaTarget implements Target {
  readonly protocol = "kafka";
  readonly connections = 1;
  private readonly bombs = bombs();
  private readonly corpus: Buffer[] = [];
  /** By partition: where the next message goes, and up to where all was seen to be there. */
  private readonly offsets = [0, 0];
  private readonly verified = [0, 0];

  private constructor(
    readonly stage: Stage,
    private readonly cluster: KafkaCluster,
    private readonly client: TestClient,
  ) {}

  static async on(stage: Stage, cluster: KafkaCluster, random: Random): Promise<KafkaTarget> {
    const client = new TestClient(await stage.open(), GOOD);
    await client.createTopic(GOOD, 2);
    const target = new KafkaTarget(stage, cluster, client);
    target.sweep();
    for (const api of apis as readonly AnyTable[]) {
      for (const version of versionsOf(api)) {
        for (let i = 0; i < 3; i++) target.corpus.push(request(api, version, struct(random, api.request.fields, version)));
      }
    }
    return target;
  }

  attacker(random: Random): Attacker {
    // What a frame deleted that was valid by chance is there for the next one.
    this.createTopics();
    return {
      greeting: () => (random.chance(0.7) ? [framed(random.pick(this.corpus))] : []),
      shot: () => this.shot(random),
      hear: () => [],
    };
  }

  private shot(random: Random): Shot {
    const { corpus } = this;
    const draw = random.next();
    if (draw < 0.75) return { bytes: framed(spoil(random, random.pick(corpus), corpus)) };
    if (draw < 0.87) return { bytes: framed(this.produce(random, spoiltBatch(random))) };
    if (draw < 0.8705) return { bytes: framed(this.produce(random, random.pick(this.bombs))) };
    if (draw < 0.92) {
      // A length that is not the frame's.
      const bytes = random.pick(corpus);
      const length = random.pick([-1, 0, 1, bytes.length - 1, bytes.length + random.int(1, 1000), 99_000_000, 0x7fff_ffff, -0x8000_0000]);
      return { bytes: framed(bytes, length), last: true };
    }
    if (draw < 0.97) {
      // An API or a version that there is not.
      const bytes = Buffer.from(random.pick(corpus));
      bytes.writeInt16BE(random.pick([-1, 4, 100, 999, 0x7fff, random.int(0, 100)]), random.pick([0, 2]));
      return { bytes: framed(bytes) };
    }
    return { bytes: framed(garbage(random, random.int(0, 60))) };
  }

  private produce(random: Random, records: Buffer): Buffer {
    const version = random.int(3, 12);
    return request(
      apiNamed("Produce"),
      version,
      produceBody(random.pick(Object.keys(TOPICS)), random.int(0, 1), records, random.pick([-1, 1, 1, 0])),
    );
  }

  async exchange(n: number): Promise<void> {
    const partition = n % 2;
    const offset = this.offsets[partition]!++;
    const produced = await this.client.produce(GOOD, partition, [String(n)]);
    if (produced.error !== "NONE" || produced.baseOffset !== offset)
      throw new Error(`message ${n}: ${produced.error} at offset ${produced.baseOffset}, not ${offset}`);
    const { error, found } = await this.client.fetch(GOOD, partition, offset, { maxWaitMs: 1000 });
    const values = found.map(({ value }) => String(value));
    if (error !== "NONE" || values.length !== 1 || values[0] !== String(n))
      throw new Error(`message ${n}: ${error}, and ${values.join(", ")}`);
  }

  async verify(): Promise<void> {
    for (const [partition, end] of this.offsets.entries()) {
      let offset = this.verified[partition]!;
      while (offset < end) {
        const { found } = await this.client.fetch(GOOD, partition, offset);
        if (found.length === 0) throw new Error(`message ${2 * offset + partition} is gone`);
        for (const record of found) {
          const n = 2 * offset + partition;
          if (record.offset !== offset++ || String(record.value) !== String(n)) throw new Error(`${record.value} where ${n} should be`);
        }
      }
      this.verified[partition] = offset;
    }
    await this.client.call("DeleteRecords", {
      topics: [{ name: GOOD, partitions: this.verified.map((offset, partitionIndex) => ({ partitionIndex, offset })) }],
      timeoutMs: 1000,
    });
  }

  sweep(): void {
    const { cluster } = this;
    for (const topic of [...cluster.topics.values()]) if (topic.name !== GOOD) cluster.deleteTopic(topic);
    for (const group of [...cluster.groups.groups.values()]) {
      for (const member of [...group.members.keys()]) cluster.expelMember(group.id, member);
      for (const pending of [...group.pending.keys()]) group.forgetPending(pending);
      cluster.groups.delete(group.id);
    }
    this.createTopics();
  }

  private createTopics(): void {
    const { cluster } = this;
    for (const name in TOPICS) if (!cluster.topics.has(name)) cluster.createTopic(name, { partitions: 2, config: TOPICS[name]! });
  }
}

/** A batch with something wrong in its header or behind it; the checksum holds in half of them, so that the broker looks further. */
function spoiltBatch(random: Random): Buffer {
  let { bytes } = batch(random);
  bytes = Buffer.from(bytes);
  if (random.chance(0.3)) {
    const field = random.pick([COUNT, LAST_OFFSET_DELTA, BASE_SEQUENCE, ATTRIBUTES]);
    if (field === ATTRIBUTES) bytes.writeInt16BE(random.int(-300, 300), field);
    else bytes.writeInt32BE(random.pick([-1, 0, 5_000_000, 0x7fff_ffff, -0x8000_0000]), field);
    // Both that must agree, so that only opening the batch shows it.
    if (field === COUNT && random.chance(0.5)) bytes.writeInt32BE((bytes.readInt32BE(COUNT) - 1) | 0, LAST_OFFSET_DELTA);
  } else if (random.chance(0.5) && bytes.length > HEADER) {
    bytes = Buffer.concat([bytes.subarray(0, HEADER), spoil(random, bytes.subarray(HEADER) as Buffer, [bytes])]);
  } else bytes = spoil(random, bytes, [bytes]);
  if (random.chance(0.5) && bytes.length >= HEADER) {
    bytes.writeInt32BE(bytes.length - 12, 8);
    new Batch(bytes, 0).seal();
  }
  return bytes;
}

const ATTRIBUTES = 21,
  LAST_OFFSET_DELTA = 23,
  BASE_SEQUENCE = 53,
  COUNT = 57;
