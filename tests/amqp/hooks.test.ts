import { describe, expect, test } from "bun:test";
import type { Message, Operation, Plugin } from "../../src/hooks/plugin.ts";
import { close, delay, drop, duplicate, fail, hang, hold, reorder, replace, reply, reroute } from "../../src/hooks/verdicts.ts";
import { FieldTable } from "../../src/amqp/v091/fields.ts";
import { settled } from "../support/memory.ts";
import { AmqpHouse } from "./house.ts";
import { Closed } from "./raw-client.ts";

function house(plugin: Plugin): AmqpHouse {
  const house = new AmqpHouse();
  house.install(plugin);
  return house;
}

describe("connect and disconnect", () => {
  test("see who came and how it went", async () => {
    const seen: string[] = [];
    const h = house({
      connect: ({ connection }) => void seen.push(`connect ${connection.clientId} ${connection.user} #${connection.ordinal}`),
      disconnect: ({ connection, reason }) => void seen.push(`disconnect ${connection.clientId} ${reason}`),
    });
    const a = await h.client("shop");
    a.raw.send(0, "connection.close", { replyCode: 200, replyText: "", classId: 0, methodId: 0 });
    await a.raw.expect("connection.close-ok");
    await settled();
    (await h.client("shop")).raw.end();
    await settled();
    expect(seen).toEqual(["connect shop guest #1", "disconnect shop broker", "connect shop guest #2", "disconnect shop client"]);
  });

  test("fail refuses with the code", async () => {
    const h = house({ connect: () => fail("ACCESS_REFUSED", "not today") });
    const raw = h.raw();
    expect(await raw.open().catch(String)).toContain("ACCESS_REFUSED - not today");
  });

  test("close cuts, drop says nothing, delay keeps waiting", async () => {
    expect(
      await house({ connect: () => close({ reset: true }) })
        .raw()
        .open()
        .catch((error) => error),
    ).toBeInstanceOf(Closed);
    const silent = house({ connect: () => drop() }).raw();
    const opened = silent.open().then(
      () => "opened",
      () => "ended",
    );
    await settled();
    silent.memory.connection!.abort(false);
    expect(await opened).toBe("ended");
    const late = house({ connect: () => delay(1000) });
    const client = late.client();
    await settled();
    await late.clock.advance(1000);
    await client;
  });
});

