/** What the API does is seen by real clients, and it shows what they did. */
import { describe, expect, test } from "bun:test";
import amqplib from "amqplib";
import { decodeMulti } from "@msgpack/msgpack";
import { Kafka, logLevel } from "kafkajs";
import mqtt from "mqtt";
import { drop } from "../../src/hooks/plugin.ts";
import { house, type House } from "./house.ts";

const kafkaOf = (h: House): Kafka => new Kafka({ clientId: "client", brokers: h.kafka, logLevel: logLevel.NOTHING });

describe("Kafka", () => {
  test("topics are made, configured, widened and deleted for its clients", async () => {
    await using h = await house();
    const admin = kafkaOf(h).admin();
    await admin.connect();
    await h.ask("POST", "/api/kafka/topics", { name: "orders", partitions: 2, config: { "retention.ms": 1000 } });
    await h.ask("POST", "/api/kafka/topics/orders/partitions", { count: 3 });
    await h.ask("PATCH", "/api/kafka/topics/orders/config", { "max.message.bytes": 5000, "retention.ms": null });
    const [topic] = (await admin.fetchTopicMetadata({ topics: ["orders"] })).topics;
    expect(topic!.partitions.length).toBe(3);
    const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [{ type: 2, name: "orders" }] });
    const value = (name: string): string => resources[0]!.configEntries.find(({ configName }) => configName === name)!.configValue;
    expect([value("max.message.bytes"), value("retention.ms")]).toEqual(["5000", "604800000"]);
    await h.ask("DELETE", "/api/kafka/topics/orders");
    expect(await admin.listTopics()).not.toContain("orders");
    await admin.disconnect();

    expect(await h.refused("POST", "/api/kafka/topics", { name: "a b" })).toEqual({
      status: 400,
      error: expect.stringContaining("letters"),
    });
    expect(await h.refused("POST", "/api/kafka/topics", { name: "x", config: { "retention.m": 1 } })).toEqual({
      status: 400,
      error: expect.any(String),
      path: ["config", "retention.m"],
      didYouMean: "retention.ms",
    });
    await h.ask("POST", "/api/kafka/topics", { name: "x" });
    expect((await h.refused("POST", "/api/kafka/topics", { name: "x" })).status).toBe(409);
    expect(await h.refused("GET", "/api/kafka/topics/xx")).toEqual({
      status: 404,
      error: "there is no topic xx: did you mean x?",
      didYouMean: "x",
    });
    expect((await h.refused("POST", "/api/kafka/topics", { name: "y", partitons: 1 })).didYouMean).toBe("partitions");
  }, 20_000);

  test("a group is awaited, described with its lag, expelled from, reset and deleted", async () => {
    await using h = await house();
    await h.ask("POST", "/api/kafka/topics", { name: "orders", partitions: 1 });
    for (let n = 0; n < 5; n++)
      await h.ask("POST", "/api/messages", { protocol: "kafka", topic: "orders", key: `k${n}`, payload: { n }, headers: { n: String(n) } });
    const read: string[] = [];
    const consumer = kafkaOf(h).consumer({ groupId: "g", sessionTimeout: 6000, heartbeatInterval: 200, maxWaitTimeInMs: 100 });
    await consumer.connect();
    await consumer.subscribe({ topic: "orders", fromBeginning: true });
    await consumer.run({ autoCommit: false, eachMessage: async ({ message }) => void read.push(message.value!.toString()) });
    await h.ask("POST", "/api/await", { group: "g", is: "stable", members: 1 });
    await consumer.commitOffsets([{ topic: "orders", partition: 0, offset: "2" }]);
    const group = await h.ask("GET", "/api/kafka/groups/g");
    expect(group).toEqual(
      expect.objectContaining({
        state: "Stable",
        lag: 3,
        offsets: [expect.objectContaining({ topic: "orders", partition: 0, committed: 2, end: 5, lag: 3 })],
      }),
    );
    expect(group.members).toEqual([expect.objectContaining({ clientId: "client", assignment: [{ topic: "orders", partitions: [0] }] })]);
    expect((await h.refused("POST", "/api/kafka/groups/g/offsets", { topic: "orders", to: "beginning" })).status).toBe(409);
    expect((await h.refused("DELETE", "/api/kafka/groups/g")).status).toBe(409);
    await h.ask("DELETE", `/api/kafka/groups/g/members/${encodeURIComponent(group.members[0].memberId)}`);
    await h.ask("POST", "/api/await", { group: "g", is: "stable", members: 1 });
    expect((await h.ask("GET", "/api/kafka/groups/g")).members[0].memberId).not.toBe(group.members[0].memberId);
    await consumer.disconnect();
    await h.ask("POST", "/api/await", { group: "g", is: "empty" });
    await h.ask("POST", "/api/kafka/groups/g/offsets", { topic: "orders", to: 4 });
    const admin = kafkaOf(h).admin();
    await admin.connect();
    expect((await admin.fetchOffsets({ groupId: "g", topics: ["orders"] }))[0]!.partitions).toEqual([
      expect.objectContaining({ partition: 0, offset: "4" }),
    ]);
    await admin.disconnect();
    expect((await h.ask("GET", "/api/kafka/groups/g")).lag).toBe(1);
    await h.ask("DELETE", "/api/kafka/groups/g");
    expect(await h.ask("GET", "/api/kafka/groups")).toEqual([]);
  }, 30_000);

  test("messages are browsed from both ends and searched, without being consumed", async () => {
    await using h = await house();
    const producer = kafkaOf(h).producer();
    await producer.connect();
    await h.ask("POST", "/api/kafka/topics", { name: "orders", partitions: 1 });
    await producer.send({
      topic: "orders",
      messages: Array.from({ length: 20 }, (_, n) => ({ key: `k${n}`, value: JSON.stringify({ n }), headers: { parity: String(n % 2) } })),
    });
    await producer.send({
      topic: "orders",
      messages: [
        { key: "bytes", value: Buffer.from([0xff, 0x00, 0xfe]) },
        { key: "gone", value: null },
      ],
    });
    await producer.disconnect();
    const browse = async (query: string): Promise<any[]> => h.ask("GET", `/api/kafka/topics/orders/messages${query}`);
    expect((await browse("?limit=2")).map(({ offset, json }) => [offset, json])).toEqual([
      [0, { n: 0 }],
      [1, { n: 1 }],
    ]);
    expect((await browse("?partition=0&from=18")).map(({ offset }) => offset)).toEqual([18, 19, 20, 21]);
    const [binary, tombstone] = await browse("?from=end&limit=2");
    expect(binary).toEqual(expect.objectContaining({ key: "bytes", payload: "/wD+", encoding: "base64" }));
    expect(tombstone).toEqual(expect.objectContaining({ key: "gone", payload: null }));
    const search = async (query: string): Promise<number[]> =>
      (await h.ask("GET", `/api/messages/search?${query}`)).messages.map(({ offset }: any) => offset);
    expect(await search("text=%22n%22:7")).toEqual([7]);
    expect(await search("key=k1?&header=parity:1")).toEqual([11, 13, 15, 17, 19]);
    expect(await search("destination=ord*&key=k3")).toEqual([3]);
    expect(await search("destination=nothing")).toEqual([]);
    expect(await h.ask("GET", "/api/messages/search?limit=5")).toEqual(expect.objectContaining({ scanned: 5, truncated: true }));
  }, 20_000);
});

