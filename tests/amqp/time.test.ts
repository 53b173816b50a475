import { describe, expect, test } from "bun:test";
import { HEARTBEAT } from "../../src/amqp/v091/frames.ts";
import { settled } from "../support/memory.ts";
import { AmqpHouse } from "./house.ts";
import type { Actor } from "./scenario.ts";

/** Everything that takes time, with the clock moved by hand. */
describe("time", () => {
  test("messages expire by the queue's limit, the message's own, whichever is shorter", async () => {
    const h = new AmqpHouse();
    const a = await h.client();
    await a.queue("dead");
    await a.queue("q", { arguments: { "x-message-ttl": 10_000, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead" } });
    a.publish("", "q", "short", { expiration: "1000" });
    a.publish("", "q", "queue's");
    a.publish("", "q", "longer than the queue allows", { expiration: "60000" });
    await a.settle();
    await h.clock.advance(900);
    expect(await a.get("dead")).toBeNull();
    await h.clock.advance(100);
    expect([await a.get("dead"), await a.get("dead")]).toEqual(["short", null]);
    await h.clock.advance(9000);
    expect([await a.get("dead"), await a.get("dead"), await a.get("q")]).toEqual(["queue's", "longer than the queue allows", null]);
  });

  test("a message that is out does not expire, but when it comes back", async () => {
    const h = new AmqpHouse();
    const a = await h.client();
    await a.queue("q", { arguments: { "x-message-ttl": 1000 } });
    a.publish("", "q", "x");
    expect(await a.get("q", false)).toBe("x");
    await h.clock.advance(5000);
    a.nack(1, true);
    expect(await a.get("q")).toBeNull();
  });

  test("an unused queue goes: use is a declaration, a consumer, a get", async () => {
    const h = new AmqpHouse();
    const a = await h.client();
    const { queues } = h.broker.vhosts.get("/")!;
    const flags = { exclusive: false, arguments: { "x-expires": 1000 } };
    await a.queue("q", flags);
    for (const use of [() => a.queue("q", flags), () => a.get("q"), () => a.consume("q", { consumerTag: "c" })]) {
      await h.clock.advance(900);
      await use();
    }
    await h.clock.advance(10_000);
    expect(queues.has("q")).toBe(true);
    a.cancel("c");
    await a.settle();
    await h.clock.advance(900);
    a.publish("", "q", "publishing is no use");
    await a.settle();
    expect(queues.has("q")).toBe(true);
    await h.clock.advance(100);
    expect(queues.has("q")).toBe(false);
  });

  test("heartbeats are sent where nothing else is, and a silent client is cut off", async () => {
    const h = new AmqpHouse();
    const a = await h.client("", { heartbeat: 10 });
    for (let i = 0; i < 3; i++) {
      await h.clock.advance(5000);
      a.raw.frame(HEARTBEAT, 0, Buffer.alloc(0));
      await settled();
    }
    expect(a.raw.heartbeats).toBeGreaterThanOrEqual(2);
    expect(a.raw.isClosed).toBe(false);
    await h.clock.advance(25_000);
    await settled();
    expect(a.raw.isClosed).toBe(true);
    expect(h.lines.join()).toContain("missed heartbeats");
  });

  test("without heartbeats nobody is cut off", async () => {
    const h = new AmqpHouse();
    const a = await h.client("", { heartbeat: 0 });
    await h.clock.advance(86_400_000);
    await a.settle();
    expect(a.raw.heartbeats).toBe(0);
  });

  test("a handshake may take ten seconds", async () => {
    const h = new AmqpHouse();
    const silent = h.raw();
    const slow = h.raw();
    slow.begin();
    await slow.expect("connection.start");
    await h.clock.advance(10_000);
    await settled();
    expect([silent.isClosed, slow.isClosed]).toEqual([true, true]);
  });

  test("after an error the client has ten seconds for close-ok", async () => {
    const h = new AmqpHouse();
    const a = await h.client();
    a.declareExchange("x", "nonsense");
    await a.raw.expect("connection.close");
    await settled();
    expect(a.raw.isClosed).toBe(false);
    await h.clock.advance(10_000);
    await settled();
    expect(a.raw.isClosed).toBe(true);
  });
});

describe("the end of a connection", () => {
  test("takes consumers, exclusive queues and unsettled messages along", async () => {
    const h = new AmqpHouse();
    const { queues } = h.broker.vhosts.get("/")!;
    const a = await h.client();
    const b = await h.client();
    await a.queue("shared", { exclusive: false });
    await b.queue("own");
    await b.queue("consumed", { exclusive: false, autoDelete: true });
    await b.consume("shared");
    await b.consume("consumed");
    a.publish("", "shared", "1");
    a.publish("", "shared", "2");
    await a.settle();
    expect([queues.get("shared")!.items.ready, queues.get("shared")!.items.unacked]).toEqual([0, 2]);
    b.raw.memory.connection!.abort(true);
    expect([...queues.keys()]).toEqual(["shared"]);
    expect([queues.get("shared")!.items.ready, queues.get("shared")!.items.unacked, queues.get("shared")!.consumers.count]).toEqual([
      2, 0, 0,
    ]);
    expect([await a.get("shared"), await a.get("shared")]).toEqual(["1", "2"]);
  });

  test("is announced when the broker shuts down", async () => {
    const h = new AmqpHouse();
    const a = await h.client();
    a.raw.memory.connection!.shutDown();
    expect((await a.raw.expect("connection.close")).args).toMatchObject({
      replyCode: 320,
      replyText: "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'",
    });
    await settled();
    expect(a.raw.isClosed).toBe(true);
  });

  test("leaves nothing behind of its channels", async () => {
    const h = new AmqpHouse();
    const vhost = h.broker.vhosts.get("/")!;
    for (let i = 0; i < 50; i++) {
      const a = await h.client();
      const b: Actor = await a.on(2).open();
      await a.queue("");
      await b.consume("amq.rabbitmq.reply-to", { noAck: true });
      await a.bind("", "amq.topic", `#.${i}`);
      a.raw.memory.connection!.gone();
    }
    expect([vhost.queues.size, vhost.exchange("amq.topic").bindings.size, h.net.connections().length]).toEqual([0, 0, 0]);
  });
});

describe("a consumer that does not read", () => {
  test("gets no more than its connection holds, the rest waits in the queue, and comes in order", async () => {
    const h = new AmqpHouse();
    const a = await h.client();
    await a.queue("q", { exclusive: false });
    const slow = await h.client();
    await slow.consume("q", { noAck: true });
    const { memory } = slow.raw;
    memory.window = 0;
    const body = "x".repeat(10_000);
    for (let i = 0; i < 500; i++) a.publish("", "q", `${i} ${body}`);
    await a.settle();
    const { items } = h.broker.vhosts.get("/")!.queues.get("q")!;
    expect(memory.connection!.out.pending).toBeLessThan(1_200_000);
    expect(items.ready).toBeGreaterThan(350);
    memory.window = Infinity;
    memory.connection!.drained();
    expect((await slow.deliveries(500)).map((text) => Number(text.split(" ")[0]))).toEqual(Array.from({ length: 500 }, (_, i) => i));
    expect(items.ready).toBe(0);
  });
});

test("above the memory limit publishers wait, and hear of it, until consumers have made room", async () => {
  const h = new AmqpHouse({ memoryLimit: 1_000_000 });
  const consumer = await h.client();
  await consumer.queue("q", { exclusive: false });
  const publisher = await h.client("publisher", { properties: { capabilities: { "connection.blocked": true } } });
  for (let i = 0; i < 4096; i++) publisher.publish("", "q", String(i));
  expect((await publisher.raw.expect("connection.blocked")).args.reason).toBe("low on memory");
  const { items } = h.broker.vhosts.get("/")!.queues.get("q")!;
  const stored = items.ready;
  expect(stored).toBeLessThan(4096);
  publisher.publish("", "q", "later");
  await h.clock.advance(60_000);
  expect(items.ready).toBe(stored);
  await consumer.consume("q", { noAck: true });
  await consumer.deliveries(stored);
  await h.clock.advance(100);
  await publisher.raw.expect("connection.unblocked");
  expect((await consumer.deliveries(4097 - stored)).at(-1)).toBe("later");
});
