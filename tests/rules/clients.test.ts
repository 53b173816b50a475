/** What a match names is found in what real clients send. */
import { expect, test } from "bun:test";
import type { Rule } from "../../src/rules/rule.ts";
import { World } from "../faults/world.ts";

const seen = (name: string, match: Rule["match"]): Rule => ({ name, ...(match && { match }), fault: { latency: { ms: 0 } } });

// From three hooks on that name topics they are sorted by it before anything is decoded.
test.each([1, 5])("a PUBLISH that says its topic by an alias only, under %d rules", async (rules) => {
  const others = Array.from({ length: rules - 1 }, (_, i) => seen(`other-${i}`, { operation: "PUBLISH", topic: `other/${i}` }));
  await using world = await World.start({ chaos: [...others, seen("aliased", { operation: "PUBLISH", topic: "m/+" })] });
  const client = await world.mqtt({ clientId: "aliasing", autoAssignTopicAlias: true });
  for (let i = 0; i < 4; i++) await client.publishAsync("m/1", String(i), { qos: 1 });
  expect(world.havoq.rules.get("aliased")!.fired).toBe(4);
});

test("the group that FindCoordinator asks for, in every version", async () => {
  await using world = await World.start({
    chaos: [
      seen("found", { operation: "FindCoordinator", group: "inventory" }),
      seen("strange", { operation: "FindCoordinator", group: "others" }),
    ],
  });
  await world.consumer("orders", { groupId: "inventory" });
  const byKafkaJs = world.havoq.rules.get("found")!.fired;
  expect(byKafkaJs).toBeGreaterThan(0);
  await world.admin().describeGroups({ groups: ["inventory"] });
  expect(world.havoq.rules.get("found")!.fired).toBeGreaterThan(byKafkaJs);
  expect(world.havoq.rules.get("strange")!.fired).toBe(0);
}, 10_000);
