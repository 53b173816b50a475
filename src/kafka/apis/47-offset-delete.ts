import { api } from "../protocol.ts";
import { array, int16, int32, string } from "../schema.ts";

export default api({
  key: 47,
  name: "OffsetDelete",
  versions: "0",
  flexible: null,
  request: {
    groupId: string(),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
      }),
    }),
  },
  response: {
    errorCode: int16(),
    throttleTimeMs: int32("0+", { default: 0 }),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
      }),
    }),
  },
});
