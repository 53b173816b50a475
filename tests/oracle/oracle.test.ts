/** What the oracle finds, each with a real client; and that it finds nothing where nothing happened. */
import { describe, expect, test } from "bun:test";
import type { Consumer, Kafka } from "kafkajs";
import { canonicalReport, reportText } from "../../src/oracle/report.ts";
import { House } from "./house.ts";

const TIMEOUT = 30_000;
const texts = (n: number): string[] => Array.from({ length: n }, (_, i) => `m${i}`);

async function topic(kafka: Kafka, name: string, numPartitions = 1): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: name, numPartitions }] });
  await admin.disconnect();
}

/** A group that has read `count` messages, and committed them when it is stopped. */
async function read(
  kafka: Kafka,
  groupId: string,
  name: string,
  count: number,
  autoCommit = true,
): Promise<{ consumer: Consumer; got: string[] }> {
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 20 });
  const got: string[] = [];
  const all = Promise.withResolvers<void>();
  await consumer.connect();
  await consumer.subscribe({ topic: name, fromBeginning: true });
  await consumer.run({
    autoCommit,
    eachMessage: async ({ message }) => {
      if (got.push(message.value!.toString()) === count) all.resolve();
    },
  });
  if (count > 0) await all.promise;
  return { consumer, got };
}

test(
  "a clean run of all three protocols is found clean, and every message accounted for",
  async () => {
    await using house = await House.start();
    const kafka = house.kafka("shop");
    await topic(kafka, "orders", 3);
    const producer = house.with(kafka.producer());
    await producer.connect();
    for (const value of texts(60)) await producer.send({ topic: "orders", messages: [{ key: `k${value.length}`, value }, { value }] });
    const { consumer } = await read(kafka, "billing", "orders", 120);
    await consumer.disconnect();

    const screen = await house.mqtt("screen");
    const sensor = await house.mqtt("sensor");
    let seen = 0;
    screen.on("message", () => seen++);
    await screen.subscribeAsync({ "a/#": { qos: 2 } });
    // Readings repeat themselves: that is no duplicate.
    for (const qos of [0, 1, 2] as const) for (let i = 0; i < 20; i++) await sensor.publishAsync("a/b", "21", { qos });
    await house.until(() => seen === 60);
    await screen.endAsync();

    const connection = await house.amqp("worker");
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue("tasks");
    for (const value of texts(50)) channel.sendToQueue("tasks", Buffer.from(value));
    await channel.waitForConfirms();
    await channel.consume("tasks", (message) => channel.ack(message!));
    await house.until(() => house.report().totals.acknowledged === 120 + 60 + 50);

    const report = house.report();
    expect(report.findings).toEqual([]);
    expect(report).toMatchObject({ clean: true, seed: 7, leftOut: { messages: 0, unacknowledged: 0, findings: 0 } });
    expect(report.totals).toMatchObject({ stored: 230, duplicates: 0, delivered: 230, acknowledged: 230, lost: 0, refused: 0, expired: 0 });
    expect(report.places.map(({ place }) => place)).toEqual(["tasks", "orders-0", "orders-1", "orders-2", "a/b"]);
    expect(reportText(report)).toContain("230 stored");
    expect(reportText(report)).toContain("nothing lost, doubled, out of order or left over");
  },
  TIMEOUT,
);

