import { EMPTY } from "../../../bytes/writer.ts";
import type { Call } from "../call.ts";
import { Errors } from "../../wire/errors.ts";
import { GROUP_OPERATIONS, NOT_ASKED } from "../operations.ts";
import { api } from "../api.ts";
import { array, bool, bytes, type Draft, int16, int32, string } from "../../wire/schema.ts";

const request = () => ({
  groups: array(string()),
  includeAuthorizedOperations: bool("3+"),
});

const response = () => ({
  throttleTimeMs: int32("1+", { default: 0 }),
  groups: array({
    errorCode: int16(),
    errorMessage: string("6+", { nullable: "6+", default: null }),
    groupId: string(),
    groupState: string(),
    protocolType: string(),
    protocolData: string(),
    members: array({
      memberId: string(),
      groupInstanceId: string("4+", { nullable: "4+", default: null }),
      clientId: string(),
      clientHost: string(),
      memberMetadata: bytes(),
      memberAssignment: bytes(),
    }),
    authorizedOperations: int32("3+", { default: -2147483648 }),
  }),
});

/** A group that is not there is an error, no longer a dead group (KIP-1043). */
const NOT_FOUND_FROM = 6;

export default api({
  key: 15,
  name: "DescribeGroups",
  versions: "0-6",
  flexible: "5+",
  needs: ["Describe Group"],
  request,
  response,
  handle: (call, body) => ({ groups: body.groups.map((groupId) => describe(call, groupId, body.includeAuthorizedOperations)) }),
  refuse: (body, error) => ({ groups: body.groups.map((groupId) => nothing(groupId, error)) }),
});

type Described = Draft<ReturnType<typeof response>>["groups"][number];

function describe(call: Call, groupId: string, operations: boolean): Described {
  const error = call.coordinates(groupId);
  if (error !== Errors.NONE) return nothing(groupId, error);
  const authorizedOperations = operations ? GROUP_OPERATIONS : NOT_ASKED;
  const group = call.cluster.groups.groups.get(groupId);
  if (group === undefined) {
    if (call.version < NOT_FOUND_FROM) return { ...nothing(groupId, Errors.NONE), groupState: "Dead", authorizedOperations };
    return { ...nothing(groupId, Errors.GROUP_ID_NOT_FOUND), groupState: "Dead", errorMessage: `there is no group ${groupId}` };
  }
  const stable = group.state === "Stable";
  return {
    errorCode: Errors.NONE,
    groupId,
    groupState: group.state,
    authorizedOperations,
    protocolType: group.protocolType ?? "",
    protocolData: stable ? group.protocol! : "",
    members: [...group.members.values()].map((member) => ({
      memberId: member.id,
      groupInstanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      memberMetadata: stable ? member.metadata(group.protocol!) : EMPTY,
      memberAssignment: member.assignment,
    })),
  };
}

function nothing(groupId: string, errorCode: number): Described {
  return { errorCode, groupId, groupState: "", protocolType: "", protocolData: "", members: [] };
}
