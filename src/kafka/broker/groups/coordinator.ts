import { Reader } from "../../../bytes/reader.ts";
import type { Host } from "../../../pipeline/host.ts";
import { Errors } from "../../wire/errors.ts";
import type { KafkaOptions } from "../options.ts";
import { Group } from "./group.ts";
import { join } from "./joins.ts";
import type { Joined, Joining, Synced } from "./member.ts";
import type { Peer } from "./peer.ts";

/** `group.min.session.timeout.ms` and `group.max.session.timeout.ms`. */
const SESSION_LEAST = 6_000,
  SESSION_MOST = 1_800_000;
/** `offsets.retention.minutes`: how long a group without members keeps its positions. */
const OFFSETS_RETENTION = 7 * 86_400_000;

/** Groups and client ids whose member ids are counted. */
const IDS_MOST = 100_000;

/** Who a member says it is, in which generation, and over which connection. */
export interface Membership {
  readonly peer: Peer;
  readonly groupId: string;
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly generation: number;
}

/** All consumer groups. Which node answers for which is checked before: see `Call.coordinates`. */
export class Coordinator {
  readonly groups = new Map<string, Group>();
  /** The group that a client id last joined: what fetches are counted under. */
  private readonly groupByClient = new Map<string, string>();
  /** How many member ids were given out, by group and client id; those asked for last are the youngest. */
  private readonly idsDrawn = new Map<string, number>();

  constructor(
    private readonly host: Host,
    private readonly options: KafkaOptions,
  ) {}

  join(groupId: string, joining: Joining): Joined | Promise<Joined> {
    const refused = (error: number): Joined => ({
      error,
      memberId: joining.memberId,
      generation: -1,
      protocolType: null,
      protocol: null,
      leader: "",
      skipAssignment: false,
      members: [],
    });
    if (groupId === "") return refused(Errors.INVALID_GROUP_ID);
    if (joining.sessionTimeout < SESSION_LEAST || joining.sessionTimeout > SESSION_MOST) return refused(Errors.INVALID_SESSION_TIMEOUT);
    let group = this.groups.get(groupId);
    if (group === undefined) {
      if (joining.memberId !== "") return refused(Errors.UNKNOWN_MEMBER_ID);
      if (joining.protocolType === "" || joining.protocols.length === 0) return refused(Errors.INCONSISTENT_GROUP_PROTOCOL);
      group = this.create(groupId);
    }
    this.groupByClient.set(joining.clientId, groupId);
    return join(group, joining);
  }

  sync(
    who: Membership,
    protocolType: string | null,
    protocol: string | null,
    assignments: readonly { memberId: string; assignment: Buffer }[],
  ): Synced | Promise<Synced> {
    const group = this.groups.get(who.groupId);
    const error = this.check(group, who);
    if (error !== Errors.NONE) return { error, protocolType: null, protocol: null, assignment: Buffer.alloc(0) };
    const differs = (given: string | null, known: string | null): boolean => given !== null && known !== null && given !== known;
    if (differs(protocolType, group!.protocolType) || differs(protocol, group!.protocol)) {
      return group!.notSynced(Errors.INCONSISTENT_GROUP_PROTOCOL);
    }
    return group!.sync(group!.members.get(who.memberId)!, assignments);
  }

  heartbeat(who: Membership): number {
    const group = this.groups.get(who.groupId);
    return this.check(group, who) || group!.heartbeat(group!.members.get(who.memberId)!);
  }

  /** A static member may be named by its instance id alone. */
  leave(groupId: string, memberId: string, instanceId: string | null): number {
    const group = this.groups.get(groupId);
    if (group === undefined || group.state === "Dead") return Errors.UNKNOWN_MEMBER_ID;
    if (instanceId === null && group.forgetPending(memberId)) return Errors.NONE;
    const id = memberId === "" && instanceId !== null ? (group.statics.get(instanceId) ?? "") : memberId;
    const error = group.checkMember(id, instanceId);
    if (error === Errors.NONE) group.remove(group.members.get(id)!);
    return error;
  }

  /** May these positions be committed? Commits by tools carry no member and need an empty group. */
  checkCommit(who: Membership): number {
    const group = this.groups.get(who.groupId);
    if (group === undefined) return who.generation < 0 ? Errors.NONE : Errors.GROUP_ID_NOT_FOUND;
    if (group.state === "Dead") return Errors.COORDINATOR_NOT_AVAILABLE;
    if (who.generation < 0 && who.memberId === "" && who.instanceId === null) {
      return group.members.size === 0 ? Errors.NONE : Errors.UNKNOWN_MEMBER_ID;
    }
    if (group.members.size === 0 && who.generation < 0) return Errors.NONE;
    const error = this.check(group, who);
    if (error !== Errors.NONE) return error;
    const member = group.members.get(who.memberId)!;
    if (member.joining === null && member.syncing === null) member.alive();
    return group.state === "CompletingRebalance" ? Errors.REBALANCE_IN_PROGRESS : Errors.NONE;
  }