describe("loss", () => {
  test(
    "Kafka: acknowledged and never stored, with the rule that did it",
    async () => {
      await using house = await House.start();
      const kafka = house.kafka("shop");
      await topic(kafka, "orders");
      house.havoq.rules.add({ name: "lossy", match: { topic: "orders", key: "b" }, fault: "drop" });
      const producer = house.with(kafka.producer());
      await producer.connect();
      for (const key of ["a", "b", "c"]) await producer.send({ topic: "orders", messages: [{ key, value: "x" }] });
      expect(house.findings()).toMatchObject([
        {
          kind: "loss",
          what: "acknowledged and never stored",
          protocol: "kafka",
          place: "orders-0",
          key: "b",
          client: "shop",
          faults: [{ rule: "lossy/message", n: 1, what: "drop" }],
        },
      ]);
      expect(house.report().places).toMatchObject([{ place: "orders-0", stored: 2, lost: 1 }]);
      expect(reportText(house.report())).toContain("by lossy/message: drop (journal 1)");
    },
    TIMEOUT,
  );

  test(
    "Kafka: taken out of a fetch, and passed over by the group",
    async () => {
      await using house = await House.start();
      const kafka = house.kafka("shop");
      await topic(kafka, "orders");
      house.havoq.seam.install([
        { name: "thief", file: "", plugin: { delivery: { match: { topic: "orders", key: "b" }, run: () => ({ kind: "drop" }) } } },
      ]);
      const producer = house.with(kafka.producer());
      await producer.connect();
      for (const key of ["a", "b", "c"]) await producer.send({ topic: "orders", messages: [{ key, value: "x" }] });
      const { consumer } = await read(kafka, "billing", "orders", 2);
      await consumer.disconnect();
      expect(house.findings()).toMatchObject([
        {
          kind: "loss",
          what: "kept from its consumer",
          key: "b",
          offset: 1,
          consumer: "billing",
          faults: [{ rule: "thief/delivery", what: "drop" }],
        },
      ]);
    },
    TIMEOUT,
  );

  test(
    "MQTT: a QoS 0 copy that a verdict took",
    async () => {
      await using house = await House.start();
      house.havoq.seam.install([
        { name: "thief", file: "", plugin: { delivery: { match: { client: "left" }, run: () => ({ kind: "drop" }) } } },
      ]);
      const [left, right, sensor] = await Promise.all([house.mqtt("left"), house.mqtt("right"), house.mqtt("sensor")]);
      await left.subscribeAsync("a");
      await right.subscribeAsync("a");
      const got = new Promise((resolve) => right.once("message", resolve));
      await sensor.publishAsync("a", "x");
      await got;
      expect(house.findings()).toMatchObject([
        { kind: "loss", what: "kept from its consumer", protocol: "mqtt", place: "a", consumer: "left", client: "left" },
      ]);
      expect(house.report().totals).toMatchObject({ stored: 1, delivered: 1, acknowledged: 1, lost: 1 });
    },
    TIMEOUT,
  );

  test(
    "AMQP: pushed out of a full queue, and rejected without a dead letter exchange; with one it is no loss",
    async () => {
      await using house = await House.start();
      const channel = await (await house.amqp("worker")).createConfirmChannel();
      await channel.assertQueue("short", { maxLength: 1 });
      await channel.assertQueue("dead");
      await channel.assertQueue("tasks", { deadLetterExchange: "", deadLetterRoutingKey: "dead" });
      for (const value of ["1", "2"]) channel.sendToQueue("short", Buffer.from(value));
      channel.sendToQueue("tasks", Buffer.from("3"));
      await channel.waitForConfirms();
      for (const queue of ["short", "tasks"]) channel.reject((await channel.get(queue)) as any, false);
      await channel.checkQueue("dead");
      expect(house.findings("loss").map(({ what, place }) => [what, place])).toEqual([
        ["pushed out of a full queue", "short"],
        ["rejected, and there is no dead letter exchange", "short"],
      ]);
      expect(house.report().places).toMatchObject([
        { place: "dead", stored: 1 },
        { place: "short", stored: 2, lost: 2 },
        { place: "tasks", stored: 1, deadLettered: 1, lost: 0 },
      ]);
    },
    TIMEOUT,
  );

  test(
    "gone with a crash, after they were acknowledged",
    async () => {
      await using house = await House.start();
      const kafka = house.kafka("shop");
      await topic(kafka, "orders");
      const producer = house.with(kafka.producer());
      await producer.connect();
      for (const value of texts(5)) await producer.send({ topic: "orders", messages: [{ key: "a", value }] });
      const screen = await house.mqtt("screen", { clean: false, properties: { sessionExpiryInterval: 1000 } });
      await screen.subscribeAsync("a", { qos: 1 });
      await screen.endAsync();
      const sensor = await house.mqtt("sensor");
      await sensor.publishAsync("a", "x", { qos: 1 });
      house.havoq.rules.add({ name: "power cut", fault: { crash: { broker: 1, records: 2 } } });
      await house.until(() => house.havoq.rules.get("power cut")!.fired === 1);
      house.havoq.control.crashBroker("mqtt", { ms: 60_000 });
      const what = "gone with a crash after it was acknowledged";
      expect(house.findings("loss")).toMatchObject([
        { what, place: "orders-0", offset: 3, faults: [{ rule: "power cut/clock", what: "crashBroker" }] },
        { what, place: "orders-0", offset: 4 },
        { what, place: "a", consumer: "screen" },
      ]);
    },
    TIMEOUT,
  );

  test(
    "MQTT: what the fault expire took is expired, and no leftover",
    async () => {
      await using house = await House.start();
      house.havoq.rules.add({ match: { topic: "a", direction: "out" }, when: { once: true }, fault: "expire" });
      const [reader, sensor] = [await house.mqtt("reader"), await house.mqtt("sensor")];
      await reader.subscribeAsync("a", { qos: 1 });
      const got = new Promise((resolve) => reader.once("message", (_topic, payload) => resolve(String(payload))));
      await sensor.publishAsync("a", "first", { qos: 1 });
      await sensor.publishAsync("a", "second", { qos: 1 });
      expect(await got).toBe("second");
      await reader.endAsync();
      while (house.havoq.control.connections({ client: "reader" }).length > 0) await Bun.sleep(1);
      expect(house.report()).toMatchObject({ clean: true, totals: { stored: 2, delivered: 1, acknowledged: 1, expired: 1 } });
    },
    TIMEOUT,
  );

  test(
    "expired messages are counted",
    async () => {
      await using house = await House.start();
      const channel = await (await house.amqp("worker")).createConfirmChannel();
      await channel.assertQueue("short", { messageTtl: 1000 });
      channel.sendToQueue("short", Buffer.from("x"));
      await channel.waitForConfirms();
      await house.havoq.clock.advance(1001);
      expect(house.report()).toMatchObject({ clean: true, totals: { stored: 1, expired: 1 } });
    },
    TIMEOUT,
  );
});

