import { expect, test } from "bun:test";
import { Kafka, logLevel } from "kafkajs";
import { outcome, World } from "../support/chaos.ts";

const why = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "in",
    (error) => `${error.type ?? ""} ${error.code ?? ""} ${error.message} ${error.cause?.type ?? ""} ${error.errors?.[0]?.type ?? ""}`,
  );

test("Kafka: SASL says that the login failed", async () => {
  await using world = await World.under([{ match: { protocol: "kafka", client: "stranger" }, fault: "auth-fail" }]);
  const enter = (clientId: string) => {
    const sasl = { mechanism: "plain" as const, username: "alice", password: "secret" };
    const admin = new Kafka({
      clientId,
      brokers: [`127.0.0.1:${world.kafkaPort}`],
      sasl,
      logLevel: logLevel.NOTHING,
      retry: { retries: 0 },
    }).admin();
    return why(admin.connect().then(() => admin.disconnect()));
  };
  expect(await enter("stranger")).toContain("Authentication failed: Invalid username or password");
  expect(await enter("friend")).toBe("in");
}, 15_000);

test("Kafka: what the rule names is not authorized", async () => {
  await using world = await World.under([
    { match: { protocol: "kafka", topic: "secret" }, fault: "auth-fail" },
    { match: { protocol: "kafka", group: "secret-*" }, fault: "auth-fail" },
    { match: { operation: "JoinGroup", group: "joiners" }, fault: "auth-fail" },
  ]);
  const producer = await world.producer();
  const send = (topic: string) => why(producer.send({ topic, messages: [{ value: "x" }] }));
  expect(await send("secret")).toContain("TOPIC_AUTHORIZATION_FAILED");
  expect(await send("open")).toBe("in");
  const crash = async (groupId: string) => {
    const consumer = world.kafka("consumer").consumer({ groupId });
    const crashed = new Promise<Error & { type?: string }>((resolve) =>
      consumer.on("consumer.crash", ({ payload }) => resolve(payload.error)),
    );
    await consumer.connect();
    await consumer.subscribe({ topic: "open" });
    void consumer.run({ eachMessage: async () => undefined }).catch(() => undefined);
    const { type, name } = await crashed;
    await consumer.disconnect();
    return type ?? name;
  };
  expect(await crash("joiners")).toBe("GROUP_AUTHORIZATION_FAILED");
  // As Kafka does it, FindCoordinator is refused already: KafkaJS then finds no coordinator.
  expect(await crash("secret-readers")).toBe("KafkaJSGroupCoordinatorNotFound");
}, 15_000);

test("MQTT: Not authorized, in the words of each version", async () => {
  await using world = await World.under([{ match: { protocol: "mqtt", client: "stranger" }, fault: "auth-fail" }]);
  expect(await why(world.mqtt("stranger"))).toContain("Not authorized");
  expect(await why(world.mqtt("stranger", { protocolVersion: 4 }))).toContain("Not authorized");
  expect(await why(world.mqtt("friend"))).toBe("in");
}, 15_000);

test("MQTT: a topic that a client may not use", async () => {
  await using world = await World.under([{ match: { protocol: "mqtt", topic: "secret/#" }, fault: "auth-fail" }]);
  const client = await world.mqtt("m");
  expect(await why(client.subscribeAsync("secret/a"))).toContain("Not authorized");
  expect(await why(client.publishAsync("secret/a", "x", { qos: 1 }))).toContain("Not authorized");
  // Below 5.0 there are no words for it.
  expect(await why((await world.mqtt("old", { protocolVersion: 4 })).publishAsync("secret/a", "x", { qos: 1 }))).toBe("in");
  expect(world.havoq.mqtt!.publishedByTopic().get("secret/a")).toBeUndefined();
  await client.subscribeAsync("open");
}, 15_000);

test("AMQP: ACCESS_REFUSED at the login, or the connection just ends where the client cannot read it", async () => {
  await using world = await World.under([{ match: { protocol: "amqp", client: "stranger" }, fault: "auth-fail" }]);
  expect(await why(world.amqp("stranger"))).toContain(
    '403 (ACCESS-REFUSED) with message "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN',
  );
  expect(await why(world.amqp("stranger", { authentication_failure_close: false }))).toMatch(/closed|ended|ECONNRESET/);
  expect(await why(world.amqp("friend"))).toBe("in");
}, 15_000);

test("AMQP: an exchange and a queue that a user may not use", async () => {
  await using world = await World.under([
    { match: { protocol: "amqp", exchange: "amq.topic" }, fault: "auth-fail" },
    { match: { protocol: "amqp", queue: "secret" }, fault: "auth-fail" },
  ]);
  const connection = await world.amqp("a");
  const refused = async (use: (channel: Awaited<ReturnType<typeof connection.createChannel>>) => unknown): Promise<string> => {
    const channel = await connection.createChannel();
    const error = new Promise<Error>((resolve) => channel.once("error", resolve));
    void Promise.resolve(use(channel)).catch(() => undefined);
    return (await error).message;
  };
  expect(await refused((channel) => channel.publish("amq.topic", "k", Buffer.from("x")))).toContain(
    "ACCESS_REFUSED - access to exchange 'amq.topic' in vhost '/' refused for user 'guest'",
  );
  expect(await refused((channel) => channel.assertQueue("secret"))).toContain(
    "ACCESS_REFUSED - access to queue 'secret' in vhost '/' refused for user 'guest'",
  );
  expect(await outcome((await connection.createChannel()).assertQueue("open"))).toBe("answered");
}, 15_000);