describe("request", () => {
  test("sees every method with its arguments, and may change them", async () => {
    const seen: string[] = [];
    const h = house({
      request: (operation) => {
        seen.push(`${operation.operation} ${JSON.stringify(operation.body)}`);
        if (operation.operation === "queue.declare") return replace({ queue: "other", arguments: { "x-max-length": 1 } });
      },
    });
    const a = await h.client();
    expect(await a.queue("mine", { arguments: { "x-message-ttl": 5 } })).toBe("other");
    expect(h.broker.vhosts.get("/")!.queues.get("other")!.given.maxLength).toBe(1);
    expect(seen.at(-1)).toBe(
      'queue.declare {"reserved1":0,"queue":"mine","passive":false,"durable":false,"exclusive":true,"autoDelete":false,"noWait":false,"arguments":{"x-message-ttl":5}}',
    );
    expect(seen.map((line) => line.split(" ")[0])).toEqual([
      "connection.start-ok",
      "connection.tune-ok",
      "connection.open",
      "channel.open",
      "queue.declare",
    ]);
  });

  test("fail closes the channel or the connection with the code", async () => {
    const h = house({
      request: {
        match: { operation: "queue.*" },
        run: (operation: Operation) => fail(operation.operation === "queue.purge" ? "INTERNAL_ERROR" : "RESOURCE_LOCKED", "by plugin"),
      },
    });
    const a = await h.client();
    a.declareQueue("q");
    expect((await a.raw.expect("channel.close")).args).toMatchObject({
      replyCode: 405,
      replyText: "RESOURCE_LOCKED - by plugin",
      classId: 50,
      methodId: 10,
    });
    const b = await a.on(2).open();
    b.purge("q");
    expect((await a.raw.expect("connection.close")).args).toMatchObject({ replyCode: 541, classId: 50, methodId: 30 });
    expect(h.broker.vhosts.get("/")!.queues.size).toBe(0);
  });

  test("reply answers without carrying out, drop does not even answer", async () => {
    const h = house({
      request: [
        { match: { operation: "queue.declare" }, run: () => reply({ queue: "made up", messageCount: 7, consumerCount: 0 }) },
        { match: { operation: "queue.purge" }, run: () => drop() },
      ],
    });
    const a = await h.client();
    a.purge("q");
    a.declareQueue("q");
    expect((await a.raw.expect("queue.declare-ok")).args).toEqual({ queue: "made up", messageCount: 7, consumerCount: 0 });
    expect(h.broker.vhosts.get("/")!.queues.size).toBe(0);
  });

  test("a delayed one holds up what comes after it on the connection", async () => {
    const h = house({ request: { match: { operation: "queue.declare" }, run: () => delay(5000) } });
    const a = await h.client();
    a.declareQueue("q");
    a.publish("", "q", "after");
    a.getOne("q");
    await settled();
    expect(a.raw.drain()).toEqual([]);
    await h.clock.advance(5000);
    await a.raw.expect("queue.declare-ok");
    expect((await a.raw.expect("basic.get-ok")).body!.toString()).toBe("after");
  });

  test("basic.publish: the content of one that is not carried out is passed over", async () => {
    const h = house({ request: { match: { operation: "basic.publish", routingKey: "bad" }, run: () => drop() } });
    const a = await h.client();
    await a.queue("bad");
    await a.queue("good");
    await a.confirm();
    a.publish("", "bad", "lost");
    a.publish("", "bad", "");
    a.publish("", "good", "kept");
    expect((await a.raw.expect("basic.ack")).args).toEqual({ deliveryTag: 3, multiple: false });
    expect([await a.get("bad"), await a.get("good")]).toEqual([null, "kept"]);
  });

  test("basic.publish: one that is dropped keeps its number, and no confirm speaks for it", async () => {
    const h = house({
      request: { match: { operation: "basic.publish", routingKey: "bad" }, run: () => drop() },
      message: (message) => (message.key === "no" ? fail("nack") : undefined),
    });
    const a = await h.client();
    await a.confirm();
    for (const key of ["a", "b", "bad", "c", "d", "no", "e"]) a.publish("", key, "x");
    await settled();
    const heard = new Map<number, string>();
    for (const { name, args } of a.raw.drain()) {
      const { deliveryTag, multiple } = args as { deliveryTag: number; multiple: boolean };
      for (let tag = multiple ? 1 : deliveryTag; tag <= deliveryTag; tag++) if (!heard.has(tag)) heard.set(tag, name.slice(6));
    }
    expect([...heard]).toEqual([
      [1, "ack"],
      [2, "ack"],
      [4, "ack"],
      [5, "ack"],
      [6, "nack"],
      [7, "ack"],
    ]);
  });

  test.each(["request", "message"] as const)(
    "hang of a %s: when the connection is let go, its number is not given to another message",
    async (point) => {
      const h = house({ [point]: { match: { routingKey: "bad" }, run: () => hang() } });
      const a = await h.client();
      await a.queue("good");
      await a.confirm();
      a.publish("", "bad", "lost");
      await settled();
      for (const connection of h.net.connections()) connection.unblock();
      a.publish("", "good", "kept");
      expect((await a.raw.expect("basic.ack")).args).toEqual({ deliveryTag: 2, multiple: false });
      expect(await a.get("good")).toBe("kept");
    },
  );

  test("nothing is carried out for a connection or channel that ended while the hooks were asked", async () => {
    const h = house({
      request: {
        match: { operation: "basic.consume" },
        run: ({ connection }) => (connection.clientId === "late" ? delay(1000) : void h.net.connections({ client: "cut" })[0]!.abort(true)),
      },
      // Its answer takes the channel down while the next method of it waits.
      response: { match: { operation: "basic.qos-ok" }, run: async (_, at) => (await at.clock.sleep(500), fail("PRECONDITION_FAILED")) },
    });
    const [cut, late] = [await h.client("cut"), await h.client("late")];
    await late.queue("q");
    const consume = {
      queue: "q",
      consumerTag: "t",
      noLocal: false,
      noAck: false,
      exclusive: true,
      noWait: false,
      arguments: FieldTable.EMPTY,
    };
    cut.raw.send(1, "basic.consume", consume);
    late.raw.send(1, "basic.qos", { prefetchSize: 0, prefetchCount: 1, global: false });
    late.raw.send(1, "basic.consume", consume);
    await settled();
    expect(h.net.connections().length).toBe(1);
    await h.clock.advance(2000);
    await late.raw.expect("channel.close");
    expect(h.broker.vhosts.get("/")!.queues.get("q")!.consumers.count).toBe(0);
  });

  test("match by queue sees only that one", async () => {
    const seen: string[] = [];
    const h = house({ request: { match: { queue: "b*" }, run: (operation: Operation) => void seen.push(operation.body.queue) } });
    const a = await h.client();
    await a.queue("abc");
    await a.queue("bcd");
    expect(seen).toEqual(["bcd"]);
  });
});

