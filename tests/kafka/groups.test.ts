import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { errorName } from "../../src/kafka/wire/errors.ts";
import { settled } from "../support/memory.ts";
import { type TestClient, TestCluster } from "./client.ts";

let house: TestCluster;
let admin: TestClient;

beforeEach(async () => {
  house = new TestCluster();
  admin = house.connect(1, "admin");
  await admin.createTopic("t", 4);
});
afterEach(() => house[Symbol.dispose]());

const GROUP = "g";
const subscription = (text: string) => Buffer.from(text);

/** A member of the group, on a connection of its own. */
class Member {
  id = "";
  generation = -1;
  readonly client: TestClient;

  constructor(
    readonly name: string,
    readonly instance: string | null = null,
  ) {
    this.client = house.connect(1, name);
  }

  async join({ version = 9, protocols = ["range"], session = 10_000, rebalance = 30_000, type = "consumer", group = GROUP } = {}) {
    const joined = await this.client.call(
      "JoinGroup",
      {
        groupId: group,
        sessionTimeoutMs: session,
        rebalanceTimeoutMs: rebalance,
        memberId: this.id,
        groupInstanceId: this.instance,
        protocolType: type,
        protocols: protocols.map((name) => ({ name, metadata: subscription(`${this.name} ${name}`) })),
      },
      version,
    );
    this.id = joined.memberId;
    this.generation = joined.generationId;
    return { ...joined, error: errorName(joined.errorCode) };
  }

  /** As clients do it: the id first, then in. */
  async enter(options: Parameters<Member["join"]>[0] = {}) {
    const first = await this.join(options);
    return first.error === "MEMBER_ID_REQUIRED" ? this.join(options) : first;
  }

  async sync(assignments: Record<string, string> = {}, options: { protocol?: string; type?: string } = {}) {
    const synced = await this.client.call("SyncGroup", {
      groupId: GROUP,
      generationId: this.generation,
      memberId: this.id,
      groupInstanceId: this.instance,
      protocolType: options.type ?? "consumer",
      protocolName: options.protocol ?? "range",
      assignments: Object.entries(assignments).map(([memberId, text]) => ({ memberId, assignment: Buffer.from(text) })),
    });
    return { error: errorName(synced.errorCode), assignment: synced.assignment.toString() };
  }

  async heartbeat(): Promise<string> {
    const { errorCode } = await this.client.call("Heartbeat", {
      groupId: GROUP,
      generationId: this.generation,
      memberId: this.id,
      groupInstanceId: this.instance,
    });
    return errorName(errorCode);
  }

  async leave(): Promise<string> {
    const left = await this.client.call("LeaveGroup", {
      groupId: GROUP,
      memberId: "",
      members: [{ memberId: this.id, groupInstanceId: this.instance }],
    });
    return errorName(left.errorCode || left.members[0]!.errorCode);
  }

  async commit(offset: number, { partition = 0, metadata = "", topic = "t", group = GROUP } = {}): Promise<string> {
    const { topics } = await this.client.call(
      "OffsetCommit",
      {
        groupId: group,
        generationIdOrMemberEpoch: this.generation,
        memberId: this.id,
        groupInstanceId: this.instance,
        topics: [
          {
            name: topic,
            topicId: "AAAAAAAAAAAAAAAAAAAAAA",
            partitions: [{ partitionIndex: partition, committedOffset: offset, committedMetadata: metadata }],
          },
        ],
      },
      9,
    );
    return errorName(topics[0]!.partitions[0]!.errorCode);
  }
}

async function state(): Promise<string> {
  const { groups } = await admin.call("DescribeGroups", { groups: [GROUP], includeAuthorizedOperations: false });
  return groups[0]!.groupState;
}

/** Two members, stable, the first one leading. */
async function pair(): Promise<[Member, Member]> {
  const [one, two] = [new Member("one"), new Member("two")];
  await one.enter();
  await one.sync({ [one.id]: "all" });
  const entering = two.enter();
  await settled();
  expect(await one.heartbeat()).toBe("REBALANCE_IN_PROGRESS");
  await one.join();
  await entering;
  const waiting = two.sync();
  await one.sync({ [one.id]: "left", [two.id]: "right" });
  expect(await waiting).toEqual({ error: "NONE", assignment: "right" });
  return [one, two];
}