describe("MQTT", () => {
  test("sessions are listed and expired, retained messages listed and cleared, clients blocked and disconnected", async () => {
    await using h = await house();
    const client = await mqtt.connectAsync(h.mqtt, { clientId: "sensor", reconnectPeriod: 0 });
    await client.subscribeAsync("in/#", { qos: 1 });
    await client.publishAsync("kept/1", "21.5", { retain: true, qos: 1 });
    expect(await h.ask("GET", "/api/mqtt/sessions")).toEqual([
      expect.objectContaining({ clientId: "sensor", connected: true, subscriptions: [{ filter: "in/#", qos: 1 }] }),
    ]);
    expect(await h.ask("GET", "/api/mqtt/retained?filter=kept/%23")).toEqual([
      expect.objectContaining({ destination: "kept/1", payload: "21.5" }),
    ]);
    expect(await h.ask("GET", "/api/mqtt/topics")).toEqual([{ topic: "kept/1", messages: 1, retained: true }]);
    expect(await h.ask("DELETE", "/api/mqtt/retained")).toEqual({ cleared: 1 });
    expect((await h.ask("GET", "/api/mqtt/stats")).retained).toBe(0);
    expect((await h.refused("GET", "/api/mqtt/retained?filter=a%23b")).status).toBe(400);

    const came = new Promise<string>((resolve) => client.once("message", (topic, payload) => resolve(`${topic} ${payload.toString()}`)));
    expect(await h.ask("POST", "/api/connections/block", { client: "sens*" })).toEqual({ connections: 1 });
    await h.ask("POST", "/api/messages", { protocol: "mqtt", topic: "in/1", qos: 1, payload: "aGk=", encoding: "base64" });
    expect(await h.ask("POST", "/api/connections/unblock", { client: "sens*" })).toEqual({ connections: 1 });
    expect(await came).toBe("in/1 hi");

    const [connection] = await h.ask("GET", "/api/connections?protocol=mqtt");
    expect(connection).toEqual(expect.objectContaining({ clientId: "sensor", transport: "tcp" }));
    const closed = new Promise<void>((resolve) => client.once("close", () => resolve()));
    await h.ask("DELETE", `/api/connections/${connection.id}`);
    await closed;
    await h.ask("POST", "/api/await", { connections: { client: "sensor" }, count: 0 });
    expect((await h.refused("DELETE", `/api/connections/${connection.id}`)).status).toBe(404);

    const lasting = await mqtt.connectAsync(h.mqtt, { clientId: "lasting", clean: false, reconnectPeriod: 0 });
    await lasting.subscribeAsync("x", { qos: 1 });
    await lasting.endAsync();
    await h.ask("POST", "/api/await", { session: "lasting", connected: false });
    await h.ask("DELETE", "/api/mqtt/sessions/lasting");
    const again = await mqtt.connectAsync(h.mqtt, { clientId: "lasting", clean: false, reconnectPeriod: 0 });
    expect(h.havoq.mqtt!.sessions.get("lasting")!.subscriptions.size).toBe(0);
    await again.endAsync();
  }, 20_000);
});