describe("response", () => {
  test("drop: applied, and never answered", async () => {
    const h = house({ response: { match: { operation: "queue.declare-ok" }, run: () => drop() } });
    const a = await h.client();
    a.declareQueue("q");
    a.getOne("q");
    await a.raw.expect("basic.get-empty");
    expect(h.broker.vhosts.get("/")!.queues.has("q")).toBe(true);
  });

  test("a confirm that is lost: the message is stored all the same", async () => {
    let first = true;
    const h = house({ response: { match: { operation: "basic.ack" }, run: () => (first ? ((first = false), drop()) : undefined) } });
    const a = await h.client();
    await a.queue("q");
    await a.confirm();
    a.publish("", "q", "one");
    a.publish("", "q", "two");
    expect((await a.raw.expect("basic.ack")).args).toEqual({ deliveryTag: 2, multiple: false });
    expect([await a.get("q"), await a.get("q")]).toEqual(["one", "two"]);
  });

  test("delay keeps the order, replace and reply change the answer, close cuts", async () => {
    const h = house({
      response: [
        { match: { operation: "queue.declare-ok" }, run: () => delay(3000) },
        { match: { operation: "queue.purge-ok" }, run: () => replace({ messageCount: 99 }) },
        { match: { operation: "queue.bind-ok" }, run: () => close() },
      ],
    });
    const a = await h.client();
    a.declareQueue("q");
    a.publish("", "q", "x");
    a.getOne("q");
    a.purge("q");
    await settled();
    expect(a.raw.drain()).toEqual([]);
    await h.clock.advance(3000);
    expect((await a.raw.expect("queue.declare-ok")).args.queue).toBe("q");
    await a.raw.expect("basic.get-ok");
    expect((await a.raw.expect("queue.purge-ok")).args.messageCount).toBe(99);
    a.bindQueue("q", "amq.fanout");
    expect(await a.next().catch((error) => error)).toBeInstanceOf(Closed);
  });

  test("fail: carried out, and answered with an error", async () => {
    const h = house({ response: { match: { operation: "queue.declare-ok" }, run: () => fail("PRECONDITION_FAILED") } });
    const a = await h.client();
    a.declareQueue("q");
    expect((await a.raw.expect("channel.close")).args.replyCode).toBe(406);
  });

  test("fail of a basic.return closes the channel, and its confirm does not follow", async () => {
    const h = house({ response: { match: { operation: "basic.return" }, run: () => fail("PRECONDITION_FAILED") } });
    const a = await h.client();
    await a.confirm();
    a.raw.publish(1, { routingKey: "nowhere", mandatory: true }, "x");
    a.raw.publish(1, { routingKey: "nowhere" }, "y");
    await settled();
    expect(a.raw.drain().map(({ name }) => name)).toEqual(["channel.close"]);
  });
});

