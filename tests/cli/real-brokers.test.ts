/** The same commands against brokers we did not write: those that are installed here. */
import { afterAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { startKafka } from "../../bench/peers/kafka.ts";
import { startMosquitto } from "../../bench/peers/mosquitto.ts";
import { NotInstalled } from "../../bench/peers/peer.ts";
import { installed, startRabbit } from "../amqp/rabbitmq.ts";
import { benchAtRate, ok, run } from "./support.ts";

const stops: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const stop of stops) await stop();
}, 60_000);

/** Null where it is not there, which is told. */
async function peer<P extends AsyncDisposable>(what: string, start: () => Promise<P>): Promise<P | null> {
  try {
    const running = await start();
    stops.push(async () => running[Symbol.asyncDispose]());
    return running;
  } catch (error) {
    if (!(error instanceof NotInstalled)) throw error;
    console.warn(`skipped: ${what} is not installed`);
    return null;
  }
}

test("Mosquitto", async () => {
  const mosquitto = await peer("Mosquitto", startMosquitto);
  if (mosquitto === null) return;
  const server = ["--server", `127.0.0.1:${mosquitto.port}`];
  for (const version of ["5", "3.1.1"]) {
    await ok([
      "mqtt",
      "publish",
      "--topic",
      `a/${version}`,
      "--payload",
      version,
      "--retain",
      "--qos",
      "2",
      "--mqtt-version",
      version,
      ...server,
    ]);
    expect(
      (await ok(["mqtt", "subscribe", "--topic", `a/${version}`, "-v", "--count", "1", "--mqtt-version", version, ...server])).out,
    ).toBe(`a/${version} ${version}\n`);
  }
  expect((await ok(["mqtt", "publish", "--topic", "nobody", "--payload", "x", "--qos", "1", ...server])).out).toContain(
    "nobody is subscribed",
  );
  expect(
    (await ok(["mqtt", "topics", "list", "--retained", "--json", ...server])).json.map(({ topic }: { topic: string }) => topic),
  ).toEqual(["a/3.1.1", "a/5"]);
  expect((await ok(["mqtt", "topics", "clear-retained", "--json", ...server])).json).toEqual({ cleared: ["a/3.1.1", "a/5"] });
  expect((await ok(["mqtt", "topics", "list", "--retained", "--json", ...server])).json).toEqual([]);
  const stats = (await ok(["mqtt", "stats", "--interval", "10ms", "--json", ...server])).json;
  expect(stats.version).toContain("mosquitto");
  expect(stats.connected).toBeGreaterThanOrEqual(0);
  await benchAtRate(200, 500, "--protocol", "mqtt", ...server);
  expect((await run(["kafka", "topics", "list", ...server])).err).toContain("is an MQTT broker");
  expect((await run(["amqp", "queue", "purge", "--name", "q", ...server])).err).toContain("is an MQTT broker");
}, 60_000);

test("RabbitMQ and its management plugin", async () => {
  if (installed() === null) return console.warn("skipped: RabbitMQ is not installed");
  const rabbit = await startRabbit({ management: true });
  stops.push(() => rabbit.stop());
  const server = ["--server", `127.0.0.1:${rabbit.port}`];
  const lists = ["--management", `http://127.0.0.1:${rabbit.managementPort}`, "--json"];
  await ok(["amqp", "exchange", "declare", "--name", "news", "--type", "topic", "--durable", ...server]);
  await ok(["amqp", "queue", "declare", "--name", "mail", "--durable", "--argument", "x-message-ttl=60000", ...server]);
  await ok(["amqp", "queue", "bind", "--exchange", "news", "--queue", "mail", "--routing-key", "a.*", ...server]);
  await ok([
    "amqp",
    "publish",
    "--exchange",
    "news",
    "--routing-key",
    "a.b",
    "--body",
    "one",
    "--property",
    "contentType=text/plain",
    ...server,
  ]);
  await ok(["amqp", "publish", "--routing-key", "mail", "--body", "two", ...server]);
  expect(await run(["amqp", "publish", "--exchange", "news", "--routing-key", "b", "--body", "x", ...server])).toMatchObject({ code: 1 });
  expect((await ok(["amqp", "get", "--queue", "mail", "--count", "2", ...server])).out).toBe("one\ntwo\n");
  expect((await ok(["amqp", "queue", "list", "--vhost", "/", ...lists])).json).toMatchObject([
    { name: "mail", vhost: "/", durable: true, arguments: { "x-message-ttl": 60000 } },
  ]);
  expect((await ok(["amqp", "exchange", "list", ...lists])).json).toContainEqual({
    name: "news",
    vhost: "/",
    type: "topic",
    durable: true,
    autoDelete: false,
    internal: false,
    arguments: {},
  });
  expect((await ok(["amqp", "bindings", "list", "--queue", "mail", "--exchange", "news", ...lists])).json).toEqual([
    { vhost: "/", source: "news", destination: "mail", destinationType: "queue", routingKey: "a.*", arguments: {} },
  ]);
  expect((await ok(["amqp", "consume", "--queue", "mail", "--count", "2", ...server])).out).toBe("one\ntwo\n");
  expect((await ok(["amqp", "queue", "delete", "--name", "mail", "--if-empty", "--if-unused", ...server])).out).toContain("messages 0");
  expect(await run(["amqp", "queue", "purge", "--name", "mail", ...server])).toMatchObject({
    code: 1,
    err: "havoq: the broker says NOT_FOUND - no queue 'mail' in vhost '/'\n",
  });
  expect((await run(["amqp", "queue", "purge", "--name", "mail", "--password", "wrong", ...server])).err).toContain(
    "the broker refuses the login",
  );
  expect((await run(["amqp", "queue", "purge", "--name", "mail", "--vhost", "none", ...server])).err).toContain("check --vhost");
  expect((await run(["amqp", "queue", "list", "--password", "wrong", ...lists])).err).toContain("refuses the login");
  await benchAtRate(200, 500, "--protocol", "amqp", ...server);
  expect((await run(["mqtt", "stats", ...server])).err).toContain("is an AMQP broker");
}, 120_000);

