import { api } from "../protocol.ts";
import { array, int16, int32, string, uuid } from "../schema.ts";

export default api({
  key: 20,
  name: "DeleteTopics",
  versions: "1-6",
  flexible: "4+",
  request: {
    topics: array({
      name: string("6+", { nullable: "6+", default: null }),
      topicId: uuid("6+"),
    }, "6+"),
    topicNames: array(string(), "0-5"),
    timeoutMs: int32(),
  },
  response: {
    throttleTimeMs: int32("1+", { default: 0 }),
    responses: array({
      name: string("0+", { nullable: "6+" }),
      topicId: uuid("6+"),
      errorCode: int16(),
      errorMessage: string("5+", { nullable: "5+", default: null }),
    }),
  },
});
