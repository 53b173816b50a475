import { EMPTY } from "../../../bytes/writer.ts";
import { Errors } from "../../wire/errors.ts";
import type { Synced } from "../groups/member.ts";
import { api } from "../api.ts";
import { array, bytes, int16, int32, string } from "../../wire/schema.ts";

const request = () => ({
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
});

const response = () => ({
  throttleTimeMs: int32("1+", { default: 0 }),
  errorCode: int16(),
  protocolType: string("5+", { nullable: "5+", default: null }),
  protocolName: string("5+", { nullable: "5+", default: null }),
  assignment: bytes(),
});

/** A member has to say what it believes was chosen (KIP-559). */
const NAMES_FROM = 5;

export default api({
  key: 14,
  name: "SyncGroup",
  versions: "0-5",
  flexible: "4+",
  needs: ["Read Group"],
  request,
  response,
  handle(call, { groupId, memberId, generationId, groupInstanceId, protocolType, protocolName, assignments }) {
    const named = call.version < NAMES_FROM || (protocolType !== null && protocolName !== null);
    const error = named ? call.coordinates(groupId) : Errors.INCONSISTENT_GROUP_PROTOCOL;
    if (error !== 0) return { errorCode: error, assignment: EMPTY };
    const who = { peer: call.connection, groupId, memberId, instanceId: groupInstanceId, generation: generationId };
    const synced = call.cluster.groups.sync(who, protocolType, protocolName, assignments);
    return synced instanceof Promise ? synced.then(answer) : answer(synced);
  },
  refuse: (_body, error) => ({ errorCode: error, assignment: EMPTY }),
});

function answer({ error, protocolType, protocol, assignment }: Synced) {
  return { errorCode: error, protocolType, protocolName: protocol, assignment };
}
