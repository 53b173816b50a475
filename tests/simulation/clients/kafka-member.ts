import type { Random } from "../../../src/hooks/random.ts";
import { errorName } from "../../../src/kafka/wire/errors.ts";
import { must } from "../ledger.ts";
import type { Actor, Place } from "./actor.ts";
import { indexOf, NODES, PARTITIONS, topicOf } from "./kafka-map.ts";
import { type Fetched, Fetcher, type Policy, type Reset } from "./kafka-reader.ts";
import { KafkaWire } from "./kafka-wire.ts";

export const GROUP = "group";
const NO_ID = "AAAAAAAAAAAAAAAAAAAAAA";
const SESSION = 30_000;
const HEARTBEAT = 5_000;

/** What a member was told to own, in which generation. */
export interface Assignment {
  readonly member: string;
  readonly generation: number;
  /** The leader's member id: a group that was forgotten begins again at generation 1. */
  readonly leader: string;
  readonly partitions: readonly string[];
}

/** A position that a member asked to be kept. */
export interface Commit {
  readonly partition: string;
  readonly offset: number;
  isAcked: boolean;
}

type Phase = "outside" | "joining" | "syncing" | "positioning" | "member";

/** A member of the consumer group: joins, shares out, fetches, commits, leaves. */
export class KafkaMember implements Actor {
  readonly fetched: Fetched[] = [];
  readonly assignments: Assignment[] = [];
  readonly commits: Commit[] = [];
  private phase: Phase = "outside";
  private readonly wire: KafkaWire;
  private readonly fetcher: Fetcher;
  private coordinator: number | null = null;
  private memberId = "";
  private generation = -1;
  private leader = "";
  private lastHeartbeat = 0;
  private committed = new Map<string, number>();

  constructor(
    private readonly place: Place,
    readonly name: string,
    private readonly instance: string | null,
    policy: Policy,
  ) {
    this.wire = new KafkaWire(place, name);
    this.fetcher = new Fetcher(place, name, policy, (record) => {
      place.ledger.receive(record.payload, place.now());
      place.ledger.note(name, `${record.partition}@${record.offset} ${record.payload}`);
      this.fetched.push(record);
    });
  }

  get resets(): readonly Reset[] {
    return this.fetcher.resets;
  }
  get owned(): readonly string[] {
    return this.phase === "member" ? [...this.fetcher.positions.keys()] : [];
  }

  act(random: Random): void {
    if (random.chance(0.02)) return this.wire.close(random.chance(0.5));
    if (this.phase !== "member") return this.step(random);
    if (random.chance(0.03)) return this.leave();
    if (random.chance(0.3)) this.commit();
    else if (this.owned.length > 0) this.fetcher.fetch(random.pick(this.owned), random);
  }

  hear(): void {
    this.wire.hear();
    this.fetcher.wire.hear();
    if (this.phase === "member" && this.place.now() - this.lastHeartbeat > HEARTBEAT) this.beat();
  }

  finish(): void {
    if (this.phase !== "member") return this.step(null);
    const next = this.owned.find((partition) => !this.fetcher.exhausted.has(partition));
    if (next !== undefined) this.fetcher.fetch(next, null);
    else if (!this.isDone) this.commit();
  }
  /** Called once nobody produces any more: there may be more than at the last look. */
  again(): void {
    this.fetcher.exhausted.clear();
  }
  get isDone(): boolean {
    const { positions, exhausted } = this.fetcher;
    return (
      this.phase === "member" &&
      [...positions].every(([partition, offset]) => exhausted.has(partition) && (this.committed.get(partition) ?? 0) === offset)
    );
  }
  get state(): string {
    return `${this.phase}, generation ${this.generation}, ${[...this.fetcher.positions].join(" ")}`;
  }
  breakOff(): void {
    this.wire.close(true);
    this.fetcher.wire.close(true);
  }

  // --- Membership -------------------------------------------------------------------------------

  private get who() {
    return { groupId: GROUP, memberId: this.memberId, generationId: this.generation, groupInstanceId: this.instance };
  }

  private step(random: Random | null): void {
    if (this.wire.isBusy) return;
    if (this.coordinator === null) return this.find(random);
    if (!this.wire.to(this.coordinator)) return void (this.coordinator = null);
    if (this.phase === "outside") this.join();
    else if (this.phase === "positioning") this.position();
    else this.phase = "outside"; // the connection was lost on the way in
  }

  private find(random: Random | null): void {
    const first = random?.int(0, NODES - 1) ?? 0;
    for (let i = 0; i < NODES; i++) if (this.wire.to(((first + i) % NODES) + 1)) break;
    if (!this.wire.isOpen) return;
    this.wire.ask("FindCoordinator", 4, { keyType: 0, coordinatorKeys: [GROUP] }, (answer) => {
      const found = answer?.coordinators[0];
      this.coordinator = found !== undefined && found.errorCode === 0 ? found.nodeId : null;
    });
  }

  private join(): void {
    this.phase = "joining";
    const metadata = Buffer.from(this.name);
    const body = {
      groupId: GROUP,
      sessionTimeoutMs: SESSION,
      rebalanceTimeoutMs: 10_000,
      memberId: this.memberId,
      groupInstanceId: this.instance,
      protocolType: "consumer",
      protocols: [{ name: "simple", metadata }],
    };
    this.wire.ask("JoinGroup", 7, body, (answer) => {
      this.phase = "outside";
      if (answer === null) return;
      const error = errorName(answer.errorCode);
      if (error === "MEMBER_ID_REQUIRED") this.memberId = answer.memberId;
      else if (error === "NONE") {
        this.memberId = answer.memberId;
        this.generation = answer.generationId;
        this.leader = answer.leader;
        this.sync(answer.leader === answer.memberId ? answer.members.map((one: any) => one.memberId) : null);
      } else this.refused(error);
    });
  }

