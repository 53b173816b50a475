import { describe, expect, test } from "bun:test";
import { failure, until, World } from "./world.ts";

const leaderOf = (world: World) => world.havoq.control.topics().find(({ name }) => name === "t")!.partitions[0]!.leader;
describe("leader-change", () => {
  test("the producer finds the new leader, of a topic with replicas and of one without; when it is over the old ones lead", async () => {
    for (const factor of [1, 3]) {
      await using world = await World.start({ kafka: { default_replication_factor: factor } });
      const producer = await world.producer();
      await producer.send({ topic: "t", messages: [{ value: "1" }] });
      const before = leaderOf(world);
      const rule = world.rule({ match: { topic: "t", operation: "Produce" }, fault: "leader-change" });
      await producer.send({ topic: "t", messages: [{ value: "2" }] });
      expect(leaderOf(world)).not.toBe(before);
      rule.remove();
      await producer.send({ topic: "t", messages: [{ value: "3" }] });
      expect(leaderOf(world)).toBe(before);
      expect(await (await world.consumer("t", { groupId: "g" })).until(3)).toEqual(["1", "2", "3"]);
    }
  }, 30_000);

  test("what takes it back is no firing, though other rules fired in between", async () => {
    await using world = await World.start();
    await (await world.producer()).send({ topic: "t", messages: [{ value: "1" }] });
    const rules = [5, 10].map((seconds) =>
      world.rule({ match: { protocol: "kafka" }, fault: { "leader-change": { topic: "t" } }, for: `${seconds}s` }),
    );
    for (const rule of rules) await world.fired(rule);
    await world.havoq.clock.advance(20_000);
    expect(rules.map(({ fired }) => fired)).toEqual([1, 1]);
  }, 20_000);
});

describe("stale-metadata", () => {
  test("KafkaJS: NOT_LEADER_OR_FOLLOWER until metadata follows", async () => {
    await using world = await World.start();
    const producer = await world.producer({ retry: { retries: 2, initialRetryTime: 10, maxRetryTime: 20 } });
    await producer.send({ topic: "t", messages: [{ value: "1" }] });
    const before = leaderOf(world);
    const rule = world.rule({ match: { protocol: "kafka" }, fault: { "stale-metadata": { topic: "t" } } });
    await world.fired(rule);
    expect(leaderOf(world)).not.toBe(before);
    const error = await failure(producer.send({ topic: "t", messages: [{ value: "2" }] }));
    expect((error.cause ?? error).type).toBe("NOT_LEADER_FOR_PARTITION");
    rule.remove();
    await producer.send({ topic: "t", messages: [{ value: "3" }] });
    expect(await (await world.consumer("t", { groupId: "g" })).until(2)).toEqual(["1", "3"]);
  }, 20_000);

  test("@platformatic/kafka is told the old leader", async () => {
    await using world = await World.start();
    await (await world.producer()).send({ topic: "t", messages: [{ value: "1" }] });
    const before = leaderOf(world);
    const told = async () => (await world.admin().metadata({ topics: ["t"] })).topics.get("t")!.partitions[0]!.leader;
    const rule = world.rule({ match: { protocol: "kafka" }, fault: { "stale-metadata": { topic: "t" } }, for: "10s" });
    await world.fired(rule);
    expect(await told()).toBe(before);
    await world.havoq.clock.advance(10_000);
    expect(await told()).toBe(leaderOf(world));
    expect(await told()).not.toBe(before);
  }, 20_000);
});

describe("coordinator-move", () => {
  test("members find the new coordinator and stay members, without a rebalance", async () => {
    await using world = await World.start();
    const producer = await world.producer();
    await producer.send({ topic: "t", messages: [{ value: "1" }] });
    const reader = await world.consumer("t", { groupId: "g" });
    await reader.until(1);
    const group = () => world.havoq.control.groups().find(({ id }) => id === "g")!;
    const { coordinator: before, generation, members } = group();
    const rule = world.rule({ match: { protocol: "kafka" }, fault: { "coordinator-move": { group: "g" } } });
    await world.fired(rule);
    expect(group().coordinator).not.toBe(before);
    const refused = () =>
      ["Heartbeat", "OffsetCommit"].some((api) => world.havoq.kafka!.metrics.apis.get(api)?.errors.has("NOT_COORDINATOR"));
    await until(refused);
    await producer.send({ topic: "t", messages: [{ value: "2" }] });
    expect(await reader.until(2)).toEqual(["1", "2"]);
    expect(group().members.map(({ clientId }) => clientId)).toEqual(members.map(({ clientId }) => clientId));
    expect(group().generation).toBeGreaterThanOrEqual(generation);
  }, 20_000);
});

describe("rebalance", () => {
  test("every member joins again, and nothing is lost", async () => {
    await using world = await World.start({ kafka: { default_partitions: 4 } });
    const producer = await world.producer();
    await producer.send({ topic: "t", messages: [{ value: "1", partition: 0 }] });
    const readers = [
      await world.consumer("t", { groupId: "g", clientId: "a" }),
      await world.consumer("t", { groupId: "g", clientId: "b" }),
    ];
    const state = () => world.havoq.control.groups().find(({ id }) => id === "g")!;
    await until(() => state().state === "Stable" && state().members.length === 2);
    const { generation } = state();
    const joins = readers.map((reader) => reader.joins);
    world.rule({ match: { protocol: "kafka" }, fault: { rebalance: { group: "g" } } });
    await until(() => readers.every((reader, i) => reader.joins > joins[i]!));
    expect(state().generation).toBe(generation + 1);
    await producer.send({ topic: "t", messages: [0, 1, 2, 3].map((partition) => ({ value: `p${partition}`, partition })) });
    await until(() => readers.flatMap(({ values }) => values).filter((value) => value.startsWith("p")).length === 4);
  }, 20_000);
});
