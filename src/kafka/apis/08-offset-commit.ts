import { api } from "../protocol.ts";
import { array, int16, int32, int64, string, uuid } from "../schema.ts";

export default api({
  key: 8,
  name: "OffsetCommit",
  versions: "2-10",
  flexible: "8+",
  request: {
    groupId: string(),
    generationIdOrMemberEpoch: int32("1+", { default: -1 }),
    memberId: string("1+"),
    groupInstanceId: string("7+", { nullable: "7+", default: null }),
    retentionTimeMs: int64("2-4", { default: -1 }),
    topics: array({
      name: string("0-9"),
      topicId: uuid("10+"),
      partitions: array({
        partitionIndex: int32(),
        committedOffset: int64(),
        committedLeaderEpoch: int32("6+", { default: -1 }),
        committedMetadata: string("0+", { nullable: "0+" }),
      }),
    }),
  },
  response: {
    throttleTimeMs: int32("3+", { default: 0 }),
    topics: array({
      name: string("0-9"),
      topicId: uuid("10+"),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
      }),
    }),
  },
});
