import { EMPTY } from "../../../bytes/writer.ts";
import { Deadline } from "../../../core/deadline.ts";
import type { Clock } from "../../../core/time.ts";
import { Errors } from "../../wire/errors.ts";
import { type GroupProtocol, type Joined, type Joining, Member, type Synced } from "./member.ts";
import { Offsets } from "./offsets.ts";
import type { PeerDeadline } from "./peer.ts";

/**
 * The states of a classic group:
 *
 * ```
 * Empty ──join──▶ PreparingRebalance ──all joined──▶ CompletingRebalance ──leader's sync──▶ Stable
 *   ▲                │      ▲                              │                                  │
 *   └── nobody left ─┘      └──────────── a join, a leave, an expired session ────────────────┘
 * ```
 */
export type GroupState = "Empty" | "PreparingRebalance" | "CompletingRebalance" | "Stable" | "Dead";

/** Milliseconds that a new member may wait in its first rebalance. */
const NEW_MEMBER_JOIN_TIMEOUT = 300_000;

/** A consumer group of the classic protocol: its members and the barrier they meet at. The rules of joining are in joins.ts. */
export class Group {
  state: GroupState = "Empty";
  generation = 0;
  protocolType: string | null = null;
  protocol: string | null = null;
  leader: string | null = null;
  readonly members = new Map<string, Member>();
  /** Member ids by group instance id (KIP-345). */
  readonly statics = new Map<string, string>();
  /** Member ids given out and not yet used (KIP-394), each with its end. */
  readonly pending = new Map<string, PeerDeadline>();
  readonly offsets = new Offsets();
  /** Since when it has no members, in milliseconds of the clock. */
  emptySince: number;
  /** Members that joined this generation and still have to sync. */
  private readonly unsynced = new Set<string>();
  private readonly syncDeadline: Deadline;
  private readonly joinDeadline: Deadline;
  /** When the members were last told to join, or to sync. */
  private askedAt = 0;
  /** Milliseconds of the first rebalance's delay that may still be added; null when it is not under way. */
  private delayLeft: number | null = null;
  private newcomer = false;

  constructor(
    readonly id: string,
    readonly clock: Clock,
    private readonly initialDelay: number,
    private readonly draw: (prefix: string) => string,
  ) {
    this.emptySince = clock.now();
    this.joinDeadline = new Deadline(clock, () => (this.delayLeft === null ? this.joinOver() : this.delayOver()));
    this.syncDeadline = new Deadline(clock, () => this.syncOver());
  }

  // --- Members ----------------------------------------------------------------------------------

  /** A fresh member id: the client's name and a drawn uuid. */
  nextMemberId(prefix: string): string {
    return `${prefix}-${this.draw(prefix)}`;
  }

  /** Adds a member that waits to be joined, which starts a rebalance or becomes part of the one under way. */
  add(id: string, joining: Joining): Promise<Joined> {
    const member = new Member(id, joining, this.clock, (one) => this.remove(one));
    if (this.members.size === 0) this.protocolType = joining.protocolType;
    this.members.set(id, member);
    if (member.instanceId !== null) this.statics.set(member.instanceId, id);
    this.leader ??= id;
    this.newcomer = true;
    const joined = this.waitForJoin(member);
    member.session.set(NEW_MEMBER_JOIN_TIMEOUT);
    this.rebalance();
    return joined;
  }

  /** A member that is there joins again, perhaps with other protocols. */
  rejoin(member: Member, joining: Joining): Promise<Joined> {
    member.update(joining);
    const joined = this.waitForJoin(member);
    this.rebalance();
    return joined;
  }

  private waitForJoin(member: Member): Promise<Joined> {
    member.answerJoin(this.notJoined(Errors.REBALANCE_IN_PROGRESS, member.id)); // an earlier attempt of the same member
    member.session.clear();
    return new Promise((resolve) => (member.joining = resolve));
  }

  /** The member leaves, is expelled, or its session is over. */
  remove(member: Member): void {
    this.drop(member);
    this.rebalance();
  }

  private drop(member: Member): void {
    member.session.clear();
    this.members.delete(member.id);
    this.unsynced.delete(member.id);
    if (member.instanceId !== null && this.statics.get(member.instanceId) === member.id) this.statics.delete(member.instanceId);
    member.answerJoin(this.notJoined(Errors.UNKNOWN_MEMBER_ID, member.id));
    member.answerSync(this.notSynced(Errors.UNKNOWN_MEMBER_ID));
    if (this.leader === member.id) this.leader = this.members.keys().next().value ?? null;
  }

