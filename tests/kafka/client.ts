import "../../src/kafka/protocol.ts";
import { Reader } from "../../src/bytes/reader.ts";
import { Writer } from "../../src/bytes/writer.ts";
import apis from "../../src/kafka/broker/apis/index.ts";
import { batches } from "../../src/kafka/wire/batch.ts";
import { KafkaCluster } from "../../src/kafka/broker/cluster.ts";
import { errorName } from "../../src/kafka/wire/errors.ts";
import type { KafkaOptions } from "../../src/kafka/broker/options.ts";
import { type AnyTable, readResponseHeader, type RequestDraft, type ResponseOf, writeRequestHeader } from "../../src/kafka/wire/api.ts";
import { type BatchDraft, type KafkaRecord, records, writeBatch } from "../../src/kafka/wire/records.ts";
import { connectMemory, type MemoryClient } from "../../src/net/memory.ts";
import { MemoryHouse } from "../support/memory.ts";

type Apis = (typeof apis)[number];
type Named<Name extends Apis["name"]> = Extract<Apis, { name: Name }>;
export type ApiName = Apis["name"];

export function apiNamed(name: ApiName): AnyTable {
  return (apis as readonly AnyTable[]).find((api) => api.name === name)!;
}

/** A cluster in memory, with the house it stands in. */
export class TestCluster {
  readonly house = new MemoryHouse();
  readonly cluster: KafkaCluster;
  /** Nodes whose listeners are closed. */
  readonly closed = new Set<number>();

  constructor(options: Partial<KafkaOptions> = {}) {
    this.cluster = new KafkaCluster(options, this.house.host("kafka"), {
      address: (node) => ({ host: "memory", port: 9091 + node }),
      down: (node) => this.closed.add(node),
      up: (node) => this.closed.delete(node),
    });
    this.house.publish = (message) => this.cluster.publish(message);
  }

  connect(node = 1, clientId = "test"): TestClient {
    return new TestClient(connectMemory(this.cluster, this.house.net, node), clientId);
  }

  [Symbol.dispose](): void {
    this.house.clock.stop();
  }
}

/** Speaks the protocol over the broker's own tables. Answers come in the order of the requests. */
export class TestClient {
  private nextId = 1;
  private inbox: Buffer = Buffer.alloc(0);

  constructor(
    readonly wire: MemoryClient,
    readonly clientId: string,
  ) {}

  /** Sends a request and waits for its answer; in the newest version unless told. */
  async call<Name extends ApiName>(
    name: Name,
    body: RequestDraft<Named<Name>>,
    version = apiNamed(name).last,
  ): Promise<ResponseOf<Named<Name>>> {
    const id = this.send(name, body, version);
    return this.answer(name, version, id);
  }

  /** Sends a request and returns its correlation id. */
  send<Name extends ApiName>(name: Name, body: RequestDraft<Named<Name>>, version = apiNamed(name).last): number {
    const api = apiNamed(name);
    const correlationId = this.nextId++;
    const w = new Writer();
    const mark = w.open();
    writeRequestHeader(w, api, { apiKey: api.key, apiVersion: version, correlationId, clientId: this.clientId });
    api.request.encode(version, w, body);
    w.close(mark);
    this.wire.send(w.toBuffer());
    return correlationId;
  }

  async answer<Name extends ApiName>(name: Name, version = apiNamed(name).last, correlationId?: number): Promise<ResponseOf<Named<Name>>> {
    const api = apiNamed(name);
    const r = new Reader(await this.frame());
    const id = readResponseHeader(r, api, version);
    if (correlationId !== undefined && id !== correlationId) throw new Error(`answer to ${id} where ${correlationId} was asked`);
    const body = api.response.decode(version, r);
    if (r.remaining > 0) throw new Error(`${r.remaining} bytes after the ${name} response`);
    return body as ResponseOf<Named<Name>>;
  }

  /** The next response, without its length. */
  async frame(): Promise<Buffer> {
    for (;;) {
      if (this.inbox.length >= 4 && this.inbox.length >= 4 + this.inbox.readInt32BE(0)) {
        const end = 4 + this.inbox.readInt32BE(0);
        const frame = this.inbox.subarray(4, end) as Buffer;
        this.inbox = this.inbox.subarray(end) as Buffer;
        return frame;
      }
      const more = await this.wire.read();
      if (more.length === 0 && this.wire.closedBy !== null) throw new Error(`the broker closed the connection: ${this.wire.closedBy}`);
      this.inbox = Buffer.concat([this.inbox, more]);
    }
  }

  async createTopic(name: string, partitions = 1, configs: Record<string, string> = {}, replicationFactor = 1): Promise<string> {
    const {
      topics: [created],
    } = await this.call("CreateTopics", {
      topics: [
        {
          name,
          numPartitions: partitions,
          replicationFactor,
          assignments: [],
          configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
        },
      ],
    });
    if (created!.errorCode !== 0) throw new Error(`${name}: ${errorName(created!.errorCode)} ${created!.errorMessage}`);
    return created!.topicId;
  }

  /** Produces to one partition by name and returns what the broker says about it, the error by its name. */
  async produce(topic: string, partition: number, sent: Buffer | string[] | BatchDraft, { acks = -1, version = 12 } = {}) {
    const bytes = Buffer.isBuffer(sent) ? sent : writeBatch(Array.isArray(sent) ? batchOf(sent) : sent).bytes;
    const { responses } = await this.call("Produce", produceBody(topic, partition, bytes, acks), version);
    const { errorCode, ...rest } = responses[0]!.partitionResponses[0]!;
    return { error: errorName(errorCode), ...rest };
  }

  /** Fetches from one partition by name and opens what comes. */
  async fetch(topic: string, partition: number, fetchOffset: number, options: FetchOptions = {}) {
    const version = options.version ?? 12;
    const response = await this.call("Fetch", fetchBody(topic, partition, fetchOffset, options), version);
    const found = response.responses[0]!.partitions[0]!;
    return { ...found, error: errorName(found.errorCode), batches: [...batches(found.records!)], found: recordsOf(found.records!) };
  }
}

export interface FetchOptions {
  maxWaitMs?: number;
  minBytes?: number;
  maxBytes?: number;
  partitionMaxBytes?: number;
  version?: number;
}

export function produceBody(topic: string, partition: number, bytes: Buffer, acks = -1) {
  return {
    transactionalId: null,
    acks,
    timeoutMs: 1000,
    topicData: [{ name: topic, topicId: NO_ID, partitionData: [{ index: partition, records: bytes }] }],
  };
}

export function fetchBody(topic: string, partition: number, fetchOffset: number, o: FetchOptions = {}) {
  return {
    maxWaitMs: o.maxWaitMs ?? 0,
    minBytes: o.minBytes ?? 1,
    maxBytes: o.maxBytes ?? 50_000_000,
    topics: [{ topic, topicId: NO_ID, partitions: [{ partition, fetchOffset, partitionMaxBytes: o.partitionMaxBytes ?? 1_000_000 }] }],
  };
}

const NO_ID = "AAAAAAAAAAAAAAAAAAAAAA";

/** A batch of these values, at the time of the machine. */
export function batchOf(values: readonly string[]): BatchDraft {
  const timestamp = Date.now();
  return { records: values.map((value) => ({ timestamp, key: null, value: Buffer.from(value) })) };
}

export function recordsOf(bytes: Buffer): KafkaRecord[] {
  return [...batches(bytes)].flatMap((batch) => [...records(batch)]);
}

export function valuesOf(found: readonly KafkaRecord[]): string[] {
  return found.map(({ value }) => value!.toString());
}
