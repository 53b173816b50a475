import { describe, expect, test } from "bun:test";
import { REASONS } from "../../src/mqtt/wire/reasons.ts";
import { TestBroker, VERSIONS, type TestClient } from "./client.ts";

const will = { topic: "will", payload: Buffer.from("gone"), qos: 1, retain: false } as const;

async function watched(t: TestBroker, version: 3 | 4 | 5 = 4): Promise<TestClient> {
  const watcher = await t.client(version);
  await watcher.subscribe("will", { qos: 1 });
  return watcher;
}

describe.each(VERSIONS)("level %d", (version) => {
  test("is published when the connection breaks", async () => {
    const t = new TestBroker();
    const watcher = await watched(t);
    const client = await t.client(version, { will });
    await client.breakOff();
    expect(await watcher.message()).toBe("will gone");
  });

  test("is not published after DISCONNECT [MQTT-3.14.4-3]", async () => {
    const t = new TestBroker();
    const watcher = await watched(t);
    await (await t.client(version, { will })).disconnect();
    await watcher.nothing();
  });

  test("is published when the keep alive runs out, after one and a half times", async () => {
    const t = new TestBroker();
    const watcher = await watched(t);
    const client = await t.client(version, { will, keepAlive: 10 });
    await t.advance(14);
    client.send({ type: "PINGREQ" });
    await client.expect("PINGRESP");
    await t.advance(14);
    await watcher.nothing();
    await t.advance(2);
    await client.closedWith("Keep Alive timeout");
    expect(await watcher.message()).toBe("will gone");
  });

  test("is published when the client breaks the protocol", async () => {
    const t = new TestBroker();
    const watcher = await watched(t);
    const client = await t.client(version, { will });
    client.raw(0x36, 0);
    await client.closedWith("Malformed Packet");
    expect(await watcher.message()).toBe("will gone");
  });

  test("is published when another connection takes over", async () => {
    const t = new TestBroker();
    const watcher = await watched(t);
    await t.client(version, { will, clientId: "same" });
    await t.client(version, { clientId: "same" });
    expect(await watcher.message()).toBe("will gone");
  });

  test("is retained where it asks for it", async () => {
    const t = new TestBroker();
    await (await t.client(version, { will: { ...will, retain: true } })).breakOff();
    const late = await watched(t);
    expect(await late.message()).toBe("will gone");
  });

  test("a keep alive of 0 never runs out", async () => {
    const t = new TestBroker();
    const client = await t.client(version, { keepAlive: 0 });
    await t.advance(1e6);
    await client.nothing();
  });
});

test("the client can ask for it in its DISCONNECT", async () => {
  const t = new TestBroker();
  const watcher = await watched(t);
  const client = await t.client(5, { will });
  await client.disconnect(REASONS["Disconnect with Will Message"]);
  expect(await watcher.message()).toBe("will gone");
});

test("its properties come along, user properties in their order [MQTT-3.3.2-18]", async () => {
  const t = new TestBroker();
  const watcher = await watched(t, 5);
  const client = t
    .open(5)
    .raw(
      0x10,
      52,
      0,
      4,
      "MQTT",
      5,
      0b0000_0110,
      0,
      0,
      0,
      0,
      1,
      "c",
      25,
      0x26,
      0,
      1,
      "b",
      0,
      1,
      "1",
      0x26,
      0,
      1,
      "a",
      0,
      1,
      "2",
      0x26,
      0,
      1,
      "b",
      0,
      1,
      "3",
      0x03,
      0,
      1,
      "t",
      0,
      4,
      "will",
      0,
      4,
      "gone",
    );
  expect((await client.expect("CONNACK")).code).toBe(0);
  await client.breakOff();
  expect((await watcher.expect("PUBLISH")).properties).toEqual({
    userProperties: [
      ["b", "1"],
      ["a", "2"],
      ["b", "3"],
    ],
    contentType: "t",
  });
});

describe("with a delay", () => {
  const delayed = { ...will, properties: { willDelayInterval: 30 } };
  const lasting = { clientId: "c", cleanStart: false, properties: { sessionExpiryInterval: 100 } };

  test("it comes when the delay is over", async () => {
    const t = new TestBroker();
    const watcher = await watched(t);
    await (await t.client(5, { ...lasting, will: delayed })).breakOff();
    await t.advance(29);
    await watcher.nothing();
    await t.advance(1);
    expect(await watcher.message()).toBe("will gone");
    await t.advance(1000);
    await watcher.nothing();
  });

  test("it does not come when the client is back in time [MQTT-3.1.3-9]", async () => {
    const t = new TestBroker();
    const watcher = await watched(t);
    await (await t.client(5, { ...lasting, will: delayed })).breakOff();
    await t.advance(20);
    await t.client(5, lasting);
    await t.advance(1000);
    await watcher.nothing();
  });

  test("it does not come when another connection goes on with the session", async () => {
    const t = new TestBroker();
    const watcher = await watched(t);
    await t.client(5, { ...lasting, will: delayed });
    await t.client(5, lasting);
    await t.advance(1000);
    await watcher.nothing();
  });

  test("it comes with the end of the session, when that is earlier [MQTT-3.1.2-8]", async () => {
    const t = new TestBroker();
    const watcher = await watched(t);
    await (await t.client(5, { ...lasting, properties: { sessionExpiryInterval: 10 }, will: delayed })).breakOff();
    await t.advance(9);
    await watcher.nothing();
    await t.advance(1);
    expect(await watcher.message()).toBe("will gone");
  });

  test("it comes when the client starts afresh", async () => {
    const t = new TestBroker();
    const watcher = await watched(t);
    await (await t.client(5, { ...lasting, will: delayed })).breakOff();
    await t.client(5, { ...lasting, cleanStart: true });
    expect(await watcher.message()).toBe("will gone");
  });

  test("it comes at once when the session ends with the connection", async () => {
    const t = new TestBroker();
    const watcher = await watched(t);
    await (await t.client(5, { will: delayed })).breakOff();
    expect(await watcher.message()).toBe("will gone");
  });
});