describe("AMQP", () => {
  test("what is declared and bound here routes its clients' messages; queues are browsed, awaited, purged, deleted", async () => {
    await using h = await house();
    await h.ask("POST", "/api/amqp/exchanges", { name: "events", type: "topic" });
    await h.ask("POST", "/api/amqp/queues", { name: "mail/1", arguments: { "x-max-length": 3 } });
    await h.ask("POST", "/api/amqp/bindings", { source: "events", destination: "mail/1", routingKey: "mail.#" });
    const connection = await amqplib.connect(h.amqp);
    const channel = await connection.createConfirmChannel();
    for (let n = 0; n < 4; n++) channel.publish("events", "mail.new", Buffer.from(`{"n":${n}}`), { headers: { n }, messageId: `m${n}` });
    await channel.waitForConfirms();
    const path = `/api/amqp/queues/${encodeURIComponent("mail/1")}`;
    expect(await h.ask("GET", path)).toEqual(
      expect.objectContaining({ ready: 3, unacked: 0, messages: 3, consumers: 0, arguments: { "x-max-length": 3 } }),
    );
    const messages = await h.ask("GET", `${path}/messages?limit=2`);
    expect(messages.map(({ json, headers, properties, key }: any) => [json, headers, properties.messageId, key])).toEqual([
      [{ n: 1 }, { n: 1 }, "m1", "mail.new"],
      [{ n: 2 }, { n: 2 }, "m2", "mail.new"],
    ]);
    expect((await h.ask("GET", path)).ready).toBe(3);
    expect(await h.ask("GET", "/api/amqp/bindings?exchange=events")).toEqual([
      { vhost: "/", source: "events", destination: "mail/1", destinationType: "queue", routingKey: "mail.#", arguments: {} },
    ]);
    await channel.prefetch(1);
    await channel.consume("mail/1", () => undefined);
    await h.ask("POST", "/api/await", { queue: "mail/1", unacked: 1, ready: 2, consumers: 1 });
    expect(await h.ask("POST", `${path}/purge`)).toEqual({ messages: 2 });
    expect((await h.refused("DELETE", `${path}?ifUnused=true`)).status).toBe(409);
    expect((await h.refused("POST", "/api/amqp/exchanges", { name: "events", type: "fanout" })).status).toBe(409);
    expect((await h.refused("POST", "/api/amqp/exchanges", { name: "e2", type: "nothing" })).status).toBe(400);
    expect((await h.refused("POST", "/api/amqp/bindings", { source: "nowhere", destination: "mail/1" })).status).toBe(404);
    expect((await h.refused("DELETE", "/api/amqp/exchanges/amq.topic")).status).toBe(403);
    await h.ask("DELETE", path);
    expect(await h.ask("GET", "/api/amqp/queues")).toEqual([]);
    await connection.close();
  }, 20_000);
});

