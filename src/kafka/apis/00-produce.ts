import { api } from "../protocol.ts";
import { array, int16, int32, int64, records, string, struct, uuid } from "../schema.ts";

export default api({
  key: 0,
  name: "Produce",
  versions: "3-13",
  flexible: "9+",
  request: {
    transactionalId: string("3+", { nullable: "3+", default: null }),
    acks: int16(),
    timeoutMs: int32(),
    topicData: array({
      name: string("0-12"),
      topicId: uuid("13+"),
      partitionData: array({
        index: int32(),
        records: records("0+", { nullable: "0+" }),
      }),
    }),
  },
  response: {
    responses: array({
      name: string("0-12"),
      topicId: uuid("13+"),
      partitionResponses: array({
        index: int32(),
        errorCode: int16(),
        baseOffset: int64(),
        logAppendTimeMs: int64("2+", { default: -1 }),
        logStartOffset: int64("5+", { default: -1 }),
        recordErrors: array({
          batchIndex: int32("8+"),
          batchIndexErrorMessage: string("8+", { nullable: "8+", default: null }),
        }, "8+"),
        errorMessage: string("8+", { nullable: "8+", default: null }),
        currentLeader: struct({
          leaderId: int32("10+", { default: -1 }),
          leaderEpoch: int32("10+", { default: -1 }),
        }, "10+", { tag: 0 }),
      }),
    }),
    throttleTimeMs: int32("1+", { default: 0 }),
    nodeEndpoints: array({
      nodeId: int32("10+"),
      host: string("10+"),
      port: int32("10+"),
      rack: string("10+", { nullable: "10+", default: null }),
    }, "10+", { tag: 0 }),
  },
});