describe("joining", () => {
  test("the first member leads a generation of its own", async () => {
    const one = new Member("one");
    const first = await one.join();
    expect(first).toMatchObject({ error: "MEMBER_ID_REQUIRED", generationId: -1, members: [] });
    expect(first.memberId).toMatch(/^one-[0-9a-f]{8}-/);
    const joined = await one.join();
    expect(joined).toMatchObject({
      error: "NONE",
      generationId: 1,
      protocolType: "consumer",
      protocolName: "range",
      leader: one.id,
      memberId: one.id,
      skipAssignment: false,
      members: [{ memberId: one.id, groupInstanceId: null, metadata: subscription("one range") }],
    });
    expect(await state()).toBe("CompletingRebalance");
    expect(await one.sync({ [one.id]: "everything" })).toEqual({ error: "NONE", assignment: "everything" });
    expect(await state()).toBe("Stable");
    expect(await one.heartbeat()).toBe("NONE");
  });

  test("a member id is never given out twice, not even by a group that was forgotten in between", async () => {
    const zombie = new Member("one");
    await zombie.enter();
    await zombie.sync({ [zombie.id]: "all" });
    await house.house.clock.advance(10 * 60_000); // its session ends, and nothing is left of the group
    expect(house.cluster.groups.groups.has(GROUP)).toBe(false);
    const one = new Member("one");
    await one.enter();
    await one.sync({ [one.id]: "all" });
    expect(one.id).not.toBe(zombie.id);
    expect(one.generation).toBe(zombie.generation);
    expect(await zombie.heartbeat()).toBe("UNKNOWN_MEMBER_ID");
  });

  test("before version 4 no member id is asked for first", async () => {
    const one = new Member("one");
    expect(await one.join({ version: 3 })).toMatchObject({ error: "NONE", generationId: 1 });
  });

  test("a second member waits at the barrier until the first has joined again", async () => {
    const [one, two] = await pair();
    expect([one.generation, two.generation]).toEqual([2, 2]);
    expect(await state()).toBe("Stable");
    expect(await one.heartbeat()).toBe("NONE");
    expect(await two.heartbeat()).toBe("NONE");
  });

  test("only the leader learns who is there", async () => {
    const one = new Member("one");
    await one.enter();
    await one.sync();
    const two = new Member("two");
    const entering = two.enter();
    await settled();
    const again = await one.join();
    expect(again.members.map(({ memberId }) => memberId)).toEqual([one.id, (await entering).memberId]);
    expect((await entering).members).toEqual([]);
    expect((await entering).leader).toBe(one.id);
  });

  test("whoever is not back in time is left behind", async () => {
    const [one, two] = await pair();
    const three = new Member("three");
    const entering = three.enter();
    await settled();
    const again = two.join();
    const before = house.house.clock.now();
    // Its session outlives the rebalance: the heartbeat goes on, the join does not come.
    for (let i = 0; i < 6; i++) {
      await house.house.clock.advance(5_500);
      if (i < 5) expect(await one.heartbeat()).toBe("REBALANCE_IN_PROGRESS");
    }
    expect((await again).generationId).toBe(3);
    expect((await entering).generationId).toBe(3);
    expect(house.house.clock.now() - before).toBeGreaterThanOrEqual(30_000);
    expect(await one.heartbeat()).toBe("UNKNOWN_MEMBER_ID");
    expect((await again).leader).toBe(two.id);
  });

  test("the protocol that most prefer among those all speak", async () => {
    const [one, two, three] = [new Member("one"), new Member("two"), new Member("three")];
    const protocols = { one: ["only-one", "range", "sticky"], two: ["sticky", "range"], three: ["sticky", "range"] };
    await one.enter({ protocols: protocols.one });
    await one.sync({}, { protocol: "only-one" });
    const entering = [two.enter({ protocols: protocols.two }), three.enter({ protocols: protocols.three })];
    await settled();
    expect((await one.join({ protocols: protocols.one })).protocolName).toBe("sticky");
    await Promise.all(entering);
    const four = new Member("four");
    expect((await four.join({ protocols: ["only-one"] })).error).toBe("INCONSISTENT_GROUP_PROTOCOL");
    expect((await four.join({ type: "connect", protocols: ["sticky"] })).error).toBe("INCONSISTENT_GROUP_PROTOCOL");
  });

  test("who cannot join", async () => {
    const one = new Member("one");
    expect((await one.join({ group: "" })).error).toBe("INVALID_GROUP_ID");
    expect((await one.join({ session: 5_999 })).error).toBe("INVALID_SESSION_TIMEOUT");
    expect((await one.join({ session: 1_800_001 })).error).toBe("INVALID_SESSION_TIMEOUT");
    expect((await one.join({ protocols: [] })).error).toBe("INCONSISTENT_GROUP_PROTOCOL");
    expect((await one.join({ type: "" })).error).toBe("INCONSISTENT_GROUP_PROTOCOL");
    one.id = "made-up";
    expect((await one.join()).error).toBe("UNKNOWN_MEMBER_ID");
    await new Member("two").enter();
    expect((await one.join()).error).toBe("UNKNOWN_MEMBER_ID");
  });

  test("a member id that is not used in time is worth nothing", async () => {
    const one = new Member("one");
    await one.join();
    await house.house.clock.advance(10_001);
    expect((await one.join()).error).toBe("UNKNOWN_MEMBER_ID");
  });

  test("a member that did not hear the answer hears it again; with other protocols it starts a rebalance", async () => {
    const [one, two] = await pair();
    expect(await two.join()).toMatchObject({ error: "NONE", generationId: 2, members: [] });
    expect(await state()).toBe("Stable");
    const again = two.join({ protocols: ["range", "more"] });
    await settled();
    expect(await state()).toBe("PreparingRebalance");
    await one.join();
    expect((await again).generationId).toBe(3);
  });

  test("a leader that joins again wants a new assignment", async () => {
    const [one, two] = await pair();
    const again = one.join();
    await settled();
    expect(await two.heartbeat()).toBe("REBALANCE_IN_PROGRESS");
    await two.join();
    expect((await again).generationId).toBe(3);
  });

  test("with a delay, members that come together need one rebalance", async () => {
    const late = new TestCluster({ group_initial_rebalance_delay: 3_000 });
    const saved = house;
    house = late;
    try {
      const [one, two, three] = [new Member("one"), new Member("two"), new Member("three")];
      const entering = [one.enter({ version: 3 }), two.enter({ version: 3 })];
      await settled();
      await late.house.clock.advance(2_900);
      entering.push(three.enter({ version: 3 }));
      await settled();
      await late.house.clock.advance(6_000);
      expect((await Promise.all(entering)).map(({ generationId }) => generationId)).toEqual([1, 1, 1]);
    } finally {
      house = saved;
      late[Symbol.dispose]();
    }
  });
});

