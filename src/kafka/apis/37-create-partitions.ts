import { api } from "../protocol.ts";
import { array, bool, int16, int32, string } from "../schema.ts";

export default api({
  key: 37,
  name: "CreatePartitions",
  versions: "0-3",
  flexible: "2+",
  request: {
    topics: array({
      name: string(),
      count: int32(),
      assignments: array({
        brokerIds: array(int32()),
      }, "0+", { nullable: "0+" }),
    }),
    timeoutMs: int32(),
    validateOnly: bool(),
  },
  response: {
    throttleTimeMs: int32("0+", { default: 0 }),
    results: array({
      name: string(),
      errorCode: int16(),
      errorMessage: string("0+", { nullable: "0+", default: null }),
    }),
  },
});
