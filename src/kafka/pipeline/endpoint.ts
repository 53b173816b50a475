import type { Outgoing } from "../../hooks/plugin.ts";
import type { Host } from "../../pipeline/host.ts";
import type { AnyApi } from "../broker/api.ts";
import type { Call } from "../broker/call.ts";
import type { Batch } from "../wire/batch.ts";

/** Where records lie: one partition of one topic. */
export interface Place {
  readonly topic: { readonly name: string };
  readonly index: number;
  /** As in logs and streams: `orders-3`. */
  readonly name: string;
  readonly log?: { readonly start: number };
}

/** What answers Kafka's operations behind the stages. */
export interface KafkaEndpoint {
  readonly host: Host;
  readonly apis: readonly AnyApi[];
  /** The largest request that is read, in bytes. */
  readonly maxRequestSize: number;
  readonly topicsById: ReadonlyMap<string, { readonly name: string }>;
  call(connection: Call["connection"], header: CallHeader): Call;
  /** Counts an answer. Null: there was none. */
  answered(api: AnyApi, answer: any, ms: number): void;
  /** Where the records of a Produce or Fetch request lie; undefined where there is no such partition. */
  place(call: Call, topic: { name: string; topicId: string }, index: number): Place | undefined;
  /** The batch that a producer sent, null where it is none, and why it will not be stored: refused, or stored already. */
  examine(call: Call, place: Place, records: Buffer | null, acks: number): { batch: Batch | null; problem: "error" | "repeated" | null };
  /** Where a message from within goes. @throws RangeError where there is no such place */
  destination(message: Outgoing & { protocol: "kafka" }, key: Uint8Array | null): Place;
  /** Why nothing can be stored there now; null: it can. */
  refusal(place: Place): string | null;
  /** Stores a batch from within; an error name where it cannot be stored. @returns its base offset */
  append(place: Place, batch: Batch): number | string;
  /** Removes all records below an offset. @returns where the log begins now; null where that cannot be done here */
  removeBelow(place: Place, offset: number): number | null;
}

/** What a request says of itself, and when it came, in milliseconds of the clock. */
export interface CallHeader {
  readonly version: number;
  readonly correlationId: number;
  readonly clientId: string;
  readonly since: number;
}
