/** Each route is described, each described operation answers, and what is answered has the shape that is described. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { z } from "zod";
import { apiOf } from "../../src/admin/routes.ts";
import { house, type House } from "./house.ts";

let world: House;
let document: any;

beforeAll(async () => {
  world = await house({ kafka: { brokers: 2, default_replication_factor: 2 } as never });
  document = await world.ask("GET", "/api/openapi.json");
  await world.havoq.keepAccount();
});
afterAll(() => world[Symbol.asyncDispose]());

const operations = (): { path: string; method: string; operation: any }[] =>
  Object.entries<any>(document.paths).flatMap(([path, methods]) =>
    Object.entries<any>(methods).map(([method, operation]) => ({ path, method, operation })),
  );

/** What is asked of each operation so that it answers well; `prepare` runs before it. */
const CASES: Record<string, { path?: string; body?: unknown; prepare?: () => Promise<unknown> }> = {
  describeTopic: { path: "/api/kafka/topics/known" },
  createTopic: { body: { name: "made", partitions: 2 } },
  deleteTopic: { path: "/api/kafka/topics/doomed", prepare: () => world.ask("POST", "/api/kafka/topics", { name: "doomed" }) },
  configureTopic: { path: "/api/kafka/topics/known/config", body: { "retention.ms": 60000 } },
  addPartitions: { path: "/api/kafka/topics/known/partitions", body: { count: 4 } },
  browseTopic: { path: "/api/kafka/topics/known/messages?partition=0&from=end&limit=3" },
  describeGroup: { path: "/api/kafka/groups/g" },
  resetOffsets: { path: "/api/kafka/groups/g2/offsets", body: { topic: "known", to: "beginning" } },
  deleteGroup: {
    path: "/api/kafka/groups/g3",
    prepare: () => world.ask("POST", "/api/kafka/groups/g3/offsets", { topic: "known", to: "end" }),
  },
  loadFixtures: {
    body: { files: [{ file: "f.yaml", text: "identifier: f\ntopic: t\nvalue: x\nauto_produce: { enabled: false }", protocol: "kafka" }] },
  },
  startFixtures: { body: { id: "f" } },
  stopFixtures: { body: {} },
  disconnect: { body: { client: "nobody" } },
  block: { body: { client: "nobody" } },
  unblock: { body: { client: "nobody" } },
  declareExchange: { body: { name: "ex", type: "topic" } },
  deleteExchange: { path: "/api/amqp/exchanges/ex2", prepare: () => world.ask("POST", "/api/amqp/exchanges", { name: "ex2" }) },
  declareQueue: { body: { name: "q2", arguments: { "x-max-length": 5 } } },
  describeQueue: { path: "/api/amqp/queues/q" },
  deleteQueue: { path: "/api/amqp/queues/q4", prepare: () => world.ask("POST", "/api/amqp/queues", { name: "q4" }) },
  purgeQueue: { path: "/api/amqp/queues/q/purge" },
  browseQueue: { path: "/api/amqp/queues/q/messages" },
  bind: { body: { source: "amq.topic", destination: "q", routingKey: "a.#" } },
  unbind: { body: { source: "amq.topic", destination: "q", routingKey: "a.#" } },
  publish: { body: { protocol: "kafka", topic: "known", key: "k", payload: { n: 1 } } },
  search: { path: "/api/messages/search?text=n&protocol=kafka" },
  advanceClock: { body: { by: "1ms" } },
  await: {
    body: { topic: "known", messages: 1 },
    prepare: () => world.ask("POST", "/api/messages", { protocol: "kafka", topic: "known", payload: "x" }),
  },
  addRules: { body: { name: "r", fault: { drop: {} }, match: { topic: "nothing" } } },
  applyRules: { body: { name: "f.yaml", text: "- name: s\n  fault: { drop: {} }\n  match: { topic: nothing }\n" } },
  describeRule: {
    path: "/api/rules/known",
    prepare: () => world.ask("POST", "/api/rules", { name: "known", fault: { drop: {} }, match: { topic: "nothing" } }),
  },
  enableRule: { path: "/api/rules/known", body: { enabled: false } },
  removeRule: { path: "/api/rules/gone", prepare: () => world.ask("POST", "/api/rules", { name: "gone", fault: { drop: {} } }) },
  raiseEvent: { body: { event: "repaired" } },
  runScenario: { body: { name: "nothing much", steps: [{ do: { freezeMetadata: ["known"] } }] } },
  runChaosFile: { body: { text: "chaos:\n  - name: t\n    fault: { drop: {} }\n    match: { topic: nothing }\n" } },
  describeScenario: { path: "/api/scenarios/nothing%20much?wait=true" },
  stopScenario: { path: "/api/scenarios/nothing%20much" },
  control_partition: { body: { filter: { client: "nobody" } } },
  control_heal: { body: {} },
  control_electLeader: { body: { topic: "known", partition: 0 } },
  control_movePartition: { body: { topic: "known", partition: 0 } },
  control_freezeMetadata: { body: { topic: "known" } },
  control_refreshMetadata: { body: { topic: "known" } },
  control_moveCoordinator: {
    body: { group: "g" },
    // Another action killed it before.
    prepare: () => world.ask("POST", "/api/control/restartBroker", { broker: 2 }),
  },
  control_killBroker: { body: { broker: 2 } },
  control_restartBroker: { body: { broker: 2 } },
  control_crashBroker: { body: { broker: 2, records: 1 } },
  control_pauseBroker: { body: { broker: "mqtt" }, prepare: () => world.ask("POST", "/api/control/restartBroker", { broker: 2 }) },
  control_resumeBroker: { body: { broker: "mqtt" } },
  control_rebalance: { body: { group: "g" } },
  control_expelMember: { body: { group: "g", memberId: "m" } },
  control_redeliver: { body: { filter: { client: "nobody" } } },
  control_expireSession: { body: { clientId: "nobody" } },
  control_raiseAlarm: { body: {} },
  control_clearAlarm: { body: {} },
  control_advance: { body: { ms: "1ms" } },
};