describe("message", () => {
  const at = (plugin: Plugin["message"]) => house({ message: plugin });

  test("is seen before it is routed, whole", async () => {
    const seen: Message[] = [];
    const a = await at((message) => void seen.push(message)).client("shop");
    await a.queue("q");
    a.publish("", "q", '{"n":1}', { contentType: "application/json", headers: FieldTable.of({ a: [1, "x"] }) });
    await a.get("q");
    const message = seen[0]!;
    if (message.protocol !== "amqp") throw new Error();
    expect(message).toMatchObject({
      exchange: "",
      routingKey: "q",
      destination: "",
      key: "q",
      vhost: "/",
      queue: "",
      properties: { contentType: "application/json" },
      headers: { a: [1, "x"] },
    });
    expect([message.text(), message.json(), message.connection?.clientId]).toEqual(['{"n":1}', { n: 1 }, "shop"]);
  });

  test("drop: confirmed, not stored", async () => {
    const a = await at(() => drop()).client();
    await a.queue("q");
    await a.confirm();
    a.publish("", "q", "x");
    await a.raw.expect("basic.ack");
    expect(await a.get("q")).toBeNull();
  });

  test("fail: nack in confirm mode, else the channel's error", async () => {
    const h = at({
      run: (message) =>
        fail(message.text() === "nack" ? "nack" : "RESOURCE_ERROR" === message.text() ? "RESOURCE_ERROR" : "ACCESS_REFUSED"),
    });
    const a = await h.client();
    await a.queue("q");
    a.publish("", "q", "nack");
    await a.settle();
    await a.confirm();
    a.publish("", "q", "nack");
    expect((await a.raw.expect("basic.nack")).args.deliveryTag).toBe(1);
    a.publish("", "q", "x");
    expect((await a.raw.expect("channel.close")).args).toMatchObject({ replyCode: 403, classId: 60, methodId: 40 });
    (await a.on(2).open()).publish("", "q", "RESOURCE_ERROR");
    expect((await a.raw.expect("connection.close")).args.replyCode).toBe(506);
  });

  test("replace: payload, headers, properties, address", async () => {
    const a = await at(() =>
      replace({ payload: "new", headers: { b: 2 }, properties: { correlationId: "c" }, routingKey: "other" }),
    ).client();
    await a.queue("q");
    await a.queue("other");
    a.publish("", "q", "old", { messageId: "m", headers: FieldTable.of({ a: 1 }) });
    expect(await a.get("q")).toBeNull();
    a.getOne("other");
    const { body, properties, args } = await a.raw.expect("basic.get-ok");
    expect([body!.toString(), properties!.headers!.toObject(), properties!.messageId, properties!.correlationId, args.routingKey]).toEqual([
      "new",
      { b: 2 },
      "m",
      "c",
      "other",
    ]);
  });

  test("duplicate: stored more often, confirmed once", async () => {
    const a = await at(() => duplicate(2)).client();
    await a.queue("q");
    await a.confirm();
    a.publish("", "q", "x");
    expect((await a.raw.expect("basic.ack")).args.deliveryTag).toBe(1);
    expect([await a.get("q"), await a.get("q"), await a.get("q"), await a.get("q")]).toEqual(["x", "x", "x", null]);
  });

  test("reroute: within AMQP and to another protocol", async () => {
    const h = at((message) =>
      reroute(message.key === "q" ? { protocol: "amqp", exchange: "", routingKey: "other" } : { protocol: "kafka", topic: "t" }),
    );
    const a = await h.client();
    await a.queue("q");
    await a.queue("other");
    await a.confirm();
    a.publish("", "q", "x", { messageId: "m" });
    await a.raw.expect("basic.ack");
    a.publish("", "elsewhere", "y", { headers: FieldTable.of({ a: 1 }) });
    await a.raw.expect("basic.ack");
    expect([await a.get("q"), await a.get("other")]).toEqual([null, "x"]);
    expect(h.published).toMatchObject([{ protocol: "kafka", topic: "t", payload: Buffer.from("y"), key: "elsewhere", headers: { a: 1 } }]);
  });

  test("delay and hold: later messages of the connection wait their turn", async () => {
    let release!: () => void;
    const held = new Promise<void>((resolve) => (release = resolve));
    const h = at({
      match: { exchange: "", routingKey: "q" },
      run: (message) => (message.text() === "1" ? delay(1000) : message.text() === "2" ? hold(held) : undefined),
    });
    const a = await h.client();
    const b = await h.client();
    await a.queue("q", { exclusive: false });
    for (const body of ["1", "2", "3"]) a.publish("", "q", body);
    await settled();
    expect(await b.get("q")).toBeNull();
    await h.clock.advance(1000);
    expect([await b.get("q"), await b.get("q")]).toEqual(["1", null]);
    release();
    await settled();
    expect([await b.get("q"), await b.get("q")]).toEqual(["2", "3"]);
  });

  test("close: not stored, not answered", async () => {
    const h = at(() => close({ reset: true }));
    const a = await h.client();
    await a.queue("q", { exclusive: false });
    a.publish("", "q", "x");
    expect(await a.next().catch((error) => error)).toBeInstanceOf(Closed);
    expect(h.broker.vhosts.get("/")!.queues.get("q")!.items.ready).toBe(0);
  });

  test("a match on another exchange is not asked", async () => {
    let asked = 0;
    const a = await at({ match: { exchange: "amq.*" }, run: () => void asked++ }).client();
    await a.queue("q");
    a.publish("", "q", "x");
    a.publish("amq.direct", "q", "x");
    await a.settle();
    expect(asked).toBe(1);
  });
});

