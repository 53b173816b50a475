import { api } from "../api.ts";
import { array, int16, int32, string } from "../../wire/schema.ts";

const request = () => ({
  groupsNames: array(string()),
});

const response = () => ({
  throttleTimeMs: int32("0+", { default: 0 }),
  results: array({
    groupId: string(),
    errorCode: int16(),
    errorMessage: string("3+", { nullable: "3+", default: null }),
  }),
});

export default api({
  key: 42,
  name: "DeleteGroups",
  versions: "0-3",
  flexible: "2+",
  needs: ["Delete Group"],
  request,
  response,
  handle: (call, body) => ({
    results: body.groupsNames.map((groupId) => ({
      groupId,
      errorCode: call.coordinates(groupId) || call.cluster.groups.delete(groupId),
    })),
  }),
  refuse: (body, error) => ({ results: body.groupsNames.map((groupId) => ({ groupId, errorCode: error })) }),
});
