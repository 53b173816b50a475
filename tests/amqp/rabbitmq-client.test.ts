import { afterAll, describe, expect, test } from "bun:test";
import { Connection, ConsumerStatus } from "rabbitmq-client";
import { AdvanceableClock } from "../../src/hooks/clock.ts";
import { AmqpHouse } from "./house.ts";

const house = new AmqpHouse({}, 1, new AdvanceableClock());
const url = `amqp://guest:guest@127.0.0.1:${house.listen()}`;
const connection = new Connection({ url, retryLow: 10 });
afterAll(async () => {
  await connection.close();
  house.close();
});

describe("rabbitmq-client", () => {
  test("10,000 messages with confirms and acknowledgements, exactly those and in order", async () => {
    const got: number[] = [];
    let done!: () => void;
    const all = new Promise<void>((resolve) => (done = resolve));
    const consumer = connection.createConsumer(
      { queue: "ordered", queueOptions: { autoDelete: true }, qos: { prefetchCount: 100 }, concurrency: 1 },
      async (message) => {
        got.push(message.body.i);
        if (got.length === 10_000) done();
        return ConsumerStatus.ACK;
      },
    );
    await new Promise((resolve) => consumer.once("ready", resolve));
    const publisher = connection.createPublisher({ confirm: true, maxAttempts: 1 });
    for (let i = 0; i < 10_000; i += 500) {
      await Promise.all(Array.from({ length: 500 }, (_, j) => publisher.send("ordered", { i: i + j })));
    }
    await all;
    expect(got).toEqual(Array.from({ length: 10_000 }, (_, i) => i));
    await publisher.close();
    await consumer.close();
  });

  test("topology, routing and rejected messages", async () => {
    const dead: string[] = [];
    let seen!: () => void;
    const both = new Promise<void>((resolve) => (seen = resolve));
    const graveyard = connection.createConsumer(
      { queue: "graveyard", queueOptions: { autoDelete: true }, noAck: true },
      async (message) => {
        dead.push(`${message.routingKey} ${message.headers!["x-first-death-reason"]} ${message.body}`);
        if (dead.length === 2) seen();
      },
    );
    await new Promise((resolve) => graveyard.once("ready", resolve));
    const work = connection.createConsumer(
      {
        queue: "work",
        queueOptions: { autoDelete: true, arguments: { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "graveyard" } },
        exchanges: [{ exchange: "jobs", type: "topic", autoDelete: true }],
        queueBindings: [{ exchange: "jobs", routingKey: "job.#" }],
      },
      async () => ConsumerStatus.DROP,
    );
    await new Promise((resolve) => work.once("ready", resolve));
    const publisher = connection.createPublisher({ confirm: true });
    await publisher.send({ exchange: "jobs", routingKey: "job.a.b" }, "one");
    await publisher.send({ exchange: "jobs", routingKey: "other" }, "not routed");
    await publisher.send({ exchange: "jobs", routingKey: "job" }, "two");
    await both;
    expect(dead).toEqual(["graveyard rejected one", "graveyard rejected two"]);
    for (const part of [publisher, work, graveyard]) await part.close();
  });

  test("requests and answers over direct reply-to", async () => {
    const server = connection.createConsumer({ queue: "double", queueOptions: { autoDelete: true } }, async (message, reply) => {
      await reply(message.body * 2);
    });
    await new Promise((resolve) => server.once("ready", resolve));
    const client = connection.createRPCClient({ confirm: true });
    expect((await client.send("double", 21)).body).toBe(42);
    await client.close();
    await server.close();
  });

  test("comes back after its connection was cut", async () => {
    const other = new Connection({ url, retryLow: 10, connectionName: "cut me" });
    // It says so and tries again.
    other.on("error", () => undefined);
    await new Promise((resolve) => other.once("connection", resolve));
    const again = new Promise((resolve) => other.once("connection", resolve));
    for (const victim of house.net.connections({ client: "cut me" })) victim.abort(true);
    await again;
    await other.queueDeclare({ exclusive: true });
    await other.close();
  });
});