describe("duplicates", () => {
  test(
    "Kafka: stored by a retry after a lost answer",
    async () => {
      await using house = await House.start();
      const kafka = house.kafka("shop");
      await topic(kafka, "orders");
      const producer = house.with(kafka.producer());
      await producer.connect();
      await producer.send({ topic: "orders", messages: [{ key: "a", value: "0" }] });
      house.havoq.rules.add({
        name: "forgetful",
        match: { operation: "Produce" },
        when: { once: true },
        fault: { "lose-answer": { cut: true } },
      });
      await producer.send({ topic: "orders", messages: [{ key: "a", value: "1" }] });
      expect(house.findings()).toMatchObject([
        {
          kind: "duplicate",
          what: "stored more than once",
          place: "orders-0",
          key: "a",
          offset: 2,
          client: "shop",
          faults: [{ rule: "forgetful/response" }],
        },
      ]);
      expect(house.report().totals).toMatchObject({ stored: 3, duplicates: 1 });
    },
    TIMEOUT,
  );

  test(
    "an idempotent producer's retry is not stored, and not found",
    async () => {
      await using house = await House.start();
      const kafka = house.kafka("shop");
      await topic(kafka, "orders");
      house.havoq.rules.add({
        name: "forgetful",
        match: { operation: "Produce" },
        when: { once: true },
        fault: { "lose-answer": { cut: true } },
      });
      const producer = house.with(kafka.producer({ idempotent: true }));
      await producer.connect();
      await producer.send({ topic: "orders", messages: [{ key: "a", value: "1" }] });
      expect(house.report()).toMatchObject({ clean: true, totals: { stored: 1 } });
    },
    TIMEOUT,
  );

  test(
    "by a verdict, in all three protocols",
    async () => {
      await using house = await House.start();
      house.havoq.rules.add({ name: "twice", fault: "duplicate" });
      const kafka = house.kafka("shop");
      await topic(kafka, "orders");
      const producer = house.with(kafka.producer());
      await producer.connect();
      await producer.send({ topic: "orders", messages: [{ key: "a", value: "1" }] });
      const sensor = await house.mqtt("sensor");
      await sensor.publishAsync("a", "x", { qos: 1 });
      const channel = await (await house.amqp("worker")).createConfirmChannel();
      await channel.assertQueue("tasks");
      channel.sendToQueue("tasks", Buffer.from("x"));
      await channel.waitForConfirms();
      expect(house.findings("duplicate").map(({ protocol, faults }) => [protocol, faults[0]!.rule])).toEqual([
        ["kafka", "twice/message"],
        ["mqtt", "twice/message"],
        ["amqp", "twice/message"],
      ]);
    },
    TIMEOUT,
  );

  test(
    "by what the user says makes two messages one: a header or a path in the payload",
    async () => {
      for (const identity of [{ header: "id" }, { json: "order.id" }]) {
        await using house = await House.start({ identity });
        const channel = await (await house.amqp("worker")).createConfirmChannel();
        await channel.assertQueue("tasks");
        const send = (id: number, note: string) =>
          channel.sendToQueue("tasks", Buffer.from(JSON.stringify({ order: { id }, note })), { headers: { id } });
        send(1, "first");
        send(2, "other");
        send(1, "sent again with another note");
        await channel.waitForConfirms();
        expect(house.findings("duplicate")).toMatchObject([{ what: "stored more than once", place: "tasks", message: "1", faults: [] }]);
      }
    },
    TIMEOUT,
  );

  test(
    "places that are left alone are not looked at",
    async () => {
      await using house = await House.start({ identity: "content", ignore: ["ta*"] });
      const channel = await (await house.amqp("worker")).createConfirmChannel();
      for (const queue of ["tasks", "other"]) {
        await channel.assertQueue(queue);
        for (let i = 0; i < 2; i++) channel.sendToQueue(queue, Buffer.from("same"));
      }
      await channel.waitForConfirms();
      expect(house.findings("duplicate").map(({ place }) => place)).toEqual(["other"]);
    },
    TIMEOUT,
  );
});

