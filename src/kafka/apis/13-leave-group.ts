import { api } from "../protocol.ts";
import { array, int16, int32, string } from "../schema.ts";

export default api({
  key: 13,
  name: "LeaveGroup",
  versions: "0-5",
  flexible: "4+",
  request: {
    groupId: string(),
    memberId: string("0-2"),
    members: array({
      memberId: string("3+"),
      groupInstanceId: string("3+", { nullable: "3+", default: null }),
      reason: string("5+", { nullable: "5+", default: null }),
    }, "3+"),
  },
  response: {
    throttleTimeMs: int32("1+", { default: 0 }),
    errorCode: int16(),
    members: array({
      memberId: string("3+"),
      groupInstanceId: string("3+", { nullable: "3+" }),
      errorCode: int16("3+"),
    }, "3+"),
  },
});
