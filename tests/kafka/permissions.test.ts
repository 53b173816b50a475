import { expect, test } from "bun:test";
import type { AnyApi } from "../../src/kafka/broker/api.ts";
import apis from "../../src/kafka/broker/apis/index.ts";
import { CLUSTER_OPERATIONS, GROUP_OPERATIONS, TOPIC_OPERATIONS } from "../../src/kafka/broker/operations.ts";

/** Kafka's own order of operations, from Read = 3 on (`AclOperation`). */
const NUMBERS = ["Read", "Write", "Create", "Delete", "Alter", "Describe", "ClusterAction", "DescribeConfigs", "AlterConfigs"];
const number = (operation: string): number => [...NUMBERS, "IdempotentWrite"].indexOf(operation) + 3;
const POSSIBLE: Record<string, number> = { Topic: TOPIC_OPERATIONS, Group: GROUP_OPERATIONS, Cluster: CLUSTER_OPERATIONS };

test("an API needs what Kafka can allow on that kind of thing", () => {
  const wrong: string[] = [];
  for (const { name, needs } of apis as readonly AnyApi[]) {
    for (const need of needs) {
      const [operation, resource] = need.split(" ") as [string, string];
      if (resource === "TransactionalId") {
        if (operation !== "Write" && operation !== "Describe") wrong.push(`${name} needs ${need}`);
      } else if ((POSSIBLE[resource]! & (1 << number(operation))) === 0) wrong.push(`${name} needs ${need}`);
    }
  }
  expect(wrong).toEqual([]);
});

test("only what comes before a login needs nothing", () => {
  const free = (apis as readonly AnyApi[]).filter(({ needs }) => needs.length === 0).map(({ name }) => name);
  expect(free).toEqual(["SaslHandshake", "ApiVersions", "SaslAuthenticate"]);
});

test("what a request names a kind of thing by, it needs something on", () => {
  const wrong: string[] = [];
  for (const { name, needs, request } of apis as readonly AnyApi[]) {
    const fields = Object.keys(request.fields);
    const names = (kind: string, ...words: string[]): void => {
      if (fields.some((field) => words.includes(field)) && !needs.some((need) => need.endsWith(` ${kind}`))) wrong.push(`${name}: ${kind}`);
    };
    names("Topic", "topics", "topicData", "topicNames");
    names("Group", "groupId", "groups", "groupsNames");
    names("TransactionalId", "transactionalId");
  }
  expect(wrong).toEqual([]);
});