describe("reordering per key", () => {
  test(
    "stored behind what came later",
    async () => {
      await using house = await House.start();
      let first = true;
      house.havoq.seam.install([
        {
          name: "shuffle",
          file: "",
          plugin: {
            message: {
              match: { topic: "orders" },
              run: () => (first ? ((first = false), { kind: "reorder", places: 1, ms: 60_000 }) : undefined),
            } as any,
          },
        },
      ]);
      const kafka = house.kafka("shop");
      await topic(kafka, "orders");
      const producer = house.with(kafka.producer());
      await producer.connect();
      await producer.send({
        topic: "orders",
        messages: [
          { key: "a", value: "1" },
          { key: "a", value: "2" },
          { key: "a", value: "3" },
        ],
      });
      expect(house.findings()).toMatchObject([
        {
          kind: "reordering",
          what: "stored behind what came later",
          key: "a",
          place: "orders-0",
          offset: 1,
          faults: [{ rule: "shuffle/message", what: "reorder" }],
        },
      ]);
    },
    TIMEOUT,
  );

  test(
    "a retry of a refused message that a later one overtook",
    async () => {
      await using house = await House.start();
      const channel = await (await house.amqp("worker")).createConfirmChannel();
      await channel.assertQueue("tasks");
      house.havoq.rules.add({ name: "refuse", when: { once: true }, match: { protocol: "amqp" }, fault: { error: { code: "nack" } } });
      const sent = (value: string): Promise<boolean> =>
        new Promise((resolve) => channel.sendToQueue("tasks", Buffer.from(value), {}, (error) => resolve(error === null)));
      const both = [sent("1"), sent("2")];
      expect(await Promise.all(both)).toEqual([false, true]);
      await sent("1");
      expect(house.findings()).toMatchObject([{ kind: "reordering", place: "tasks", faults: [{ rule: "refuse/message" }] }]);
    },
    TIMEOUT,
  );
});

test(
  "zombie commits: a member that was expelled commits what it had",
  async () => {
    await using house = await House.start();
    const kafka = house.kafka("shop");
    await topic(kafka, "orders");
    const producer = house.with(kafka.producer());
    await producer.connect();
    await producer.send({ topic: "orders", messages: [{ key: "a", value: "1" }] });
    const { consumer } = await read(kafka, "billing", "orders", 1, false);
    const group = house.havoq.kafka!.groups.groups.get("billing")!;
    const run = await house.havoq.scenarios.run({
      name: "purge",
      steps: [{ do: { expelMember: ["billing", [...group.members.keys()][0]!] } }],
    });
    expect((await run.done).passed).toBe(true);
    await consumer.commitOffsets([{ topic: "orders", partition: 0, offset: "1" }]).catch(() => undefined);
    expect(house.findings("zombie commit")[0]).toMatchObject({
      protocol: "kafka",
      place: "orders-0",
      offset: 1,
      client: "shop",
      faults: [{ rule: "scenario purge/clock", what: "expelMember" }],
    });
    await consumer.disconnect();
  },
  TIMEOUT,
);