describe("staying", () => {
  test("a silent member's session ends and the others rebalance", async () => {
    const [one, two] = await pair();
    await house.house.clock.advance(6_000);
    expect(await one.heartbeat()).toBe("NONE");
    await house.house.clock.advance(6_000);
    expect(await one.heartbeat()).toBe("REBALANCE_IN_PROGRESS");
    expect(await two.heartbeat()).toBe("UNKNOWN_MEMBER_ID");
    expect(await one.join()).toMatchObject({ generationId: 3, error: "NONE" });
  });

  test("a member that joined and never syncs is left behind", async () => {
    const one = new Member("one");
    await one.enter();
    for (let i = 0; i < 4; i++) {
      await house.house.clock.advance(9_000);
      await one.heartbeat();
    }
    expect(await one.heartbeat()).toBe("UNKNOWN_MEMBER_ID");
    expect(await state()).toBe("Empty");
  });

  test("a rebalance interrupts those that wait for the leader", async () => {
    const [one, two] = await pair();
    const again = two.join({ protocols: ["range", "more"] });
    await settled();
    await one.join();
    await again;
    const waiting = two.sync();
    await settled();
    const three = new Member("three");
    const entering = three.enter();
    expect(await waiting).toEqual({ error: "REBALANCE_IN_PROGRESS", assignment: "" });
    const back = [one.join(), two.join({ protocols: ["range", "more"] })];
    await Promise.all(back);
    expect((await entering).generationId).toBe(4);
  });

  test("generations, members and protocols are checked", async () => {
    const [one] = await pair();
    one.generation = 1;
    expect(await one.heartbeat()).toBe("ILLEGAL_GENERATION");
    expect((await one.sync()).error).toBe("ILLEGAL_GENERATION");
    one.generation = 2;
    expect((await one.sync({}, { protocol: "sticky" })).error).toBe("INCONSISTENT_GROUP_PROTOCOL");
    expect((await one.sync({}, { type: "connect" })).error).toBe("INCONSISTENT_GROUP_PROTOCOL");
    one.id = "made-up";
    expect(await one.heartbeat()).toBe("UNKNOWN_MEMBER_ID");
    expect((await one.sync()).error).toBe("UNKNOWN_MEMBER_ID");
    expect(await one.leave()).toBe("UNKNOWN_MEMBER_ID");
  });

  test("who leaves makes the others rebalance; the last one leaves an empty group", async () => {
    const [one, two] = await pair();
    expect(await two.leave()).toBe("NONE");
    expect(await one.heartbeat()).toBe("REBALANCE_IN_PROGRESS");
    await one.join();
    await one.sync({ [one.id]: "all" });
    expect(await one.leave()).toBe("NONE");
    expect(await state()).toBe("Empty");
    expect(await one.leave()).toBe("UNKNOWN_MEMBER_ID");
  });

  test("an expelled member finds out at its next heartbeat", async () => {
    const [one, two] = await pair();
    expect(house.cluster.expelMember(GROUP, two.id)).toBe(true);
    expect(house.cluster.expelMember(GROUP, two.id)).toBe(false);
    expect(await two.heartbeat()).toBe("UNKNOWN_MEMBER_ID");
    expect(await one.heartbeat()).toBe("REBALANCE_IN_PROGRESS");
  });
});