  forgetPending(id: string): boolean {
    this.pending.get(id)?.clear();
    const was = this.pending.delete(id);
    if (was) this.tryCompleteJoin();
    return was;
  }

  // --- The barrier ------------------------------------------------------------------------------

  /** Everybody has to join again; when that is under way already, it is seen whether all did. */
  rebalance(): void {
    if (this.state === "PreparingRebalance") return this.tryCompleteJoin();
    if (this.state === "CompletingRebalance") {
      for (const member of this.members.values()) {
        member.assignment = EMPTY;
        if (member.syncing !== null) member.alive();
        member.answerSync(this.notSynced(Errors.REBALANCE_IN_PROGRESS));
      }
    }
    this.syncDeadline.clear();
    this.unsynced.clear();
    const first = this.state === "Empty";
    this.state = "PreparingRebalance";
    if (first) {
      // A group that begins waits for more members, so that not each of them starts a rebalance.
      this.newcomer = false;
      if (this.initialDelay === 0) return this.completeJoin();
      this.delayLeft = Math.max(0, this.rebalanceTimeout - this.initialDelay);
      return this.joinDeadline.set(this.initialDelay);
    }
    this.askedAt = this.clock.now();
    this.joinDeadline.set(this.rebalanceTimeout);
    this.tryCompleteJoin();
  }

  private joinOver(): void {
    const late = [...this.members.values()].filter((member) => member.joining === null);
    if (!this.wait(late, this.joinDeadline)) this.completeJoin();
  }

  /** Puts a deadline off for members that did not have all of their time: the clock was moved on meanwhile. */
  private wait(late: readonly Member[], deadline: Deadline): boolean {
    const waits = late.map(({ peer }) => {
      const left = this.rebalanceTimeout - peer.silentFor(this.askedAt);
      return left > 0 ? peer.timeLeft(left) : 0;
    });
    const longest = Math.max(0, ...waits);
    if (longest > 0) deadline.set(longest);
    return longest > 0;
  }

  private delayOver(): void {
    if (!this.newcomer || this.delayLeft === 0) {
      this.delayLeft = null;
      return this.completeJoin();
    }
    this.newcomer = false;
    const more = Math.min(this.initialDelay, this.delayLeft!);
    this.delayLeft! -= more;
    this.joinDeadline.set(more);
  }

  private tryCompleteJoin(): void {
    if (this.state !== "PreparingRebalance" || this.delayLeft !== null || this.pending.size > 0) return;
    for (const member of this.members.values()) if (member.joining === null) return;
    this.completeJoin();
  }

  /** All joined or the time is over: those that did not come are left behind, the rest begins a new generation. */
  private completeJoin(): void {
    this.joinDeadline.clear();
    for (const member of [...this.members.values()]) {
      // Static members keep their place until their session ends (KIP-345).
      if (member.joining === null && member.instanceId === null) this.drop(member);
    }
    const present = [...this.members.values()].filter((member) => member.joining !== null);
    if (present.length === 0 && this.members.size > 0) return this.joinDeadline.set(this.rebalanceTimeout);
    this.generation++;
    if (this.members.size === 0) {
      this.state = "Empty";
      this.protocol = this.leader = null;
      this.emptySince = this.clock.now();
      return;
    }
    if (this.members.get(this.leader!)?.joining == null) this.leader = present[0]!.id;
    this.protocol = this.vote();
    this.state = "CompletingRebalance";
    for (const member of this.members.values()) this.unsynced.add(member.id);
    this.askedAt = this.clock.now();
    this.syncDeadline.set(this.rebalanceTimeout);
    for (const member of present) {
      member.isNew = false;
      member.alive();
      member.answerJoin(this.joined(member));
    }
  }

  /** Members that joined and then kept silent leave (KAFKA-13435). */
  private syncOver(): void {
    const silent = [...this.unsynced].map((id) => this.members.get(id)).filter((member) => member !== undefined);
    if (this.wait(silent, this.syncDeadline)) return;
    for (const member of silent) this.drop(member);
    if (silent.length > 0) this.rebalance();
  }

  /** The protocol that most members prefer among those that all of them speak. */
  vote(): string {
    const votes = new Map<string, number>();
    for (const member of this.members.values()) {
      const choice = member.protocols.find(({ name }) => this.spokenByAll(name))!.name;
      votes.set(choice, (votes.get(choice) ?? 0) + 1);
    }
    return [...votes].reduce((best, one) => (one[1] > best[1] ? one : best))[0];
  }

  /** Can a client with these protocols be a member? */
  speaks(type: string, protocols: readonly GroupProtocol[]): boolean {
    if (type === "" || protocols.length === 0) return false;
    if (this.members.size === 0) return true;
    return type === this.protocolType && protocols.some(({ name }) => this.spokenByAll(name));
  }