  /** @param members set for the leader: the partitions are dealt out to them in turn */
  private sync(members: readonly string[] | null): void {
    this.phase = "syncing";
    const { generation, leader } = this;
    const shares = (members ?? []).map((memberId, i) => ({
      memberId,
      assignment: Buffer.from(PARTITIONS.filter((_, at) => at % members!.length === i).join(" ")),
    }));
    this.wire.ask("SyncGroup", 5, { ...this.who, protocolType: "consumer", protocolName: "simple", assignments: shares }, (answer) => {
      this.phase = "outside";
      if (answer === null) return;
      const error = errorName(answer.errorCode);
      if (error !== "NONE") return this.refused(error);
      const partitions = answer.assignment
        .toString()
        .split(" ")
        .filter((one: string) => one !== "");
      this.place.ledger.generation = Math.max(this.place.ledger.generation, generation);
      this.assignments.push({ member: this.name, generation, leader, partitions });
      this.place.ledger.note(this.name, `owns ${partitions.join(" ")} in generation ${generation}`);
      this.fetcher.assign(new Map(partitions.map((one: string) => [one, 0])));
      this.phase = "positioning";
      this.lastHeartbeat = this.place.now();
    });
  }

  private position(): void {
    const topics = [...new Set([...this.fetcher.positions.keys()].map(topicOf))].map((name) => ({
      name,
      topicId: NO_ID,
      partitionIndexes: [...this.fetcher.positions.keys()].filter((one) => topicOf(one) === name).map(indexOf),
    }));
    this.wire.ask("OffsetFetch", 8, { groups: [{ groupId: GROUP, topics }], requireStable: false }, (answer) => {
      if (answer === null) return;
      const [group] = answer.groups;
      if (group.errorCode !== 0) return this.refused(errorName(group.errorCode));
      const positions = new Map<string, number>();
      for (const { name, partitions } of group.topics) {
        for (const { partitionIndex, committedOffset, errorCode } of partitions) {
          if (errorCode !== 0) return;
          positions.set(`${name}-${partitionIndex}`, Math.max(0, committedOffset));
        }
      }
      this.committed = new Map(positions);
      this.fetcher.assign(positions);
      this.phase = "member";
    });
  }

  private beat(): void {
    if (this.wire.isBusy) return;
    if (!this.reach()) return;
    this.lastHeartbeat = this.place.now();
    this.wire.ask("Heartbeat", 4, this.who, (answer) => {
      if (answer !== null && answer.errorCode !== 0) this.refused(errorName(answer.errorCode));
    });
  }

  private commit(): void {
    if (this.wire.isBusy || !this.reach()) return;
    const { positions } = this.fetcher;
    const commits = [...positions].map(([partition, offset]): Commit => ({ partition, offset, isAcked: false }));
    if (commits.length === 0) return;
    this.commits.push(...commits);
    const topics = [...new Set(commits.map(({ partition }) => topicOf(partition)))].map((name) => ({
      name,
      topicId: NO_ID,
      partitions: commits
        .filter(({ partition }) => topicOf(partition) === name)
        .map(({ partition, offset }) => ({
          partitionIndex: indexOf(partition),
          committedOffset: offset,
          committedMetadata: "",
        })),
    }));
    const { groupId, memberId, groupInstanceId, generationId } = this.who;
    const isLate = generationId < this.place.ledger.generation;
    this.wire.ask("OffsetCommit", 8, { groupId, memberId, groupInstanceId, generationIdOrMemberEpoch: generationId, topics }, (answer) => {
      if (answer === null) return;
      for (const { name, partitions } of answer.topics) {
        for (const { partitionIndex, errorCode } of partitions) {
          if (errorCode !== 0) return this.refused(errorName(errorCode));
          must(!isLate, () => `${this.name} could commit in generation ${generationId}, when there was a later one`);
          const commit = commits.find(({ partition }) => partition === `${name}-${partitionIndex}`)!;
          commit.isAcked = true;
          this.committed.set(commit.partition, commit.offset);
        }
      }
    });
  }

  private leave(): void {
    if (this.wire.isBusy || !this.reach()) return;
    this.wire.ask(
      "LeaveGroup",
      4,
      { groupId: GROUP, members: [{ memberId: this.memberId, groupInstanceId: this.instance }] },
      () => undefined,
    );
    this.outside();
    this.memberId = "";
  }

  private reach(): boolean {
    if (this.coordinator !== null && this.wire.to(this.coordinator)) return true;
    this.outside();
    this.coordinator = null;
    return false;
  }

  private refused(error: string): void {
    this.place.ledger.note(this.name, error);
    this.outside();
    if (error === "UNKNOWN_MEMBER_ID" || error === "FENCED_INSTANCE_ID") this.memberId = "";
    if (error === "NOT_COORDINATOR" || error === "COORDINATOR_NOT_AVAILABLE" || error === "UNKNOWN_SERVER_ERROR") this.coordinator = null;
  }

  /** Whatever it owned it does not own any more. */
  private outside(): void {
    this.phase = "outside";
    this.fetcher.assign(new Map());
  }
}