describe("delivery", () => {
  test("sees queue, consumer and redelivery", async () => {
    const seen: string[] = [];
    const h = house({
      delivery: (message) =>
        void seen.push(
          `${message.destination} ${message.key} → ${message.connection!.clientId} ${(message as { redelivered?: boolean }).redelivered}`,
        ),
    });
    const a = await h.client("c1");
    await a.queue("q");
    a.publish("", "q", "x");
    await a.get("q", false);
    a.nack(1, true);
    await a.consume("q");
    await a.deliveries(1);
    expect(seen).toEqual(["q q → c1 false", "q q → c1 true"]);
  });

  test("drop: gone without acknowledgement, unsettled with it", async () => {
    const h = house({ delivery: (message) => (message.text() === "lost" ? drop() : undefined) });
    const a = await h.client();
    await a.queue("q");
    const auto = await a.on(2).open();
    await auto.consume("q", { noAck: true, consumerTag: "auto" });
    a.publish("", "q", "lost");
    a.publish("", "q", "kept");
    expect(await a.deliveries(1)).toEqual(["kept"]);
    await auto.close();

    const manual = await a.on(3).open();
    await manual.consume("q");
    a.publish("", "q", "lost");
    a.publish("", "q", "kept");
    const kept = await a.raw.expect("basic.deliver");
    expect([kept.body!.toString(), kept.args.deliveryTag]).toEqual(["kept", 1]);
    manual.ack(1, true);
    await manual.close();
    // What was lost on the way was never acknowledged: it is there again.
    h.install({});
    expect([await a.get("q"), await a.get("q")]).toEqual(["lost", null]);
  });

  test("duplicate, replace", async () => {
    const h = house({ delivery: [() => replace({ payload: "changed", properties: { type: "t" } }), () => duplicate()] });
    const a = await h.client();
    await a.queue("q");
    await a.consume("q");
    a.publish("", "q", "x");
    const [first, second] = [await a.raw.expect("basic.deliver"), await a.raw.expect("basic.deliver")];
    expect([
      first.body!.toString(),
      second.body!.toString(),
      first.args.deliveryTag,
      second.args.deliveryTag,
      second.properties!.type,
    ]).toEqual(["changed", "changed", 1, 2, "t"]);
    a.ack(2);
    a.ack(1);
    await a.close();
    expect(await (await a.on(2).open()).get("q")).toBeNull();
  });

  test("delay holds up this consumer's connection and no other", async () => {
    const h = house({ delivery: { match: { client: "slow" }, run: () => delay(1000) } });
    const slow = await h.client("slow");
    const fast = await h.client("fast");
    await slow.queue("one");
    await fast.queue("two");
    for (const [client, queue] of [
      [slow, "one"],
      [fast, "two"],
    ] as const) {
      await client.bind(queue, "amq.fanout");
      await client.consume(queue, { noAck: true });
    }
    fast.publish("amq.fanout", "", "1");
    fast.publish("amq.fanout", "", "2");
    expect(await fast.deliveries(2)).toEqual(["1", "2"]);
    expect(slow.raw.drain()).toEqual([]);
    await h.clock.advance(1000);
    await h.clock.advance(1000);
    expect(await slow.deliveries(2)).toEqual(["1", "2"]);
  });

  test("what waits for its verdict comes back when the consumer goes", async () => {
    const h = house({ delivery: { match: { client: "slow" }, run: () => delay(60_000) } });
    const a = await h.client("other");
    await a.queue("q", { exclusive: false });
    const slow = await h.client("slow");
    await slow.consume("q");
    a.publish("", "q", "x");
    await a.settle();
    slow.raw.end();
    await settled();
    expect(await a.get("q")).toBe("x");
  });

  test.each([true, false])(
    "what let others pass goes before the word that its consumer was cancelled; without acknowledgement: %p",
    async (noAck) => {
      const h = house({ delivery: () => reorder(9, 60_000) });
      const a = await h.client();
      await a.queue("q");
      const tag = await a.consume("q", { noAck });
      a.publish("", "q", "x");
      a.cancel(tag);
      expect((await a.raw.expect("basic.deliver")).body!.toString()).toBe("x");
      await a.raw.expect("basic.cancel-ok");
      await h.clock.advance(60_000);
      expect(a.raw.drain()).toEqual([]);
    },
  );

  test("reroute: settled here, published there", async () => {
    const h = house({ delivery: { match: { queue: "q" }, run: () => reroute({ protocol: "amqp", exchange: "", routingKey: "other" }) } });
    const a = await h.client();
    await a.queue("q");
    await a.queue("other");
    await a.consume("q");
    a.publish("", "q", "x");
    await a.settle();
    expect(await a.get("other")).toBe("x");
    await a.close();
    h.install({});
    expect(await (await a.on(2).open()).get("q")).toBeNull();
  });

  test("close: the consumer is cut, the message comes back", async () => {
    const h = house({ delivery: { match: { client: "victim" }, run: () => close({ reset: true }) } });
    const a = await h.client();
    await a.queue("q", { exclusive: false });
    const victim = await h.client("victim");
    await victim.consume("q");
    a.publish("", "q", "x");
    expect(await victim.next().catch((error) => error)).toBeInstanceOf(Closed);
    expect(await a.get("q")).toBe("x");
  });

  test("delivery tags go out in their order, whatever waited for its verdict", async () => {
    const h = house({
      delivery: (message) => (message.text() === "got" ? delay(1000) : message.text() === "pushed" ? delay(3000) : undefined),
    });
    const a = await h.client();
    await a.queue("get");
    await a.queue("push");
    a.publish("", "get", "got");
    await a.consume("push");
    a.raw.send(1, "basic.get", { queue: "get", noAck: false });
    await settled();
    h.broker.publish({ protocol: "amqp", routingKey: "push", payload: "pushed" });
    await h.clock.advance(4000);
    await settled();
    const tags = a.raw.drain().map(({ name, args, body }) => `${name} ${(args as { deliveryTag: number }).deliveryTag} ${body}`);
    expect(tags).toEqual(["basic.deliver 1 pushed", "basic.get-ok 2 got"]);
  });

  test("reroute back to the same consumer, which is then cut: the message is there once", async () => {
    const seen: string[] = [];
    const h = house({
      delivery: (message) => {
        seen.push(message.text());
        return seen.length === 1 ? reroute({ protocol: "amqp", exchange: "", routingKey: "q" }) : close({ reset: true });
      },
    });
    const [a, b] = [await h.client(), await h.client()];
    await a.queue("q", { exclusive: false });
    await b.consume("q");
    a.publish("", "q", "x");
    await settled();
    expect(seen).toEqual(["x", "x"]);
    const { items } = h.broker.vhosts.get("/")!.queues.get("q")!;
    expect([items.ready, items.unacked]).toEqual([1, 0]);
  });
});

describe("broker.publish", () => {
  test("goes to an exchange past the message hooks", async () => {
    const h = house({ message: () => drop() });
    const a = await h.client();
    await a.queue("q");
    h.broker.publish({
      protocol: "amqp",
      routingKey: "q",
      payload: { a: 1 },
      headers: { h: "x" },
      properties: { contentType: "application/json" },
    });
    a.getOne("q");
    const { body, properties } = await a.raw.expect("basic.get-ok");
    expect([body!.toString(), properties!.contentType, properties!.headers!.toObject()]).toEqual([
      '{"a":1}',
      "application/json",
      { h: "x" },
    ]);
    expect(() => h.broker.publish({ protocol: "amqp", exchange: "nope", payload: "" })).toThrow("NOT_FOUND - no exchange 'nope'");
    expect(() => h.broker.publish({ protocol: "amqp", vhost: "nope", payload: "" })).toThrow("vhost");
    expect(() => h.broker.publish({ protocol: "amqp", payload: "", properties: { nonsense: 1 } })).toThrow("nonsense");
  });
});
