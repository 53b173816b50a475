import type { Writer } from "../../bytes/writer.ts";
import type { Outgoing } from "../../hooks/plugin.ts";
import type { Connection } from "../../net/connection.ts";
import type { Host } from "../../pipeline/host.ts";
import type { AnyTable } from "../wire/api.ts";
import type { Batch } from "../wire/batch.ts";
import type { Received } from "./received.ts";

/** Where records lie: one partition of one topic. */
export interface Place {
  readonly topic: { readonly name: string };
  readonly index: number;
  /** As in logs and streams: `orders-3`. */
  readonly name: string;
  readonly log?: { readonly start: number };
}

/** A batch as the intake leaves it. */
export interface Produced {
  /** As its producer numbered it. */
  readonly sent: Batch;
  /** What is to be stored; null: nothing now, though the producer's sequence goes on. */
  readonly batch: Batch | null;
  /** Set by the endpoint. */
  stored: boolean;
}

/** What an error's answer may tell beside the error: every endpoint's calls know it. */
export interface Asker {
  readonly version: number;
  /** The APIs that are served where the client asked. */
  readonly served: readonly AnyTable[];
  about(): ClusterFacts;
}

/** What Metadata tells of the cluster. */
export interface ClusterFacts {
  readonly brokers: readonly { nodeId: number; host: string; port: number }[];
  readonly clusterId: string | null;
  readonly controllerId: number;
}

/** One request that an endpoint carries out. An endpoint makes its own, with what else its APIs need. */
export interface KafkaCall extends CallHeader, Asker {
  readonly connection: Connection;
  readonly received: Received;
  /** What the intake made of batches of this request, by their place in it; null where it left all as they came. */
  produced: ReadonlyMap<object, Produced> | null;
  /** The answer in bytes, its size counted, where another broker gave it: they are sent as long as the answer is still `body`. */
  readonly verbatim: { readonly body: any; readonly bytes: Buffer } | null;
  /** The client has gone. */
  cancel(): void;
}

/** What a request says of itself, and when it came, in milliseconds of the clock. */
export interface CallHeader {
  readonly version: number;
  readonly correlationId: number;
  readonly clientId: string;
  readonly since: number;
}

/** An API as the stages see it. */
export interface KafkaApi extends AnyTable {
  /** Carries it out. Null: there is no answer. */
  handle(call: KafkaCall, body: any): any;
  /** The answer that says `error` wherever this API can say it. Null: there is none. */
  refuse(body: any, error: number, asker: Asker): any;
  /** The client waits for no answer, as with acks=0: an error can only be told by closing the connection. */
  isSilent?(body: any): boolean;
  /** Whether the answer says that something went wrong. Of an API with `isSilent` only. */
  hasFailed?(answer: any): boolean;
  /** The connection ends with this answer. */
  endsWith?(answer: any): boolean;
  /** Whether the requests bring records, or the answers do: those pass the intake, or the outlet. */
  readonly records?: "in" | "out";
  /** A quicker way for requests that are nearly the same: see `Shortcut`. */
  readonly shortcut?: {
    /** Where the only records of a request go; a shortcut is made when two in a row go to the same place. Null: none can be made. */
    place(call: KafkaCall, body: any): Place | null;
    /** Of a request that was carried out. Null: its bytes do not lie as usual. */
    make(call: KafkaCall, body: any): Shortcut | null;
  };
  /** What a client gets that asks in a version from the future; where there is no such answer the connection ends. */
  unsupported?(asker: Asker): any;
}

/**
 * A client that asks for nearly the same again and again need not have the whole request read and the
 * whole answer laid out each time. Only asked where nobody wants to see the request or what it carries.
 */
export interface Shortcut {
  readonly version: number;
  /** The request without its records. */
  readonly body: any;
  /** Is `buf[start, end)` a request that this one can carry out? */
  fits(buf: Buffer, start: number, end: number): boolean;
  /** Carries out the request that fitted last and writes its answer. Another answer than the usual one is returned instead. */
  carryOut(call: KafkaCall, out: Writer): object | null;
}

/** What answers Kafka's operations behind the stages: a broker of ours, or a real cluster. */
export interface KafkaEndpoint {
  readonly host: Host;
  /** What it serves. Each of them is handed calls of this endpoint only. */
  readonly apis: readonly KafkaApi[];
  /** The largest request that is read, in bytes. */
  readonly maxRequestSize: number;
  readonly topicsById: ReadonlyMap<string, { readonly name: string }>;
  /** Records that are left out of a batch leave holes in the offsets, as compaction does; else the offsets count on. */
  readonly leavesHoles: boolean;
  call(connection: Connection, header: CallHeader, received: Received): KafkaCall;
  /** Finds out what a request means by names that only the endpoint knows, such as topic ids, for those who want to see it. */
  learn?(api: KafkaApi, call: KafkaCall, body: any): Promise<void> | null;
  /** A client's connection is over. */
  left?(connection: Connection): void;
  /** Counts an answer. Null: there was none. */
  answered(api: KafkaApi, answer: any, ms: number): void;
  /** Where the records of a Produce or Fetch request lie; undefined where there is no such partition. */
  place(call: KafkaCall, topic: { name: string; topicId: string }, index: number): Place | undefined;
  /**
   * The batch that a producer sent, null where it is none, and why it will not be stored: refused, or
   * stored already. An endpoint that cannot know before it is tried answers null as the reason.
   */
  examine(
    call: KafkaCall,
    place: Place,
    records: Buffer | null,
    acks: number,
  ): { batch: Batch | null; problem: "error" | "repeated" | null };
  /** Where a message from within goes. @throws RangeError where there is no such place */
  destination(message: Outgoing & { protocol: "kafka" }, key: Uint8Array | null): Place | Promise<Place>;
  /** Why nothing can be stored there now; null: it can. */
  refusal(place: Place): string | null;
  /** Stores a batch from within. @returns its base offset, or why it could not be stored */
  append(place: Place, batch: Batch): number | string | Promise<number | string>;
  /** Removes all records below an offset. @returns where the log begins now, or why that cannot be done here */
  removeBelow(place: Place, offset: number): number | string;
}
