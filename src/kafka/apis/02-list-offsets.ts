import { api } from "../protocol.ts";
import { array, int16, int32, int64, int8, string } from "../schema.ts";

export default api({
  key: 2,
  name: "ListOffsets",
  versions: "1-11",
  flexible: "6+",
  request: {
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
  },
  response: {
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
  },
});