  commit(groupId: string, topic: string, partition: number, offset: number, leaderEpoch: number, metadata: string): void {
    const group = this.groups.get(groupId) ?? this.create(groupId);
    group.offsets.set(topic, partition, { offset, leaderEpoch, metadata, time: this.host.clock.now() });
  }

  delete(groupId: string): number {
    const group = this.groups.get(groupId);
    if (group === undefined) return Errors.GROUP_ID_NOT_FOUND;
    if (group.members.size > 0) return Errors.NON_EMPTY_GROUP;
    this.forget(group);
    return Errors.NONE;
  }

  /** Does a member of this consumer group read the topic? While nobody knows what they read, they may. */
  subscribed(group: Group, topic: string): boolean {
    for (const member of group.members.values()) {
      const topics = group.protocol === null ? null : subscription(member.metadata(group.protocol));
      if (topics === null || topics.includes(topic)) return true;
    }
    return false;
  }

  /** Everybody has to join again, as when a member comes or goes. False: the group has no members. */
  rebalance(groupId: string): boolean {
    const group = this.groups.get(groupId);
    if (group === undefined || group.members.size === 0) return false;
    group.rebalance();
    return true;
  }

  /** Another node coordinates the group from now on: what waits for an answer here does so in vain. */
  moved(groupId: string): void {
    this.groups.get(groupId)?.unloaded();
  }

  /** Throws out the members with these connections, whose uncommitted records others read again. Returns how many. */
  expelPeers(peers: ReadonlySet<Peer>): number {
    const members = [...this.groups.values()].flatMap((group) => [...group.members.values()].map((member) => ({ group, member })));
    const expelled = members.filter(({ member }) => peers.has(member.peer));
    for (const { group, member } of expelled) group.remove(member);
    return expelled.length;
  }

  /** The control surface's way to throw a member out: it rejoins when it notices. */
  expel(groupId: string, memberId: string): boolean {
    const group = this.groups.get(groupId);
    const member = group?.members.get(memberId);
    if (member !== undefined) group!.remove(member);
    return member !== undefined;
  }

  /** The group whose member this client is, "" for none. */
  groupOf(clientId: string): string {
    const groupId = this.groupByClient.get(clientId);
    return groupId !== undefined && this.groups.has(groupId) ? groupId : "";
  }

  topicDeleted(topic: string): void {
    for (const group of this.groups.values()) group.offsets.deleteTopic(topic);
  }

  expireOffsets(now: number): void {
    for (const group of this.groups.values()) {
      if (group.state !== "Empty") continue;
      if (group.emptySince < now - OFFSETS_RETENTION) group.offsets.expire(now - OFFSETS_RETENTION);
      if (group.offsets.size === 0 && group.pending.size === 0) this.forget(group);
    }
  }

  /** Forgets all groups. */
  clear(): void {
    for (const group of [...this.groups.values()]) this.forget(group);
  }

  /** A group that was here before, without its members. */
  restore(groupId: string, generation: number): Group {
    const group = this.create(groupId);
    group.generation = generation;
    return group;
  }

  private create(groupId: string): Group {
    const group = new Group(groupId, this.host.clock, this.options.group_initial_rebalance_delay, (prefix) =>
      this.uuid(`${groupId} ${prefix}`),
    );
    this.groups.set(groupId, group);
    return group;
  }

  private forget(group: Group): void {
    group.bury();
    this.groups.delete(group.id);
    for (const [client, id] of this.groupByClient) if (id === group.id) this.groupByClient.delete(client);
  }

  private check(group: Group | undefined, who: Membership): number {
    if (who.groupId === "") return Errors.INVALID_GROUP_ID;
    if (group === undefined) return Errors.UNKNOWN_MEMBER_ID;
    if (group.state === "Dead") return Errors.COORDINATOR_NOT_AVAILABLE;
    const error = group.checkMember(who.memberId, who.instanceId);
    if (error !== Errors.NONE) return error;
    if (who.generation !== group.generation) return Errors.ILLEGAL_GENERATION;
    group.members.get(who.memberId)!.session.peer = who.peer;
    return Errors.NONE;
  }

  /** Another one each time, also for a group that was forgotten in between: a member of the old one must not pass for one of the new. */
  private uuid(of: string): string {
    const n = this.idsDrawn.get(of) ?? 0;
    this.idsDrawn.delete(of);
    this.idsDrawn.set(of, n + 1);
    if (this.idsDrawn.size > IDS_MOST) this.idsDrawn.delete(this.idsDrawn.keys().next().value!);
    const random = this.host.random(`kafka member ${of} ${n}`);
    const hex = Buffer.from(Array.from({ length: 16 }, () => random.int(0, 255))).toString("hex");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  }
}

/** Topics of a consumer's subscription: a version, then names. Null when it is none. */
function subscription(metadata: Buffer): string[] | null {
  try {
    const r = new Reader(metadata, 2);
    const topics: string[] = [];
    for (let left = r.i32(); left > 0; left--) topics.push(r.utf8(r.i16()));
    return topics;
  } catch {
    return null;
  }
}
