import { Errors } from "../../wire/errors.ts";
import { api } from "../api.ts";
import { array, int16, int32, int64, string } from "../../wire/schema.ts";

const request = () => ({
  topics: array({
    name: string(),
    partitions: array({
      partitionIndex: int32(),
      offset: int64(),
    }),
  }),
  timeoutMs: int32(),
});

const response = () => ({
  throttleTimeMs: int32("0+", { default: 0 }),
  topics: array({
    name: string(),
    partitions: array({
      partitionIndex: int32(),
      lowWatermark: int64(),
      errorCode: int16(),
    }),
  }),
});

export default api({
  key: 21,
  name: "DeleteRecords",
  versions: "0-2",
  flexible: "2+",
  needs: ["Delete Topic"],
  request,
  response,
  handle: (call, body) => ({
    topics: body.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex, offset }) => {
        const partition = call.cluster.partition(name, partitionIndex);
        const before = offset === -1 ? (partition?.highWatermark ?? -1) : offset; // -1: all there is
        const errorCode =
          partition === undefined
            ? Errors.UNKNOWN_TOPIC_OR_PARTITION
            : call.leads(partition, -1) || (before < 0 || before > partition.highWatermark ? Errors.OFFSET_OUT_OF_RANGE : Errors.NONE);
        if (errorCode === Errors.NONE) {
          partition!.log.deleteBefore(before);
          call.cluster.host.events?.trimmed(partition!.name, before, "removed");
        }
        return { partitionIndex, lowWatermark: errorCode === Errors.NONE ? partition!.log.start : -1, errorCode };
      }),
    })),
  }),
  refuse: (body, error) => ({
    topics: body.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, lowWatermark: -1, errorCode: error })),
    })),
  }),
});
