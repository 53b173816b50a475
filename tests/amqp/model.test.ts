/** The model of the AMQP broker, which knows no version of the protocol: messages, values and errors, and what 0-9-1 makes of them. */
import { describe, expect, test } from "bun:test";
import { CONDITIONS } from "../../src/amqp/model/errors.ts";
import { Address, MadeMessage } from "../../src/amqp/model/message.ts";
import { propertiesOf } from "../../src/amqp/model/properties.ts";
import { Decimal, Field, Table } from "../../src/amqp/model/values.ts";
import { FieldTable } from "../../src/amqp/v091/fields.ts";
import { Content, contentOf, namesOf } from "../../src/amqp/v091/message.ts";
import { REPLIES, ReplyError } from "../../src/amqp/v091/replies.ts";
import { AmqpHouse } from "./house.ts";

const VALUES = {
  text: "ü",
  whole: 5,
  large: 2 ** 40,
  part: 0.5,
  yes: true,
  none: null,
  bytes: Buffer.from([1, 2]),
  when: new Date(5000),
  list: [1, "a", [false]],
  table: { deep: { deeper: 1 } },
  decimal: new Decimal(2, 314),
  typed: new Field("uint8", 7),
};

describe("tables", () => {
  test("are the same in memory and on the wire", () => {
    const [made, wire] = [Table.of(VALUES), FieldTable.of(VALUES)];
    expect(made).not.toBeInstanceOf(FieldTable);
    const read = new FieldTable(wire.bytes);
    expect(read.toObject()).toEqual(made.toObject());
    expect(read.fields().map(([name, { kind }]) => [name, kind])).toEqual(made.fields().map(([name, { kind }]) => [name, kind]));
    expect(FieldTable.of({ a: made }).bytes).toEqual(FieldTable.of({ a: wire }).bytes);
    expect(read.identity()).toBe(made.identity());
  });

  test("one is another only with the same names, kinds and values, in whatever order", () => {
    const { text, whole, ...rest } = VALUES;
    expect(Table.of({ ...rest, whole, text }).identity()).toBe(Table.of(VALUES).identity());
    const others = [
      {},
      { a: 1 },
      { a: 2 },
      { b: 1 },
      { a: new Field("int64", 1) },
      { a: "1" },
      { a: 1, b: 1 },
      { a: [1] },
      { a: [1, 1] },
      { a: [[1]] },
      { a: { b: 1 } },
      { a: { b: [1] } },
      { a: null },
      { "a:": 1 },
    ];
    expect(new Set(others.map((one) => Table.of(one).identity())).size).toBe(others.length);
  });

  test("refuse what no version can carry", () => {
    expect(() => Table.of({ ["n".repeat(256)]: 1 })).toThrow(RangeError);
    expect(() => Table.of({ ["ü".repeat(127)]: 1 })).not.toThrow();
    expect(() => Table.of({ a: (() => 1) as never })).toThrow(TypeError);
  });
});

test("properties are checked when they are given, not when they are sent", () => {
  expect(propertiesOf({ contentType: "t", priority: 3, timestamp: new Date(5500), expiration: 100 })).toEqual({
    contentType: "t",
    priority: 3,
    timestamp: 5,
    expiration: "100",
  });
  expect(() => propertiesOf({ contentTyp: "t" })).toThrow("there is no basic property contentTyp");
  expect(() => propertiesOf({ constructor: "t" })).toThrow("there is no basic property constructor");
  expect(() => propertiesOf({ priority: "3" })).toThrow(TypeError);
  expect(() => propertiesOf({ messageId: "ü".repeat(128) })).toThrow("the property messageId has 256 bytes: at most 255");
  expect(() => new Address("e", "k".repeat(256))).toThrow("a routing key has 256 bytes");
});

