import { expect, test } from "bun:test";
import { errorName } from "../../src/kafka/wire/errors.ts";
import { TestCluster } from "./client.ts";

test("one request makes 10,000 partitions at most, in all its topics together", async () => {
  using house = new TestCluster({ default_partitions: 2 });
  const client = house.connect();
  const wanted = (name: string, numPartitions: number) => ({ name, numPartitions, replicationFactor: 1, assignments: [], configs: [] });
  const create = async (...topics: ReturnType<typeof wanted>[]) => {
    const answer = await client.call("CreateTopics", { topics });
    return answer.topics.map(({ errorCode }) => errorName(errorCode));
  };
  expect(await create(wanted("a", 9_999), wanted("b", -1))).toEqual(["POLICY_VIOLATION", "POLICY_VIOLATION"]);
  expect(await create(wanted("a", 2_000_000_000))).toEqual(["POLICY_VIOLATION"]);
  expect(house.cluster.topics.size).toBe(0);
  expect(await create(wanted("a", 9_998), wanted("b", -1))).toEqual(["NONE", "NONE"]);

  const grow = async (...topics: { name: string; count: number; assignments: null }[]) => {
    const { results } = await client.call("CreatePartitions", { topics, timeoutMs: 1000, validateOnly: false });
    return results.map(({ errorCode }) => errorName(errorCode));
  };
  expect(await grow({ name: "a", count: 2_000_000_000, assignments: null }, { name: "b", count: 3, assignments: null })).toEqual([
    "POLICY_VIOLATION",
    "POLICY_VIOLATION",
  ]);
  expect(await grow({ name: "a", count: 19_998, assignments: null }, { name: "b", count: 3, assignments: null })).toEqual([
    "POLICY_VIOLATION",
    "POLICY_VIOLATION",
  ]);
  expect(await grow({ name: "a", count: 10_000, assignments: null }, { name: "b", count: 3, assignments: null })).toEqual(["NONE", "NONE"]);
  expect(house.cluster.topics.get("a")!.partitions.length).toBe(10_000);
});
