import { Errors } from "../../wire/errors.ts";
import { api } from "../api.ts";
import { array, int16, int32, int64, string } from "../../wire/schema.ts";

const request = () => ({
  replicaId: int32("3+", { default: -2 }),
  topics: array({
    topic: string(),
    partitions: array({
      partition: int32(),
      currentLeaderEpoch: int32("2+", { default: -1 }),
      leaderEpoch: int32(),
    }),
  }),
});

const response = () => ({
  throttleTimeMs: int32("2+", { default: 0 }),
  topics: array({
    topic: string(),
    partitions: array({
      errorCode: int16(),
      partition: int32(),
      leaderEpoch: int32("1+", { default: -1 }),
      endOffset: int64("0+", { default: -1 }),
    }),
  }),
});

export default api({
  key: 23,
  name: "OffsetForLeaderEpoch",
  versions: "2-4",
  flexible: "4+",
  needs: ["Describe Topic"],
  request,
  response,
  handle: (call, body) => ({
    topics: body.topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition: index, currentLeaderEpoch, leaderEpoch }) => {
        const partition = call.cluster.partition(topic, index);
        const errorCode = partition === undefined ? Errors.UNKNOWN_TOPIC_OR_PARTITION : call.leads(partition, currentLeaderEpoch);
        const found = errorCode === Errors.NONE ? partition!.endOfEpoch(leaderEpoch) : undefined;
        return { errorCode, partition: index, leaderEpoch: found?.epoch ?? -1, endOffset: found?.end ?? -1 };
      }),
    })),
  }),
  refuse: (body, error) => ({
    topics: body.topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition }) => ({ errorCode: error, partition })),
    })),
  }),
});
