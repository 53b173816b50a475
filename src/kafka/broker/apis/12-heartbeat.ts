import { api } from "../api.ts";
import { int16, int32, string } from "../../wire/schema.ts";

const request = () => ({
  groupId: string(),
  generationId: int32(),
  memberId: string(),
  groupInstanceId: string("3+", { nullable: "3+", default: null }),
});

const response = () => ({
  throttleTimeMs: int32("1+", { default: 0 }),
  errorCode: int16(),
});

export default api({
  key: 12,
  name: "Heartbeat",
  versions: "0-4",
  flexible: "4+",
  needs: ["Read Group"],
  request,
  response,
  handle(call, { groupId, memberId, generationId, groupInstanceId }) {
    const who = { peer: call.connection, groupId, memberId, instanceId: groupInstanceId, generation: generationId };
    return { errorCode: call.coordinates(groupId) || call.cluster.groups.heartbeat(who) };
  },
  refuse: (_body, error) => ({ errorCode: error }),
});
