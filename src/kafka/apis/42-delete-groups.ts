import { api } from "../protocol.ts";
import { array, int16, int32, string } from "../schema.ts";

export default api({
  key: 42,
  name: "DeleteGroups",
  versions: "0-3",
  flexible: "2+",
  request: {
    groupsNames: array(string()),
  },
  response: {
    throttleTimeMs: int32("0+", { default: 0 }),
    results: array({
      groupId: string(),
      errorCode: int16(),
      errorMessage: string("3+", { nullable: "3+", default: null }),
    }),
  },
});