  private spokenByAll(name: string): boolean {
    for (const { protocols } of this.members.values()) if (!protocols.some((p) => p.name === name)) return false;
    return true;
  }

  private get rebalanceTimeout(): number {
    let longest = 0;
    for (const member of this.members.values()) longest = Math.max(longest, member.rebalanceTimeout);
    return longest;
  }

  // --- Sync and signs of life -------------------------------------------------------------------

  sync(member: Member, assignments: readonly { memberId: string; assignment: Buffer }[]): Synced | Promise<Synced> {
    switch (this.state) {
      case "PreparingRebalance":
        return this.notSynced(Errors.REBALANCE_IN_PROGRESS);
      case "Stable":
        member.alive();
        return this.synced(member);
      case "CompletingRebalance":
        break;
      default:
        return this.notSynced(Errors.UNKNOWN_MEMBER_ID);
    }
    this.unsynced.delete(member.id);
    if (member.id !== this.leader) {
      member.answerSync(this.notSynced(Errors.REBALANCE_IN_PROGRESS)); // an earlier attempt of the same member
      member.session.clear();
      return new Promise((resolve) => (member.syncing = resolve));
    }
    const given = new Map(assignments.map((one) => [one.memberId, one.assignment]));
    for (const one of this.members.values()) one.assignment = given.get(one.id) ?? EMPTY;
    this.state = "Stable";
    for (const one of this.members.values()) {
      if (one.syncing !== null) one.alive();
      one.answerSync(this.synced(one));
    }
    member.alive();
    return this.synced(member);
  }

  /** The error that tells a member how things stand. */
  heartbeat(member: Member): number {
    if (this.state === "Empty" || this.state === "Dead") return Errors.UNKNOWN_MEMBER_ID;
    if (member.joining === null && member.syncing === null) member.alive();
    return this.state === "PreparingRebalance" ? Errors.REBALANCE_IN_PROGRESS : Errors.NONE;
  }

  /** Is this who it says it is? `FENCED_INSTANCE_ID` when its place was taken by another process (KIP-345). */
  checkMember(memberId: string, instanceId: string | null): number {
    if (instanceId !== null) {
      const holder = this.statics.get(instanceId);
      if (holder === undefined) return Errors.UNKNOWN_MEMBER_ID;
      if (holder !== memberId) return Errors.FENCED_INSTANCE_ID;
    }
    return this.members.has(memberId) ? Errors.NONE : Errors.UNKNOWN_MEMBER_ID;
  }

  // --- Answers ----------------------------------------------------------------------------------

  joined(member: Member, skipAssignment = false): Joined {
    const leads = member.id === this.leader;
    return {
      error: Errors.NONE,
      memberId: member.id,
      generation: this.generation,
      protocolType: this.protocolType,
      protocol: this.protocol,
      leader: this.leader!,
      skipAssignment,
      members: leads ? this.roll() : [],
    };
  }

  notJoined(error: number, memberId: string): Joined {
    return { error, memberId, generation: -1, protocolType: null, protocol: null, leader: "", skipAssignment: false, members: [] };
  }

  private roll(): Joined["members"] {
    return [...this.members.values()].map((member) => ({
      memberId: member.id,
      groupInstanceId: member.instanceId,
      metadata: member.metadata(this.protocol!),
    }));
  }

  private synced(member: Member): Synced {
    return { error: Errors.NONE, protocolType: this.protocolType, protocol: this.protocol, assignment: member.assignment };
  }

  notSynced(error: number): Synced {
    return { error, protocolType: null, protocol: null, assignment: EMPTY };
  }

  /** Another node has it now. */
  unloaded(): void {
    for (const member of this.members.values()) {
      if (member.joining !== null || member.syncing !== null) member.alive();
      member.answerJoin(this.notJoined(Errors.NOT_COORDINATOR, member.id));
      member.answerSync(this.notSynced(Errors.NOT_COORDINATOR));
    }
  }

  /** The group was deleted. */
  bury(): void {
    this.state = "Dead";
    this.joinDeadline.clear();
    this.syncDeadline.clear();
    for (const deadline of this.pending.values()) deadline.clear();
    this.pending.clear();
    for (const member of this.members.values()) {
      member.session.clear();
      member.answerJoin(this.notJoined(Errors.COORDINATOR_NOT_AVAILABLE, member.id));
      member.answerSync(this.notSynced(Errors.COORDINATOR_NOT_AVAILABLE));
    }
  }
}
