import { describe, expect, test } from "bun:test";
import { Connection as RabbitClient } from "rabbitmq-client";
import { until, World } from "./world.ts";

describe("memory-alarm", () => {
  test("amqplib: publishers are told that they are blocked and wait; consumers on other connections go on", async () => {
    await using world = await World.start();
    const publisher = await world.amqp("publisher"),
      consumer = await world.amqp("consumer");
    const told: string[] = [];
    publisher.on("blocked", (reason) => void told.push(`blocked: ${reason}`));
    publisher.on("unblocked", () => void told.push("unblocked"));
    const channel = await publisher.createConfirmChannel();
    await channel.assertQueue("q");
    const got: string[] = [];
    const reading = await consumer.createChannel();
    await reading.consume("q", (message) => void got.push(message!.content.toString()), { noAck: true });
    const rule = world.rule({ fault: "memory-alarm", for: "30s" });
    await world.fired(rule);
    channel.sendToQueue("q", Buffer.from("1"));
    await until(() => told.length === 1);
    channel.sendToQueue("q", Buffer.from("2"));
    await reading.checkQueue("q");
    expect([told, got]).toEqual([["blocked: low on memory"], ["1"]]);
    await world.havoq.clock.advance(30_000);
    await channel.waitForConfirms();
    await until(() => got.length === 2 && told.length === 2);
    expect([told[1], got]).toEqual(["unblocked", ["1", "2"]]);
  }, 20_000);

  test("rabbitmq-client sees the same", async () => {
    await using world = await World.start();
    const client = new RabbitClient(`amqp://guest:guest@127.0.0.1:${world.havoq.addresses().amqp!.port}`);
    const told: string[] = [];
    client.on("connection.blocked", () => void told.push("blocked"));
    client.on("connection.unblocked", () => void told.push("unblocked"));
    const publisher = client.createPublisher({ confirm: true, queues: [{ queue: "q" }] });
    await publisher.send("q", "1");
    const rule = world.rule({ fault: "memory-alarm" });
    await world.fired(rule);
    await publisher.send("q", "2");
    await until(() => told.length === 1);
    const third = publisher.send("q", "3");
    expect(await Promise.race([third.then(() => "confirmed"), Bun.sleep(30).then(() => "waits")])).toBe("waits");
    rule.remove();
    await third;
    expect(told).toEqual(["blocked", "unblocked"]);
    await publisher.close();
    await client.close();
  }, 20_000);

  test("elsewhere a rule with it is an error", async () => {
    await using world = await World.start();
    expect(() => world.rule({ match: { protocol: "mqtt" }, fault: "memory-alarm" })).toThrow("memory-alarm acts in amqp only");
  });
});
