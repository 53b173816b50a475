import type { Call } from "../call.ts";
import type { Joined } from "../groups/member.ts";
import type { Asker } from "../../pipeline/endpoint.ts";
import { api } from "../api.ts";
import { array, bool, bytes, type Draft, int16, int32, string } from "../../wire/schema.ts";

const request = () => ({
  groupId: string(),
  sessionTimeoutMs: int32(),
  rebalanceTimeoutMs: int32("1+", { default: -1 }),
  memberId: string(),
  groupInstanceId: string("5+", { nullable: "5+", default: null }),
  protocolType: string(),
  protocols: array({
    name: string(),
    metadata: bytes(),
  }),
  reason: string("8+", { nullable: "8+", default: null }),
});

const response = () => ({
  throttleTimeMs: int32("2+", { default: 0 }),
  errorCode: int16(),
  generationId: int32("0+", { default: -1 }),
  protocolType: string("7+", { nullable: "7+", default: null }),
  protocolName: string("0+", { nullable: "7+" }),
  leader: string(),
  skipAssignment: bool("9+", { default: false }),
  memberId: string(),
  members: array({
    memberId: string(),
    groupInstanceId: string("5+", { nullable: "5+", default: null }),
    metadata: bytes(),
  }),
});

/** A client gets its member id before it is let in (KIP-394). */
const MEMBER_ID_FROM = 4;
const NULL_PROTOCOL_FROM = 7;
const SKIP_FROM = 9; // KIP-814

export default api({
  key: 11,
  name: "JoinGroup",
  versions: "0-9",
  flexible: "6+",
  needs: ["Read Group"],
  request,
  response,
  handle(call, body) {
    const error = call.coordinates(body.groupId);
    if (error !== 0) return failed(call, body.memberId, error);
    call.cluster.host.events?.joined(body.groupId, call.connection);
    const joined = call.cluster.groups.join(body.groupId, {
      memberId: body.memberId,
      instanceId: body.groupInstanceId,
      peer: call.connection,
      clientId: call.clientId,
      clientHost: `/${call.connection.remote.replace(/:\d+$/, "")}`,
      sessionTimeout: body.sessionTimeoutMs,
      // Version 0 has one time-out for both.
      rebalanceTimeout: body.rebalanceTimeoutMs >= 0 ? body.rebalanceTimeoutMs : body.sessionTimeoutMs,
      protocolType: body.protocolType,
      protocols: body.protocols,
      idFirst: call.version >= MEMBER_ID_FROM,
      canSkipAssignment: call.version >= SKIP_FROM,
    });
    return joined instanceof Promise ? joined.then((one) => answer(call, one)) : answer(call, joined);
  },
  refuse: (body, error, call) => failed(call, body.memberId, error),
});

function answer(call: Call, joined: Joined): Draft<ReturnType<typeof response>> {
  return {
    errorCode: joined.error,
    generationId: joined.generation,
    protocolType: joined.protocolType,
    protocolName: joined.protocol ?? (call.version >= NULL_PROTOCOL_FROM ? null : ""),
    leader: joined.leader,
    skipAssignment: joined.skipAssignment,
    memberId: joined.memberId,
    members: joined.members,
  };
}

function failed(call: Asker, memberId: string, errorCode: number): Draft<ReturnType<typeof response>> {
  return { errorCode, protocolName: call.version >= NULL_PROTOCOL_FROM ? null : "", leader: "", memberId, members: [] };
}