describe("messages", () => {
  test("of no version are encoded once for 0-9-1, and those of 0-9-1 never", () => {
    const given = { contentType: "t", headers: Table.of(VALUES), priority: 4, expiration: "10" };
    const made = new MadeMessage(new Address("e", "k"), given, Buffer.from("body"));
    const content = contentOf(made);
    expect(contentOf(made)).toBe(content);
    expect(contentOf(content)).toBe(content);
    expect(content.body().toString()).toBe("body");
    expect(content.properties().headers!.toObject()).toEqual(given.headers.toObject());
    for (const one of [made, content]) {
      expect([one.size, one.hasHeaders, one.hasExpiration, one.hasPriority]).toEqual([4, true, true, true]);
      const other = one.with(new Address("f", "l"), { messageId: "m" });
      expect(other.constructor).toBe(one.constructor);
      expect(other.address).toMatchObject({ exchange: "f", routingKey: "l" });
      expect([other.body().toString(), other.properties(), other.headers()]).toEqual(["body", { messageId: "m" }, null]);
      expect(one.with(one.address, {}, Buffer.from("other")).body().toString()).toBe("other");
    }
    expect(namesOf(made.address)).toBe(namesOf(content.address));
    expect(namesOf(made.address).toString("latin1")).toBe("\x01e\x01k");
  });

  test("sent from within go through queues, dead letters and consumers as those of clients do", async () => {
    const house = new AmqpHouse();
    const client = await house.client("reader");
    const vhost = house.broker.vhosts.get("/")!;
    vhost.declareExchange("by-headers", {
      type: "headers",
      durable: false,
      autoDelete: false,
      internal: false,
      arguments: Table.EMPTY,
    });
    const settings = { durable: false, autoDelete: false, owner: null };
    vhost.declareQueue(
      "limited",
      { ...settings, arguments: Table.of({ "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead" }) },
      null,
    );
    vhost.declareQueue("dead", { ...settings, arguments: Table.EMPTY }, null);
    vhost.bind("by-headers", () => vhost.queue("limited", null), "", Table.of({ kind: "x", list: [1, 2] }));
    house.broker.publish({
      protocol: "amqp",
      exchange: "by-headers",
      payload: "late",
      headers: { kind: "x", list: [1, 2], BCC: ["dead"] },
      properties: { expiration: 1000, messageId: "m" },
    });
    const sent = await house.broker.send([{ protocol: "amqp", exchange: "", routingKey: "dead", payload: "direct" }]);
    expect(sent.accepted).toBe(1);
    expect([...vhost.queue("limited", null).items].every(({ item }) => item instanceof MadeMessage)).toBe(true);
    await house.clock.advance(2000);
    const first = await client.raw.call(1, "basic.get", { queue: "dead", noAck: true }, "basic.get-ok");
    expect(first.body!.toString()).toBe("direct");
    const second = await client.raw.call(1, "basic.get", { queue: "dead", noAck: true }, "basic.get-ok");
    const { headers, ...properties } = second.properties!;
    expect([second.body!.toString(), properties]).toEqual(["late", { messageId: "m" }]);
    expect(headers!.toObject()).toMatchObject({ kind: "x", list: [1, 2], "x-first-death-queue": "limited" });
    house.close();
  });

  test("of 0-9-1 lie in queues as they came", async () => {
    const house = new AmqpHouse();
    const client = await house.client("writer");
    await client.raw.call(1, "queue.declare", declaration("q"), "queue.declare-ok");
    client.raw.publish(1, { routingKey: "q" }, "x", {
      headers: FieldTable.of({ L: new FieldTable(Buffer.from([1, 0x6e, 0x4c, 0, 0, 0, 0, 0, 0, 0, 12])) }),
    });
    await client.raw.call(1, "basic.qos", { prefetchSize: 0, prefetchCount: 1, global: false }, "basic.qos-ok");
    const item = [...house.broker.vhosts.get("/")!.queue("q", null).items][0]!.item as Content;
    expect(item).toBeInstanceOf(Content);
    expect(item.buf.toString("latin1", item.propsStart, item.propsEnd)).toContain("\x01nL");
    house.close();
  });
});

function declaration(queue: string) {
  return { queue, passive: false, durable: false, exclusive: false, autoDelete: false, noWait: false, arguments: FieldTable.EMPTY };
}

test("each condition has a reply code in 0-9-1 that ends as much as its scope says", () => {
  for (const [condition, scope] of Object.entries(CONDITIONS)) {
    const reply = new ReplyError(condition as keyof typeof REPLIES, "why");
    expect(REPLIES).toHaveProperty(condition);
    expect({ condition, scope: reply.hard ? "connection" : "channel" }).toEqual({ condition, scope });
  }
});
