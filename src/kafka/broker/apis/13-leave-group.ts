import { Errors } from "../../wire/errors.ts";
import { api } from "../api.ts";
import { array, int16, int32, string } from "../../wire/schema.ts";

const request = () => ({
  groupId: string(),
  memberId: string("0-2", { default: "" }),
  members: array(
    {
      memberId: string("3+"),
      groupInstanceId: string("3+", { nullable: "3+", default: null }),
      reason: string("5+", { nullable: "5+", default: null }),
    },
    "3+",
    { default: [] },
  ),
});

const response = () => ({
  throttleTimeMs: int32("1+", { default: 0 }),
  errorCode: int16(),
  members: array(
    {
      memberId: string("3+"),
      groupInstanceId: string("3+", { nullable: "3+" }),
      errorCode: int16("3+"),
    },
    "3+",
    { default: [] },
  ),
});

/** Several members at once (KIP-345). */
const MEMBERS_FROM = 3;

export default api({
  key: 13,
  name: "LeaveGroup",
  versions: "0-5",
  flexible: "4+",
  needs: ["Read Group"],
  request,
  response,
  handle(call, body) {
    const { groupId } = body;
    const error = groupId === "" ? Errors.INVALID_GROUP_ID : call.coordinates(groupId);
    if (error !== 0) return { errorCode: error };
    const { groups } = call.cluster;
    if (call.version < MEMBERS_FROM) return { errorCode: groups.leave(groupId, body.memberId, null) };
    return {
      errorCode: 0,
      members: body.members.map(({ memberId, groupInstanceId }) => ({
        memberId,
        groupInstanceId,
        errorCode: groups.leave(groupId, memberId, groupInstanceId),
      })),
    };
  },
  refuse: (_body, error) => ({ errorCode: error }),
});