/** These need a client that is there: they are asked for one that is not, and have to say so. */
const WITHOUT: Record<string, string> = {
  expelGroupMember: "/api/kafka/groups/g/members/m",
  disconnectOne: "/api/connections/999999",
  describeMqttSession: "/api/mqtt/sessions/nobody",
  expireMqttSession: "/api/mqtt/sessions/nobody",
};

describe("the OpenAPI document", () => {
  test("describes each route, and nothing else", () => {
    const described = operations()
      .map(({ path, method }) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ":$1")}`)
      .sort();
    const routed = apiOf(world.havoq)
      .routes.filter(({ method, path }) => method !== "ALL" && path !== "/api/openapi.json")
      .map(({ method, path }) => `${method} ${path}`);
    expect([...new Set(routed)].sort()).toEqual(described);
    expect(described.length).toBeGreaterThan(60);
  });

  test("is OpenAPI 3.1 with an id, a summary and a tag for each operation", () => {
    expect(document.openapi).toBe("3.1.0");
    const ids = operations().map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { path, operation } of operations()) {
      expect([path, typeof operation.summary, operation.tags?.length]).toEqual([path, "string", 1]);
      for (const [, name] of path.matchAll(/\{(\w+)\}/g)) {
        expect(operation.parameters).toContainEqual(expect.objectContaining({ name, in: "path", required: true }));
      }
    }
  });

  test("every operation answers in the shape that it promises", async () => {
    await world.ask("POST", "/api/kafka/topics", { name: "known", partitions: 2, replicationFactor: 2 });
    await world.ask("POST", "/api/messages", { protocol: "kafka", topic: "known", partition: 0, payload: { n: 1 } });
    await world.ask("POST", "/api/messages", { protocol: "mqtt", topic: "kept", payload: "x", retain: true });
    await world.ask("POST", "/api/kafka/groups/g/offsets", { topic: "known", to: "beginning" });
    await world.ask("POST", "/api/amqp/queues", { name: "q" });
    await world.ask("POST", "/api/messages", { protocol: "amqp", routingKey: "q", payload: "hello" });
    // Leaders move before their broker is killed, and things are made before they are looked at.
    for (const { path, method, operation } of operations()) {
      const id: string = operation.operationId;
      // These have tests of their own: one does not end, the other takes bytes.
      if (id === "followJournal" || id === "restoreSnapshot") continue;
      if (WITHOUT[id] !== undefined) {
        const refused = await world.refused(method.toUpperCase(), WITHOUT[id]);
        expect([id, refused.status, refused.error]).toEqual([id, 404, expect.stringContaining("there is no")]);
        continue;
      }
      const known = CASES[id];
      await known?.prepare?.();
      const asked = known?.path ?? path;
      expect([id, asked.includes("{")]).toEqual([id, false]);
      const response = await fetch(`${world.url}${asked}`, {
        method: method.toUpperCase(),
        ...(known?.body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(known.body) }),
      });
      const text = await response.text();
      expect([id, response.status, response.ok ? "" : text]).toEqual([id, 200, ""]);
      const described = operation.responses["200"].content;
      const type = response.headers.get("content-type")!.split(";")[0]!;
      expect([id, Object.keys(described)]).toEqual([id, expect.arrayContaining([type])]);
      if (type !== "application/json") continue;
      const schema = z.fromJSONSchema(withDefs(described[type].schema));
      const checked = schema.safeParse(JSON.parse(text));
      expect([id, checked.error?.issues ?? []]).toEqual([id, []]);
    }
  }, 30_000);

  test("a shape that is not kept to would be noticed", () => {
    const schema = z.fromJSONSchema(withDefs({ $ref: "#/components/schemas/Status" }));
    expect(schema.safeParse({ version: 1 }).success).toBe(false);
  });
});

/** A schema of the document as one that stands alone. */
function withDefs(schema: object): any {
  const text = JSON.stringify({ ...schema, $defs: document.components.schemas }).replaceAll("#/components/schemas/", "#/$defs/");
  return { $schema: "https://json-schema.org/draft/2020-12/schema", ...JSON.parse(text) };
}