describe("the journal", () => {
  const dropping = {
    plugins: [
      { name: "p", file: "", plugin: { message: { match: { protocol: "mqtt" as const, topic: "d" }, run: () => drop("as asked") } } },
    ],
  };

  test("comes as JSON lines and as MessagePack, of one rule, from where one left off", async () => {
    await using h = await house({}, dropping);
    const client = await mqtt.connectAsync(h.mqtt);
    for (let i = 0; i < 3; i++) await client.publishAsync("d", "x", { qos: 1 });
    await client.endAsync();
    const lines = async (query: string): Promise<any[]> =>
      (await (await fetch(`${h.url}/api/journal${query}`)).text())
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
    expect((await lines("")).map(({ n, seed }) => n ?? `seed ${seed}`)).toEqual(["seed 7", 1, 2, 3]);
    expect((await lines("?after=1&limit=1")).map(({ n }) => n)).toEqual([undefined, 3]);
    expect((await lines("?rule=other")).length).toBe(1);
    const packed = [...decodeMulti(new Uint8Array(await (await fetch(`${h.url}/api/journal?format=msgpack&rule=p`)).arrayBuffer()))];
    expect(packed).toEqual(await lines("?rule=p"));
  }, 20_000);

  test("follows as server-sent events, from where one left off", async () => {
    await using h = await house({}, dropping);
    const client = await mqtt.connectAsync(h.mqtt);
    const publish = () => client.publishAsync("d", "x", { qos: 1 });
    for (let i = 0; i < 3; i++) await publish();
    const events = async (headers: Record<string, string>, count: number, meanwhile: () => Promise<unknown>): Promise<number[]> => {
      const stop = new AbortController();
      const response = await fetch(`${h.url}/api/journal/events`, { headers, signal: stop.signal });
      expect(response.headers.get("content-type")).toBe("text/event-stream");
      const ids: number[] = [];
      let text = "";
      let started = false;
      for await (const chunk of response.body!) {
        text += new TextDecoder().decode(chunk);
        const parts = text.split("\n\n");
        text = parts.pop()!; // what is not whole yet
        for (const part of parts) {
          const id = /^id: (\d+)\ndata: (.*)$/m.exec(part);
          if (id === null) continue;
          expect(JSON.parse(id[2]!)).toEqual(expect.objectContaining({ n: Number(id[1]), verdict: "drop", reason: "as asked" }));
          ids.push(Number(id[1]));
        }
        if (!started) await meanwhile();
        started = true;
        if (ids.length >= count) break;
      }
      stop.abort();
      return ids;
    };
    expect(await events({ "Last-Event-ID": "1" }, 3, publish)).toEqual([2, 3, 4]);
    expect(await events({}, 1, publish)).toEqual([5]);
    await client.endAsync();
  }, 20_000);
});

test("a snapshot puts back what was there", async () => {
  await using h = await house();
  await h.ask("POST", "/api/messages", { protocol: "kafka", topic: "orders", payload: "one" });
  await h.ask("POST", "/api/amqp/queues", { name: "q", durable: true });
  await h.ask("POST", "/api/messages", { protocol: "mqtt", topic: "kept", payload: "x", retain: true });
  const bytes = await (await fetch(`${h.url}/api/snapshot`)).arrayBuffer();
  await h.ask("DELETE", "/api/kafka/topics/orders");
  await h.ask("DELETE", "/api/amqp/queues/q");
  await h.ask("DELETE", "/api/mqtt/retained");
  const put = (body: string | ArrayBuffer): Promise<Response> =>
    fetch(`${h.url}/api/snapshot`, { method: "PUT", body, headers: { "content-type": "application/msgpack" } });
  expect((await put("no snapshot")).status).toBe(400);
  expect((await put(bytes)).status).toBe(200);
  expect((await h.ask("GET", "/api/kafka/topics/orders/messages")).map(({ payload }: any) => payload)).toEqual(["one"]);
  expect((await h.ask("GET", "/api/amqp/queues")).map(({ name }: any) => name)).toEqual(["q"]);
  expect((await h.ask("GET", "/api/mqtt/retained")).map(({ payload }: any) => payload)).toEqual(["x"]);
});