describe("Apache Kafka", () => {
  test("topics, messages, groups", async () => {
    // Fetching it takes minutes: bench/kafka.ts does.
    if (!existsSync(resolve(import.meta.dirname, "../../.cache/kafka.classpath")))
      return console.warn("skipped: Kafka is not fetched (bun bench/kafka.ts)");
    const kafka = await peer("Kafka", startKafka);
    if (kafka === null) return;
    const server = ["--server", `127.0.0.1:${kafka.port}`];
    expect(
      (await ok(["kafka", "topics", "create", "orders", "--partitions", "3", "--config", "retention.ms=60000", "--json", ...server])).json,
    ).toEqual({ name: "orders", partitions: 3, replicationFactor: 1 });
    expect((await run(["kafka", "topics", "create", "orders", ...server])).err).toContain("TOPIC_ALREADY_EXISTS");
    expect((await run(["kafka", "topics", "create", "bad", "--config", "retetion.ms=1", ...server])).err).toContain("INVALID_CONFIG");
    expect(
      (
        await ok(["kafka", "produce", "--topic", "orders", "--key", "k", "--header", "a=b", "--partition", "1", "--json", ...server], {
          stdin: "one\ntwo\n",
        })
      ).json.places,
    ).toEqual([{ topic: "orders", partition: 1, offset: 0 }]);
    expect((await ok(["kafka", "consume", "--topic", "orders", "--count", "2", "-v", ...server])).out).toBe(
      "orders-1@0  k  one  a=b\norders-1@1  k  two  a=b\n",
    );
    expect((await ok(["kafka", "consume", "--topic", "orders", "--group", "g", "--count", "1", ...server])).out).toBe("one\n");
    expect((await ok(["kafka", "consumer-groups", "list", "--json", ...server])).json).toContainEqual({
      group: "g",
      state: expect.any(String),
      protocolType: "consumer",
    });
    const described = (await ok(["kafka", "consumer-groups", "describe", "--group", "g", "--json", ...server])).json;
    expect(described.partitions).toContainEqual({ topic: "orders", partition: 1, offset: 1, end: 2, lag: 1, member: null });
    expect(
      (await ok(["kafka", "consumer-groups", "reset-offsets", "--group", "g", "--topic", "orders", "--to", "end", "--json", ...server]))
        .json.partitions[1],
    ).toEqual({ partition: 1, offset: 2 });
    await ok(["kafka", "consumer-groups", "delete", "--group", "g", ...server]);
    expect((await run(["kafka", "consumer-groups", "describe", "--group", "g", ...server])).err).toContain("there is no group g");
    expect((await run(["kafka", "consume", "--topic", "ordres", ...server])).err).toContain("did you mean orders?");
    const { partitions, config } = (await ok(["kafka", "topics", "describe", "orders", "--json", ...server])).json;
    expect(partitions[1]).toMatchObject({ start: 0, end: 2, leader: 1 });
    expect(config).toContainEqual({ name: "retention.ms", value: "60000", set: true });
    await ok(["kafka", "topics", "delete", "orders", ...server]);
    expect((await ok(["kafka", "topics", "list", "--json", ...server])).json).toEqual([]);
    await benchAtRate(200, 500, "--protocol", "kafka", ...server);
    expect((await run(["mqtt", "stats", ...server])).err).toContain("is a Kafka broker");
  }, 120_000);
});