describe("static members (KIP-345)", () => {
  test("a new process takes its place without a rebalance, and the old one is fenced", async () => {
    const old = new Member("old", "i-1");
    const other = new Member("other");
    await old.enter();
    await old.sync({ [old.id]: "a" });
    const entering = other.enter();
    await settled();
    await old.join();
    await entering;
    const waiting = other.sync();
    await old.sync({ [old.id]: "a", [other.id]: "b" });
    await waiting;

    const fresh = new Member("old", "i-1");
    const joined = await fresh.join();
    expect(joined).toMatchObject({ error: "NONE", generationId: 2, skipAssignment: true, leader: fresh.id });
    expect(joined.members).toHaveLength(2);
    expect(await fresh.sync()).toEqual({ error: "NONE", assignment: "a" });
    expect(await other.heartbeat()).toBe("NONE");
    expect(await old.heartbeat()).toBe("FENCED_INSTANCE_ID");
    expect((await old.sync()).error).toBe("FENCED_INSTANCE_ID");
    expect(await old.commit(1)).toBe("FENCED_INSTANCE_ID");
    expect((await old.join()).error).toBe("FENCED_INSTANCE_ID");
  });

  test("it keeps its place in a rebalance it misses", async () => {
    const fixed = new Member("fixed", "i-1");
    await fixed.enter({ session: 100_000 });
    await fixed.sync();
    const other = new Member("other");
    const entering = other.enter({ session: 100_000 });
    await settled();
    await house.house.clock.advance(31_000);
    const joined = await entering;
    expect(joined.leader).toBe(other.id);
    expect(joined.members.map(({ groupInstanceId }) => groupInstanceId)).toEqual(["i-1", null]);
  });

  test("it leaves by its instance id alone", async () => {
    const fixed = new Member("fixed", "i-1");
    await fixed.enter();
    fixed.id = "";
    expect(await fixed.leave()).toBe("NONE");
    expect(await state()).toBe("Empty");
  });
});

