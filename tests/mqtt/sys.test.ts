import { expect, test } from "bun:test";
import { settled } from "../support/memory.ts";
import { TestBroker } from "./client.ts";

test("$SYS tells of the broker, at once and when something changes", async () => {
  const t = new TestBroker();
  const client = await t.client(4);
  await client.subscribe("$SYS/broker/clients/#");
  const first = (await client.rest()).flatMap((packet) => (packet.type === "PUBLISH" ? [packet] : []));
  expect(first.map(({ topic, payload, retain }) => [topic, payload.toString(), retain]).sort()).toEqual([
    ["$SYS/broker/clients/connected", "1", true],
    ["$SYS/broker/clients/disconnected", "0", true],
    ["$SYS/broker/clients/total", "1", true],
  ]);
  await t.client(4, { clientId: "other", cleanStart: false });
  await t.advance(10);
  const changed = (await client.rest()).flatMap((packet) =>
    packet.type === "PUBLISH" ? [[packet.topic, packet.payload.toString(), packet.retain]] : [],
  );
  expect(changed).toEqual([
    ["$SYS/broker/clients/connected", "2", false],
    ["$SYS/broker/clients/total", "2", false],
  ]);
  await t.advance(10);
  await client.nothing();
});

test("uptime and version are there by name", async () => {
  const t = new TestBroker();
  await t.advance(100);
  const client = await t.client(5);
  await client.subscribe("$SYS/broker/uptime");
  expect(await client.message()).toMatch(/^\$SYS\/broker\/uptime 10\d seconds$/);
  await client.subscribe("$SYS/broker/version");
  expect(await client.message()).toStartWith("$SYS/broker/version havoq ");
});

test("clients cannot write there", async () => {
  const t = new TestBroker();
  const client = await t.client(5);
  await client.subscribe("$SYS/own");
  client.publish("$SYS/own", "x", { qos: 1, id: 3, retain: true }).publish("$SYS/own", "y");
  expect(await client.rest()).toEqual([{ type: "PUBACK", id: 3, code: 0x87 }]);
  await settled();
  expect(t.broker.retained.size).toBe(0);
});

test("nor can their Wills", async () => {
  const t = new TestBroker();
  const watcher = await t.client(5);
  await watcher.subscribe("$SYS/own");
  await (await t.client(5, { will: { topic: "$SYS/own", payload: Buffer.from("x"), qos: 0, retain: true } })).breakOff();
  await watcher.nothing();
  expect(t.broker.retained.size).toBe(0);
});

test("a shared subscription is no topic to publish to", async () => {
  const client = await new TestBroker().client(5);
  client.publish("$share/g/t", "x", { qos: 1, id: 3 });
  expect(await client.rest()).toEqual([{ type: "PUBACK", id: 3, code: 0x87 }]);
});
