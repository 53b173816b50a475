import { Errors } from "../../wire/errors.ts";
import type { Group } from "./group.ts";
import type { Joined, Joining, Member } from "./member.ts";
import { PeerDeadline } from "./peer.ts";

/** The rules of JoinGroup: who may come in, who has to wait, who is told again what is known. */
export function join(group: Group, joining: Joining): Joined | Promise<Joined> {
  if (group.state === "Dead") return group.notJoined(Errors.COORDINATOR_NOT_AVAILABLE, joining.memberId);
  if (!group.speaks(joining.protocolType, joining.protocols)) {
    return group.notJoined(Errors.INCONSISTENT_GROUP_PROTOCOL, joining.memberId);
  }
  return joining.memberId === "" ? newcomer(group, joining) : returning(group, joining);
}

function newcomer(group: Group, joining: Joining): Joined | Promise<Joined> {
  const { instanceId } = joining;
  const id = group.nextMemberId(instanceId ?? joining.clientId);
  if (instanceId !== null) {
    const holder = group.statics.get(instanceId);
    return holder === undefined ? group.add(id, joining) : replaceStatic(group, group.members.get(holder)!, id, joining);
  }
  if (!joining.idFirst) return group.add(id, joining);
  // KIP-394: the id first, so that a client that gives up and comes again does not leave a ghost in the group.
  const end = new PeerDeadline(group.clock, joining.peer, () => group.forgetPending(id));
  group.pending.set(id, end);
  end.set(joining.sessionTimeout);
  return group.notJoined(Errors.MEMBER_ID_REQUIRED, id);
}

function returning(group: Group, joining: Joining): Joined | Promise<Joined> {
  const { memberId, instanceId } = joining;
  if (instanceId === null && group.pending.has(memberId)) {
    group.pending.get(memberId)!.clear();
    group.pending.delete(memberId);
    return group.add(memberId, joining);
  }
  const error = group.checkMember(memberId, instanceId);
  if (error !== Errors.NONE) return group.notJoined(error, memberId);
  const member = group.members.get(memberId)!;
  switch (group.state) {
    case "PreparingRebalance":
      return group.rejoin(member, joining);
    case "CompletingRebalance":
      // It did not get the answer to its join: it hears it again.
      if (!member.matches(joining.protocols)) return group.rejoin(member, joining);
      member.update(joining);
      return group.joined(member);
    case "Stable":
      // A leader joins again when it wants another assignment.
      if (memberId === group.leader || !member.matches(joining.protocols)) return group.rejoin(member, joining);
      member.update(joining);
      return group.joined(member);
    default:
      return group.notJoined(Errors.UNKNOWN_MEMBER_ID, memberId);
  }
}

/** A static member came back as a new process: it takes its place under a new id, and the old one is fenced (KIP-345). */
function replaceStatic(group: Group, member: Member, id: string, joining: Joining): Joined | Promise<Joined> {
  const formerLeader = group.leader;
  group.members.delete(member.id);
  member.answerJoin(group.notJoined(Errors.FENCED_INSTANCE_ID, member.id));
  member.answerSync(group.notSynced(Errors.FENCED_INSTANCE_ID));
  if (group.leader === member.id) group.leader = id;
  member.id = id;
  group.members.set(id, member);
  group.statics.set(member.instanceId!, id);
  if (group.state !== "Stable") return group.rejoin(member, joining);
  member.update(joining);
  if (group.vote() !== group.protocol) return group.rejoin(member, joining);
  // Nothing changed for the others, so nobody has to stop.
  member.alive();
  const leads = group.leader === id;
  if (joining.canSkipAssignment) return group.joined(member, leads);
  return { ...group.joined(member), leader: formerLeader!, members: [] };
}