describe("offsets", () => {
  const committed = async (partitions: number[] | null, version = 9, group = GROUP) => {
    const topics = partitions === null ? null : [{ name: "t", topicId: "AAAAAAAAAAAAAAAAAAAAAA", partitionIndexes: partitions }];
    if (version >= 8) {
      const { groups } = await admin.call("OffsetFetch", { groupId: "", groups: [{ groupId: group, topics }] }, version);
      return groups[0]!.topics.flatMap((topic) => topic.partitions);
    }
    return (await admin.call("OffsetFetch", { groupId: group, topics }, version)).topics.flatMap((topic) => topic.partitions);
  };

  test("are kept with their metadata", async () => {
    const [one] = await pair();
    expect(await one.commit(17, { metadata: "note" })).toBe("NONE");
    expect(await one.commit(5, { partition: 2 })).toBe("NONE");
    for (const version of [1, 2, 5, 7, 8, 9]) {
      expect(await committed([0, 1], version)).toEqual([
        { partitionIndex: 0, committedOffset: 17, committedLeaderEpoch: -1, metadata: "note", errorCode: 0 },
        { partitionIndex: 1, committedOffset: -1, committedLeaderEpoch: -1, metadata: "", errorCode: 0 },
      ]);
    }
    expect((await committed(null)).map(({ partitionIndex }) => partitionIndex)).toEqual([0, 2]);
    expect(await committed(null, 9, "nobody")).toEqual([]);
  });

  test("by topic id", async () => {
    const id = house.cluster.topics.get("t")!.id;
    const commit = (topicId: string) =>
      admin.call("OffsetCommit", {
        groupId: "tool",
        memberId: "",
        topics: [{ name: "", topicId, partitions: [{ partitionIndex: 1, committedOffset: 3, committedMetadata: null }] }],
      });
    expect((await commit(id)).topics[0]!.partitions[0]!.errorCode).toBe(0);
    expect((await commit("BBBBBBBBBBBBBBBBBBBBBA")).topics[0]!.partitions[0]!.errorCode).toBe(100);
    const { groups } = await admin.call("OffsetFetch", {
      groupId: "",
      groups: [{ groupId: "tool", topics: [{ name: "", topicId: id, partitionIndexes: [1] }] }],
    });
    expect(groups[0]!.topics[0]).toMatchObject({ topicId: id, partitions: [{ committedOffset: 3, errorCode: 0 }] });
  });

  test("who may commit", async () => {
    const [one, two] = await pair();
    const tool = new Member("tool");
    expect(await tool.commit(1)).toBe("UNKNOWN_MEMBER_ID"); // the group has members
    expect(await tool.commit(1, { group: "other" })).toBe("NONE");
    tool.generation = 3;
    expect(await tool.commit(1, { group: "nobody" })).toBe("GROUP_ID_NOT_FOUND");
    expect(await one.commit(1, { topic: "nowhere" })).toBe("UNKNOWN_TOPIC_OR_PARTITION");
    expect(await one.commit(1, { partition: 9 })).toBe("UNKNOWN_TOPIC_OR_PARTITION");
    expect(await one.commit(1, { metadata: "x".repeat(4097) })).toBe("OFFSET_METADATA_TOO_LARGE");
    one.generation = 1;
    expect(await one.commit(1)).toBe("ILLEGAL_GENERATION");
    one.generation = 2;
    const again = two.join({ protocols: ["range", "more"] });
    await settled();
    expect(await one.commit(1)).toBe("NONE"); // before it joins again
    await one.join();
    await again;
    expect(await one.commit(2)).toBe("REBALANCE_IN_PROGRESS");
  });

  test("go with the topic, with the group, and one by one", async () => {
    const tool = new Member("tool");
    await tool.commit(1);
    await tool.commit(2, { partition: 1 });
    const cut = await admin.call("OffsetDelete", {
      groupId: GROUP,
      topics: [{ name: "t", partitions: [{ partitionIndex: 1 }, { partitionIndex: 9 }] }],
    });
    expect(cut.topics[0]!.partitions.map(({ errorCode }) => errorName(errorCode))).toEqual(["NONE", "UNKNOWN_TOPIC_OR_PARTITION"]);
    expect((await committed(null)).map(({ partitionIndex }) => partitionIndex)).toEqual([0]);
    const remove = async (name: string) => errorName((await admin.call("DeleteGroups", { groupsNames: [name] })).results[0]!.errorCode);
    expect(await remove(GROUP)).toBe("NONE");
    expect(await remove(GROUP)).toBe("GROUP_ID_NOT_FOUND");
    expect(await committed(null)).toEqual([]);
    const one = new Member("one");
    await one.enter();
    expect(await remove(GROUP)).toBe("NON_EMPTY_GROUP");
    // Who has only been given a name is no member yet.
    await new Member("tool").commit(1, { group: "other" });
    const late = new Member("late");
    expect((await late.join({ group: "other" })).error).toBe("MEMBER_ID_REQUIRED");
    expect(await remove("other")).toBe("NONE");
    expect((await late.join({ group: "other" })).error).toBe("UNKNOWN_MEMBER_ID");
  });

  test("of a group that nobody uses are gone after a week", async () => {
    const tool = new Member("tool");
    await tool.commit(1);
    await house.house.clock.advance(6 * 86_400_000);
    expect(await committed([0])).toMatchObject([{ committedOffset: 1 }]);
    await house.house.clock.advance(86_400_000 + 120_000);
    expect(await committed([0])).toMatchObject([{ committedOffset: -1 }]);
  }, 30_000);

  test("of a topic that is subscribed cannot be deleted", async () => {
    const metadata = Buffer.from("000100000001000174" + "ffffffff", "hex");
    const client = house.connect(1, "subscriber");
    await client.call(
      "JoinGroup",
      {
        groupId: GROUP,
        sessionTimeoutMs: 10_000,
        rebalanceTimeoutMs: 1_000,
        memberId: "",
        protocolType: "consumer",
        protocols: [{ name: "range", metadata }],
      },
      3,
    );
    await admin.createTopic("u");
    const { topics } = await admin.call("OffsetDelete", {
      groupId: GROUP,
      topics: ["t", "u"].map((name) => ({ name, partitions: [{ partitionIndex: 0 }] })),
    });
    expect(topics.map(({ partitions }) => errorName(partitions[0]!.errorCode))).toEqual(["GROUP_SUBSCRIBED_TO_TOPIC", "NONE"]);
  });
});

