import { api } from "../protocol.ts";
import { array, bytes, int16, int32, string } from "../schema.ts";

export default api({
  key: 14,
  name: "SyncGroup",
  versions: "0-5",
  flexible: "4+",
  request: {
    groupId: string(),
    generationId: int32(),
    memberId: string(),
    groupInstanceId: string("3+", { nullable: "3+", default: null }),
    protocolType: string("5+", { nullable: "5+", default: null }),
    protocolName: string("5+", { nullable: "5+", default: null }),
    assignments: array({
      memberId: string(),
      assignment: bytes(),
    }),
  },
  response: {
    throttleTimeMs: int32("1+", { default: 0 }),
    errorCode: int16(),
    protocolType: string("5+", { nullable: "5+", default: null }),
    protocolName: string("5+", { nullable: "5+", default: null }),
    assignment: bytes(),
  },
});
