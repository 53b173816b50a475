/** States are the same for POST /api/await, for scenarios and for havoq/testing: each is reached or not through both doors. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { z } from "zod";
import type { State } from "havoq/testing";
import mqtt, { type MqttClient } from "mqtt";
import { check } from "../../src/core/shape.ts";
import { state as shape } from "../../src/scenarios/states/grammar.ts";
import { house, type House } from "../admin/house.ts";

let h: House;
let screen: MqttClient;

beforeAll(async () => {
  h = await house({ kafka: { brokers: 2 } });
  await h.havoq.keepAccount();
  await h.ask("POST", "/api/kafka/topics", { name: "orders", partitions: 1 });
  await h.ask("POST", "/api/kafka/topics", { name: "others", partitions: 1 });
  for (const topic of ["orders", "orders", "orders", "others"])
    await h.ask("POST", "/api/messages", { protocol: "kafka", topic, payload: "x" });
  await h.ask("POST", "/api/kafka/groups/billing/offsets", { topic: "orders", to: 1 });
  await h.ask("POST", "/api/kafka/groups/billing/offsets", { topic: "others", to: "beginning" });
  await h.ask("POST", "/api/amqp/queues", { name: "tasks" });
  await h.ask("POST", "/api/messages", { protocol: "amqp", routingKey: "tasks", payload: "x" });
  await h.ask("POST", "/api/rules", { name: "lossy", match: { topic: "a" }, fault: { drop: {} } });
  screen = await mqtt.connectAsync(h.mqtt, { clientId: "screen-1" });
  await screen.publishAsync("a", "x", { qos: 1 });
});
afterAll(async () => {
  await screen.endAsync();
  await h[Symbol.asyncDispose]();
});

const HOLDS: [State, string][] = [
  [{ group: "billing", is: "empty", members: 0 }, "group billing is empty members 0"],
  [{ group: "billing", lag: 3 }, "group billing lag 3"],
  [{ group: "billing", lag: 10 }, "group billing lag 10"],
  [{ group: "billing", topic: "orders", lag: { from: 2, to: 2 } }, "group billing on orders lag 2 to 2"],
  [{ group: "unknown", is: "Dead", members: { to: 0 } }, "group unknown is Dead members up to 0"],
  [{ topic: "orders", records: 3, messages: 2 }, "topic orders records 3 messages 2"],
  [
    { queue: "tasks", depth: 1, unacknowledged: 0, consumers: 0, delivered: 0 },
    "queue tasks depth 1 unacknowledged 0 consumers 0 delivered 0",
  ],
  [{ queue: "tasks", vhost: "/", ready: { from: 1 }, unacked: 0 }, "queue tasks in / ready at least 1 unacked 0"],
  [{ client: "screen-*", is: "connected" }, "client screen-* is connected"],
  [{ client: "nobody", is: "disconnected" }, "client nobody is disconnected"],
  [{ session: "screen-1", connected: true }, "session screen-1 connected"],
  [{ session: "nobody", connected: false }, "session nobody not connected"],
  [
    { connections: { protocol: "mqtt", client: ["screen-1", "other"] }, count: 1 },
    'connections {"protocol":"mqtt","client":["screen-1","other"]} count 1',
  ],
  [{ rule: "lossy", fired: 1 }, "rule lossy fired 1"],
  [{ broker: 2, is: "up" }, "broker 2 is up"],
  [{ broker: "mqtt", is: "up" }, "broker mqtt is up"],
  [{ fired: "lossy" }, "lossy fired 1 times"],
];

const NOT: [State, string][] = [
  [{ group: "billing", is: "stable" }, "group billing is Empty, has 0 members"],
  [{ group: "billing", lag: 2 }, "group billing is Empty, has 0 members, lags 3 behind"],
  [{ group: "billing", lag: 0, topic: "unread" }, "group billing is Empty, has 0 members, committed nothing"],
  [{ group: "unknown", lag: 0 }, "there is no group unknown"],
  [{ topic: "orders", records: 2 }, "topic orders has 3 records"],
  [{ topic: "orders", messages: 4 }, "topic orders had 3 messages"],
  [{ topic: "unknown", messages: 1 }, "there is no topic unknown"],
  [{ queue: "tasks", ready: 2 }, "queue tasks has 1 messages that wait, 0 unacknowledged, 0 consumers"],
  [{ queue: "tasks", delivered: 1 }, "queue tasks has 1 messages that wait, 0 unacknowledged, 0 consumers, 0 delivered"],
  [{ queue: "unknown", depth: 0 }, "there is no queue unknown"],
  [{ client: "screen-1", is: "disconnected" }, "client screen-1 has 1 connections"],
  [{ session: "screen-1", connected: false }, "session screen-1 is connected"],
  [{ connections: {}, count: 0 }, "1 connections are open"],
  [{ rule: "lossy", fired: 2 }, "rule lossy fired 1 times"],
  [{ rule: "unknown", fired: 1 }, "there is no rule unknown"],
  [{ broker: 3, is: "up" }, "there is no broker 3"],
  [{ broker: 1, is: "paused" }, "broker 1 is up"],
  [{ fired: "lossy", times: 2 }, "lossy fired 1 times"],
  [{ messages: 100, on: "orders" }, "3 messages were stored on orders"],
];

const expected = async (states: readonly State[]) => {
  const run = await h.havoq.scenarios.run({ heal: false, expect: states.map((state) => ({ state })) });
  return (await run.done).expectations;
};

describe("each kind of state", () => {
  test.each(HOLDS)("%j holds: over HTTP", async (state) => {
    expect(await h.ask("POST", "/api/await", state)).toEqual({ waitedMs: expect.any(Number) });
  });

  test("and in a scenario", async () => {
    const told = await expected(HOLDS.map(([state]) => state));
    expect(told.map(({ text, passed }) => [text, passed])).toEqual(HOLDS.map(([, text]) => [text, true]));
  });

  test.each(NOT)("%j does not: 504 over HTTP, with what is seen instead", async (state, seen) => {
    expect(await h.refused("POST", "/api/await", { ...state, timeout: 0 })).toEqual({
      status: 504,
      error: expect.stringMatching(/^waited 0 ms in vain for /),
    });
    expect((await h.refused("POST", "/api/await", { ...state, timeout: 0 })).error.endsWith(`: ${seen}`)).toBe(true);
  });

  test("and in a scenario, which counts messages from its beginning on", async () => {
    const told = await expected(NOT.map(([state]) => state));
    expect(told.map(({ passed }) => passed)).toEqual(NOT.map(() => false));
    expect(told.map(({ detail }) => detail)).toEqual(
      NOT.map(([state, seen]) => ("messages" in state && "on" in state ? "0 messages were stored on orders" : seen)),
    );
  });

  test("all account is counted over HTTP", async () => {
    await h.ask("POST", "/api/await", { messages: 3, on: "orders" });
  });

  test("the schema that is published takes what is taken", () => {
    const published = z.fromJSONSchema(shape.schema as never);
    for (const [state] of [...HOLDS, ...NOT]) expect([state, published.safeParse(state).success]).toEqual([state, true]);
    for (const wrong of [{}, { client: "c" }]) expect(published.safeParse(wrong).success).toBe(false);
  });
});

const WRONG: [unknown, string][] = [
  [{}, "expected one of group, topic, queue, client, session, connections, rule, broker, fired, messages, not none"],
  [{ queue: "q", group: "g" }, "not group and queue"],
  ["stable", 'expected a state, not "stable"'],
  [{ group: "g" }, "group says who, not what: add is or members or lag"],
  [{ queue: "q" }, "add depth or unacknowledged or consumers or delivered"],
  [{ group: "g", is: "stabel" }, 'is: "stabel" is nothing that a group can be: did you mean Stable?'],
  [{ queue: "q", deepth: 1 }, "unknown key deepth: did you mean depth?"],
  [{ queue: "q", depth: 1, ready: 1 }, "ready: ready is depth: leave one of them out"],
  [{ topic: "t", messages: -1 }, "messages: expected"],
  [{ connections: { protocol: "smtp" }, count: 1 }, "connections.protocol"],
];

describe("what is wrong with a state is said", () => {
  test.each(WRONG)("%j", (given, message) => {
    expect(() => check(shape, given)).toThrow(message);
  });

  test("over HTTP with the place and the right word", async () => {
    expect(await h.refused("POST", "/api/await", { group: "g", is: "stabel" })).toEqual({
      status: 400,
      error: expect.any(String),
      path: ["is"],
      didYouMean: "Stable",
    });
    expect(await h.refused("POST", "/api/await", { client: "c", is: "connected", timout: 1 })).toEqual({
      status: 400,
      error: expect.any(String),
      path: ["timout"],
      didYouMean: "timeout",
    });
    expect((await h.refused("POST", "/api/await", { client: "c", is: "connected", timeout: "soon" })).status).toBe(400);
  });
});

describe("what is no time-out is not called one", () => {
  test("what cannot come as things are", async () => {
    expect(await h.refused("POST", "/api/await", { queue: "q", vhost: "//", depth: 0 })).toEqual({
      status: 404,
      error: "there is no vhost //: did you mean /?",
      didYouMean: "/",
    });
    await using other = await house({ amqp: { enabled: false } });
    expect(await other.refused("POST", "/api/await", { queue: "q", depth: 0 })).toEqual({ status: 404, error: "amqp is not enabled" });
    expect(await other.refused("POST", "/api/await", { messages: 1 })).toEqual({
      status: 404,
      error: expect.stringContaining("no account is kept"),
    });
  });

  test("an error while it is looked for", async () => {
    await using other = await house();
    other.havoq.control.brokers = () => {
      throw new Error("the brokers are not to be seen");
    };
    expect(await other.refused("POST", "/api/await", { broker: 1, is: "up" })).toEqual({
      status: 500,
      error: "the brokers are not to be seen",
    });
  });
});