test("the clock moves, and what was due happens", async () => {
  await using h = await house();
  await h.ask("POST", "/api/amqp/queues", { name: "short", arguments: { "x-message-ttl": 86_400_000 } });
  await h.ask("POST", "/api/messages", { protocol: "amqp", routingKey: "short", payload: "x" });
  const before = await h.ask("GET", "/api/clock");
  expect((await h.ask("POST", "/api/clock/advance", { by: "23h" })).now - before.now).toBeGreaterThanOrEqual(82_800_000);
  expect((await h.ask("GET", "/api/amqp/queues/short")).ready).toBe(1);
  await h.ask("POST", "/api/clock/advance", { by: "1h" });
  expect((await h.ask("GET", "/api/amqp/queues/short")).ready).toBe(0);
  expect((await h.refused("POST", "/api/clock/advance", { by: "an hour" })).path).toEqual(["by"]);
});

test("the control surface, and readiness", async () => {
  await using h = await house({ kafka: { brokers: 2 } as never });
  const ready = async (): Promise<number> => (await fetch(`${h.url}/health/ready`)).status;
  expect(await ready()).toBe(200);
  await h.ask("POST", "/api/control/killBroker", { broker: 1 });
  expect(await ready()).toBe(200);
  await h.ask("POST", "/api/control/pauseBroker", { broker: 2 });
  expect(await ready()).toBe(503);
  expect((await h.refused("GET", "/health/ready")) as unknown).toEqual({ status: "not ready", problems: ["kafka: no broker is up"] });
  await h.ask("POST", "/api/control/restartBroker", { broker: 1 });
  expect(await ready()).toBe(200);
  await h.ask("POST", "/api/control/killBroker", { broker: "amqp" });
  expect((await h.refused("GET", "/health/ready")) as unknown).toEqual({ status: "not ready", problems: ["amqp: nothing listens"] });
  expect((await h.refused("POST", "/api/control/killBroker", { broker: 9 })).error).toContain("there are 1 to 2");
  expect((await h.refused("POST", "/api/control/killBrokr", { broker: 1 })).didYouMean).toBe("/api/control/killBroker");
});

test("rules act on clients until they are removed or disabled", async () => {
  await using h = await house();
  const [rule] = await h.ask("POST", "/api/rules", { name: "lossy", match: { protocol: "mqtt", topic: "a" }, fault: { drop: {} } });
  expect(rule).toEqual(expect.objectContaining({ id: "lossy", enabled: true, fired: 0 }));
  const client = await mqtt.connectAsync(h.mqtt);
  const counts = async (): Promise<number> =>
    (await h.ask("GET", "/api/mqtt/topics")).find(({ topic }: any) => topic === "a")?.messages ?? 0;
  const publish = () => client.publishAsync("a", "x", { qos: 1 });
  await publish();
  expect((await h.ask("POST", "/api/await", { fired: "lossy" })).waitedMs).toBeGreaterThanOrEqual(0);
  expect((await h.ask("GET", "/api/rules/lossy")).fired).toBe(1);
  const before = await counts();
  await h.ask("PATCH", "/api/rules/lossy", { enabled: false });
  await publish();
  expect((await h.ask("GET", "/api/rules/lossy")).fired).toBe(1);
  await h.ask("PATCH", "/api/rules/lossy", { enabled: true });
  await publish();
  expect((await h.ask("GET", "/api/rules/lossy")).fired).toBe(2);
  await h.ask("DELETE", "/api/rules/lossy");
  await publish();
  expect(h.havoq.journal.fired).toBe(2);
  expect(await counts()).toBeGreaterThan(before);
  await client.endAsync();
  const bad = await h.refused("POST", "/api/rules", [{ fault: { drop: {} } }, { match: { topc: "a" }, fault: { drop: {} } }]);
  expect(bad).toEqual({
    status: 400,
    error: expect.stringContaining("did you mean topic?"),
    path: expect.arrayContaining(["match", "topc"]),
    didYouMean: "topic",
  });
  expect(await h.ask("GET", "/api/rules")).toEqual([]);
}, 20_000);