describe("looking at groups", () => {
  test("members with what they said and got", async () => {
    const [one, two] = await pair();
    const { groups } = await admin.call("DescribeGroups", { groups: [GROUP, "nobody"], includeAuthorizedOperations: false });
    expect(groups[0]).toMatchObject({
      errorCode: 0,
      groupState: "Stable",
      protocolType: "consumer",
      protocolData: "range",
      members: [
        {
          memberId: one.id,
          clientId: "one",
          clientHost: "/memory",
          memberAssignment: Buffer.from("left"),
          memberMetadata: subscription("one range"),
        },
        { memberId: two.id, clientId: "two", memberAssignment: Buffer.from("right") },
      ],
    });
    expect(groups[1]).toMatchObject({ errorCode: 69, groupState: "Dead" });
    const old = await admin.call("DescribeGroups", { groups: ["nobody"], includeAuthorizedOperations: false }, 4);
    expect(old.groups[0]).toMatchObject({ errorCode: 0, groupState: "Dead" });
    const allowed = async (version: number) =>
      (await admin.call("DescribeGroups", { groups: ["nobody"], includeAuthorizedOperations: true }, version)).groups[0]!
        .authorizedOperations;
    expect([await allowed(5), await allowed(6)]).toEqual([3400, -0x8000_0000]);
    const third = house.connect(1, "third");
    third.send(
      "JoinGroup",
      {
        groupId: GROUP,
        sessionTimeoutMs: 10_000,
        rebalanceTimeoutMs: 10_000,
        memberId: "",
        protocolType: "consumer",
        protocols: [{ name: "range", metadata: subscription("x") }],
      },
      3,
    );
    await settled();
    const {
      groups: [unstable],
    } = await admin.call("DescribeGroups", { groups: [GROUP], includeAuthorizedOperations: false });
    expect(unstable!.groupState).toBe("PreparingRebalance");
    // What they had been given they have until there is something new.
    expect(unstable!.members.map(({ memberAssignment, memberMetadata }) => `${memberAssignment}${memberMetadata}`)).toEqual([
      "left",
      "right",
      "",
    ]);
  });

  test("listed by state and type", async () => {
    await pair();
    await new Member("tool").commit(1, { group: "idle" });
    const list = async (statesFilter: string[], typesFilter: string[]) =>
      (await admin.call("ListGroups", { statesFilter, typesFilter })).groups.map(({ groupId, groupState }) => `${groupId} ${groupState}`);
    expect(await list([], [])).toEqual(["g Stable", "idle Empty"]);
    expect(await list(["empty"], ["Classic"])).toEqual(["idle Empty"]);
    expect(await list([], ["consumer"])).toEqual([]);
  });

  test("only the coordinator answers", async () => {
    const three = new TestCluster({ brokers: 3 });
    try {
      const client = three.connect(1);
      const {
        coordinators: [found],
      } = await client.call("FindCoordinator", { key: "", keyType: 0, coordinatorKeys: ["some-group"] });
      expect(found).toMatchObject({ key: "some-group", errorCode: 0, host: "memory", port: 9091 + found!.nodeId });
      const asked = async (node: number) =>
        (await three.connect(node).call("Heartbeat", { groupId: "some-group", generationId: 1, memberId: "m" })).errorCode;
      for (const node of [1, 2, 3])
        expect(errorName(await asked(node))).toBe(node === found!.nodeId ? "UNKNOWN_MEMBER_ID" : "NOT_COORDINATOR");
      three.cluster.killBroker(found!.nodeId);
      const other = three.connect(found!.nodeId === 1 ? 2 : 1);
      const {
        coordinators: [next],
      } = await other.call("FindCoordinator", { key: "", keyType: 0, coordinatorKeys: ["some-group"] });
      expect(next!.nodeId).not.toBe(found!.nodeId);
      const { nodeId } = await other.call("FindCoordinator", { key: "some-group" }, 0);
      expect(nodeId).toBe(next!.nodeId);
    } finally {
      three[Symbol.dispose]();
    }
  });
});
