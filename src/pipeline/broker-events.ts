import type { Observer } from "../hooks/observer.ts";

/**
 * What a broker of ours tells of its own accord, after it happened, because no operation that passes
 * the stages shows it: a message that was put into its place, expired, came back, was committed. A
 * broker gets these from its `Host` as `events`, null while nobody listens, and writes
 * `events?.left(…)`; who listens it does not know.
 */
export type BrokerEvents = Pick<
  Observer,
  "stored" | "refused" | "queued" | "acknowledged" | "returned" | "left" | "trimmed" | "truncated" | "joined" | "committed"
>;

export type { Departure, Stored } from "../hooks/observer.ts";
