import { Batch } from "../../wire/batch.ts";
import type { Call } from "../call.ts";
import { Errors } from "../../wire/errors.ts";
import { api } from "../api.ts";
import { records } from "../../wire/records.ts";
import { array, int16, int32, int64, int8, string } from "../../wire/schema.ts";
import type { Partition } from "../topics.ts";

const request = () => ({
  replicaId: int32(),
  isolationLevel: int8("2+"),
  topics: array({
    name: string(),
    partitions: array({
      partitionIndex: int32(),
      currentLeaderEpoch: int32("4+", { default: -1 }),
      timestamp: int64(),
    }),
  }),
  timeoutMs: int32("10+"),
});

const response = () => ({
  throttleTimeMs: int32("2+", { default: 0 }),
  topics: array({
    name: string(),
    partitions: array({
      partitionIndex: int32(),
      errorCode: int16(),
      timestamp: int64("1+", { default: -1 }),
      offset: int64("1+", { default: -1 }),
      leaderEpoch: int32("4+", { default: -1 }),
    }),
  }),
});

/** Timestamps with a meaning of their own, and the version that brought each. */
const LATEST = -1,
  EARLIEST = -2;
const MAX_TIMESTAMP = -3; // v7, KIP-734
const EARLIEST_LOCAL = -4; // v8, KIP-405
const LATEST_TIERED = -5; // v9, KIP-1005
const EARLIEST_PENDING_UPLOAD = -6; // v11, KIP-1023

export default api({
  key: 2,
  name: "ListOffsets",
  versions: "1-11",
  flexible: "6+",
  needs: ["Describe Topic"],
  request,
  response,
  handle: (call, body) => ({
    topics: body.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex, currentLeaderEpoch, timestamp }) => {
        const partition = call.cluster.partition(name, partitionIndex);
        const error = partition === undefined ? Errors.UNKNOWN_TOPIC_OR_PARTITION : call.leads(partition, currentLeaderEpoch);
        return { partitionIndex, errorCode: error, ...(error === Errors.NONE ? find(call, partition!, timestamp) : {}) };
      }),
    })),
  }),
  refuse: (body, error) => ({
    topics: body.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: error })),
    })),
  }),
});

interface Found {
  errorCode?: number;
  timestamp?: number;
  offset?: number;
  leaderEpoch?: number;
}

function find(call: Call, partition: Partition, timestamp: number): Found {
  const { log, leaderEpoch } = partition;
  switch (timestamp) {
    case LATEST:
      return { offset: partition.highWatermark, leaderEpoch };
    case EARLIEST:
      return { offset: log.start, leaderEpoch: log.epochEnd(leaderEpoch) === undefined ? leaderEpoch : firstEpoch(partition) };
    case MAX_TIMESTAMP:
      return call.version < 7 ? TOO_NEW : at(partition, log.latest()?.time);
    case EARLIEST_LOCAL:
      return call.version < 8 ? TOO_NEW : { offset: log.start, leaderEpoch: firstEpoch(partition) };
    case LATEST_TIERED:
      return call.version < 9 ? TOO_NEW : { leaderEpoch: -1 };
    case EARLIEST_PENDING_UPLOAD:
      return call.version < 11 ? TOO_NEW : { leaderEpoch: -1 };
    default:
      return timestamp < 0 ? TOO_NEW : at(partition, timestamp);
  }
}

const TOO_NEW: Found = { errorCode: Errors.UNSUPPORTED_VERSION };

function firstEpoch({ log, leaderEpoch }: Partition): number {
  return log.read(log.start, 0, true)[0]?.epoch ?? leaderEpoch;
}

/** The first record as late as `timestamp`. */
function at({ log }: Partition, timestamp: number | undefined): Found {
  if (timestamp === undefined) return {};
  // What is late enough in a batch may have been deleted from its beginning: then it is in a later one.
  for (let entry = log.since(timestamp, log.start); entry !== undefined; entry = log.since(timestamp, entry.next)) {
    for (const record of records(new Batch(entry.bytes, 0))) {
      if (record.timestamp >= timestamp && record.offset >= log.start) {
        return { timestamp: record.timestamp, offset: record.offset, leaderEpoch: entry.epoch };
      }
    }
  }
  return {};
}