describe("leftovers", () => {
  test(
    "Kafka: delivered and not committed, run by run",
    async () => {
      await using house = await House.start();
      const kafka = house.kafka("shop");
      await topic(kafka, "orders");
      const producer = house.with(kafka.producer());
      await producer.connect();
      for (const value of texts(10)) await producer.send({ topic: "orders", messages: [{ key: "a", value }] });
      const { consumer } = await read(kafka, "billing", "orders", 10, false);
      await consumer.commitOffsets([{ topic: "orders", partition: 0, offset: "4" }]);
      await consumer.disconnect();
      expect(house.findings()).toMatchObject([
        { kind: "leftover", what: "delivered and not committed", offset: 4, count: 6, consumer: "billing", client: "shop" },
      ]);
      expect(house.report().totals).toMatchObject({ delivered: 10, acknowledged: 4 });
    },
    TIMEOUT,
  );

  test(
    "AMQP and MQTT: delivered and not acknowledged, with tag and connection",
    async () => {
      await using house = await House.start();
      const connection = await house.amqp("worker");
      const channel = await connection.createConfirmChannel();
      await channel.assertQueue("tasks");
      for (const value of ["1", "2"]) channel.sendToQueue("tasks", Buffer.from(value));
      await channel.waitForConfirms();
      const got: any[] = [];
      await channel.consume("tasks", (message) => void got.push(message));
      await house.until(() => got.length === 2);
      channel.ack(got[0]);
      const [screen, sensor] = await Promise.all([house.mqtt("screen"), house.mqtt("sensor")]);
      house.havoq.seam.install([
        {
          name: "deaf",
          file: "",
          plugin: { request: { match: { operation: "PUBACK", client: "screen" }, run: () => ({ kind: "drop" }) } },
        },
      ]);
      await screen.subscribeAsync("a", { qos: 1 });
      const arrived = new Promise((resolve) => screen.once("message", resolve));
      await sensor.publishAsync("a", "x", { qos: 1 });
      await arrived;
      await house.until(() => house.havoq.journal.fired === 1);
      await house.until(() => house.report().totals.acknowledged === 1);
      const leftovers = house.findings("leftover");
      expect(leftovers).toMatchObject([
        { protocol: "amqp", place: "tasks", what: "delivered and not acknowledged", deliveryTag: 2, client: "worker", faults: [] },
        {
          protocol: "mqtt",
          place: "a",
          what: "delivered and not acknowledged",
          packetId: 1,
          client: "screen",
          faults: [{ rule: "deaf/request", what: "drop" }],
        },
      ]);
      expect(leftovers.every((finding) => typeof finding.connection === "number")).toBe(true);
      // Given back and taken again, it is redelivered, and in the end all is well.
      channel.nack(got[1]);
      await house.until(() => got.length === 3);
      channel.ack(got[2]);
      await house.until(() => house.findings("leftover").length === 1);
      expect(house.report().places).toMatchObject([{ place: "tasks", delivered: 2, acknowledged: 2, redelivered: 1 }, { place: "a" }]);
    },
    TIMEOUT,
  );
});

test(
  "memory is bounded: the oldest leave the account, and are counted",
  async () => {
    await using house = await House.start({ messages: 10 });
    const channel = await (await house.amqp("worker")).createConfirmChannel();
    await channel.assertQueue("tasks");
    for (const value of texts(25)) channel.sendToQueue("tasks", Buffer.from(value));
    await channel.waitForConfirms();
    expect(house.report()).toMatchObject({ totals: { stored: 25 }, leftOut: { messages: 15, unacknowledged: 15 } });
    expect(reportText(house.report())).toContain("no account of 15 older messages, 15 of them unacknowledged");
  },
  TIMEOUT,
);

test(
  "without one, nobody is told anything; switched on later it counts from then on",
  async () => {
    await using house = await House.start(false);
    expect(house.havoq.oracle).toBeNull();
    const channel = await (await house.amqp("worker")).createConfirmChannel();
    await channel.assertQueue("tasks");
    channel.sendToQueue("tasks", Buffer.from("before"));
    await channel.waitForConfirms();
    await house.havoq.keepAccount();
    channel.sendToQueue("tasks", Buffer.from("after"));
    await channel.waitForConfirms();
    expect(house.report().totals.stored).toBe(1);
    expect(canonicalReport(house.report())).toHaveLength(2);
  },
  TIMEOUT,
);
