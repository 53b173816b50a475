import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Channel, type ChannelModel, type ConfirmChannel, connect, type ConsumeMessage } from "amqplib";
import { AdvanceableClock } from "../../src/hooks/clock.ts";
import { AmqpHouse } from "./house.ts";

const house = new AmqpHouse({}, 1, new AdvanceableClock());
const url = `amqp://guest:guest@127.0.0.1:${house.listen()}`;
let connection: ChannelModel;
beforeAll(async () => {
  connection = await connect(url);
});
afterAll(async () => {
  await connection.close();
  house.close();
});

/** The next `n` messages of a queue, acknowledged one by one. */
function take(channel: Channel, queue: string, n: number): Promise<ConsumeMessage[]> {
  const got: ConsumeMessage[] = [];
  return new Promise((resolve, reject) => {
    channel
      .consume(queue, (message) => {
        if (message === null) return reject(new Error("cancelled"));
        got.push(message);
        channel.ack(message);
        if (got.length === n) resolve(got);
      })
      .catch(reject);
  });
}

describe("amqplib", () => {
  test("10,000 messages with confirms and acknowledgements, exactly those and in order", async () => {
    const publisher: ConfirmChannel = await connection.createConfirmChannel();
    const consumer = await connection.createChannel();
    const { queue } = await publisher.assertQueue("", { exclusive: true });
    await consumer.prefetch(100);
    const arrived = take(consumer, queue, 10_000);
    let confirmed = 0;
    for (let i = 0; i < 10_000; i++) {
      const room = publisher.sendToQueue(queue, Buffer.from(`message ${i}`), { messageId: String(i) }, (error) => {
        if (error === null) confirmed++;
      });
      if (!room) await new Promise((resolve) => publisher.once("drain", resolve));
    }
    await publisher.waitForConfirms();
    expect(confirmed).toBe(10_000);
    const messages = await arrived;
    expect(messages.map((message) => message.content.toString())).toEqual(Array.from({ length: 10_000 }, (_, i) => `message ${i}`));
    expect(messages.every((message, i) => message.properties.messageId === String(i) && !message.fields.redelivered)).toBe(true);
    // Acknowledged, all of them: nothing comes back when the channel ends.
    await consumer.close();
    expect(await publisher.checkQueue(queue)).toMatchObject({ messageCount: 0, consumerCount: 0 });
    await publisher.close();
  });

  test("every type of exchange", async () => {
    const channel = await connection.createChannel();
    const routes: [string, string, string, Record<string, unknown>, string[]][] = [
      ["direct", "red", "red", {}, ["red"]],
      ["fanout", "", "anything", {}, ["anything"]],
      ["topic", "order.*.#", "order.new", {}, ["order.new"]],
      ["topic", "order.*.#", "order", {}, []],
      ["headers", "", "", { a: 1 }, [""]],
      ["headers", "", "", { a: 2 }, []],
    ];
    for (const [type, pattern, key, headers, expected] of routes) {
      const { exchange } = await channel.assertExchange(`test.${type}`, type, { autoDelete: true });
      const { queue } = await channel.assertQueue("", { exclusive: true });
      await channel.bindQueue(queue, exchange, pattern, type === "headers" ? { a: 1 } : {});
      channel.publish(exchange, key, Buffer.from("x"), { headers });
      const message = await channel.get(queue, { noAck: true });
      expect(message === false ? [] : [message.fields.routingKey]).toEqual(expected);
      await channel.deleteQueue(queue);
    }
    await channel.close();
  });

  test("what was not acknowledged comes back, marked as redelivered", async () => {
    const owner = await connection.createChannel();
    const { queue } = await owner.assertQueue("back", { durable: false });
    const other = await connect(url);
    const channel = await other.createChannel();
    const first = new Promise<ConsumeMessage>((resolve) => void channel.consume(queue, (message) => message && resolve(message)));
    owner.sendToQueue(queue, Buffer.from("once more"));
    expect((await first).fields.redelivered).toBe(false);
    const again = take(owner, queue, 1);
    await other.close();
    const [message] = await again;
    expect([message!.content.toString(), message!.fields.redelivered]).toEqual(["once more", true]);
    await owner.deleteQueue(queue);
    await owner.close();
  });

  test("a mandatory message without a route is returned before it is confirmed", async () => {
    const channel = await connection.createConfirmChannel();
    const events: string[] = [];
    channel.on("return", (message) => events.push(`${(message.fields as unknown as { replyText: string }).replyText} ${message.content}`));
    await new Promise<void>((resolve) =>
      channel.publish("", "nowhere", Buffer.from("back"), { mandatory: true }, () => resolve(void events.push("confirmed"))),
    );
    expect(events).toEqual(["NO_ROUTE back", "confirmed"]);
    await channel.close();
  });

  test("a queue that is full refuses the publisher", async () => {
    const channel = await connection.createConfirmChannel();
    const { queue } = await channel.assertQueue("", { exclusive: true, arguments: { "x-max-length": 1, "x-overflow": "reject-publish" } });
    const publish = () =>
      new Promise((resolve) => channel.sendToQueue(queue, Buffer.from("x"), {}, (error) => resolve(error === null ? "ack" : "nack")));
    expect([await publish(), await publish()]).toEqual(["ack", "nack"]);
    await channel.close();
  });

  test("errors close the channel with RabbitMQ's code and words, and nothing else", async () => {
    const channel = await connection.createChannel();
    const closed = new Promise<Error & { code?: number }>((resolve) => channel.once("error", resolve));
    expect(await channel.checkQueue("nope").catch(String)).toContain("NOT_FOUND");
    expect(await closed).toMatchObject({ code: 404, message: expect.stringContaining("NOT_FOUND - no queue 'nope' in vhost '/'") });
    const next = await connection.createChannel();
    await next.assertQueue("", { exclusive: true });
    await next.close();
  });

  test("a body of many frames", async () => {
    const channel = await connection.createChannel();
    const { queue } = await channel.assertQueue("", { exclusive: true });
    const body = Buffer.alloc(3_000_000, "0123456789abcdef!");
    channel.sendToQueue(queue, body);
    const message = await channel.get(queue, { noAck: true });
    expect(message !== false && message.content.equals(body)).toBe(true);
    await channel.close();
  });

  test("a wrong password is refused", async () => {
    const strict = new AmqpHouse({ users: { guest: "guest" } });
    expect(await connect(`amqp://guest:wrong@127.0.0.1:${strict.listen()}`).catch(String)).toContain("ACCESS_REFUSED");
    strict.close();
  });
});
