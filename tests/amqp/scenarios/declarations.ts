import { Field } from "../../../src/amqp/model/values.ts";
import type { Scenarios } from "./index.ts";

/** What is declared, bound, deleted, and refused. */
const scenarios: Scenarios = {
  "exchange: unknown type": async (stage) => (await stage.client()).declareExchange("x", "nonsense"),
  "exchange: declare the default one": async (stage) => (await stage.client()).declareExchange("", "direct"),
  "exchange: reserved prefix": async (stage) => (await stage.client()).declareExchange("amq.mine", "direct"),
  "exchange: declare a predeclared one as it is": async (stage) =>
    (await stage.client()).declareExchange("amq.direct", "direct", { durable: true }),
  "exchange: declare amq.match otherwise": async (stage) => (await stage.client()).declareExchange("amq.match", "headers"),
  "exchange: passive, missing": async (stage) => (await stage.client()).declareExchange("nope", "direct", { passive: true }),
  "exchange: passive, the default one": async (stage) => (await stage.client()).declareExchange("", "direct", { passive: true }),
  "exchange: passive does not look at the type": async (stage) =>
    (await stage.client()).declareExchange("amq.topic", "nonsense", { passive: true }),
  "exchange: declared twice": async (stage) => {
    const a = await stage.client();
    await a.exchange("x", "fanout", { autoDelete: true });
    await a.exchange("x", "fanout", { autoDelete: true });
    a.deleteExchange("x");
  },
  ...Object.fromEntries(
    Object.entries({
      type: { type: "fanout" },
      durable: { durable: true },
      autoDelete: { autoDelete: true },
      internal: { internal: true },
      alternate: { arguments: { "alternate-exchange": "amq.fanout" } },
      "other arguments": { arguments: { anything: 1 } },
    }).map(
      ([name, { type = "direct", ...flags }]: [string, { type?: string }]) =>
        [
          `exchange: redeclared with another ${name}`,
          async (stage) => {
            const a = await stage.client();
            await a.exchange("x", "direct");
            a.declareExchange("x", type, flags);
            const b = await stage.client();
            b.deleteExchange("x");
            await b.next();
          },
        ] as [string, Scenarios[string]],
    ),
  ),
  "exchange: alternate of a wrong type": async (stage) =>
    (await stage.client()).declareExchange("x", "direct", { arguments: { "alternate-exchange": 5 } }),
  "exchange: line ends are taken out of names": async (stage) => {
    const a = await stage.client();
    await a.exchange("x\r\ny", "direct");
    a.declareExchange("xy", "direct", { passive: true });
    a.deleteExchange("x\ny");
    a.declareExchange("xy", "direct", { passive: true });
  },
  "exchange: delete a missing one": async (stage) => (await stage.client()).deleteExchange("nope"),
  "exchange: delete the default one": async (stage) => (await stage.client()).deleteExchange(""),
  "exchange: delete a predeclared one": async (stage) => (await stage.client()).deleteExchange("amq.direct"),
  "exchange: delete if unused": async (stage) => {
    const a = await stage.client();
    await a.exchange("x", "direct", { autoDelete: true });
    await a.queue("q");
    await a.bind("q", "x", "k");
    a.deleteExchange("x", true);
    const b = await stage.client();
    b.deleteExchange("x");
    await b.next();
  },
  "exchange: auto-delete after the last binding": async (stage) => {
    const a = await stage.client();
    await a.exchange("x", "direct", { autoDelete: true });
    await a.queue("q");
    await a.bind("q", "x", "k");
    await a.bind("q", "x", "l");
    a.unbindQueue("q", "x", "k");
    a.declareExchange("x", "direct", { passive: true });
    a.unbindQueue("q", "x", "l");
    a.declareExchange("x", "direct", { passive: true });
  },
  "exchange: auto-delete spreads over bindings between exchanges": async (stage) => {
    const a = await stage.client();
    await a.exchange("x", "direct", { autoDelete: true });
    await a.exchange("y", "fanout", { autoDelete: true });
    await a.queue("q");
    await a.bind("q", "y");
    a.bindExchange("y", "x", "k");
    a.deleteQueue("q");
    await a.next();
    await a.next();
    a.on(2).raw.send(2, "channel.open", {});
    await a.next();
    a.declareExchange("x", "direct", { passive: true });
    a.on(2).declareExchange("y", "fanout", { passive: true });
    await a.next();
  },

  "queue: reserved prefix": async (stage) => (await stage.client()).declareQueue("amq.mine"),
  "queue: name from the server": async (stage) => (await stage.client()).declareQueue(""),
  "queue: passive, missing": async (stage) => (await stage.client()).declareQueue("nope", { passive: true }),
  "queue: passive, no name": async (stage) => (await stage.client()).declareQueue("", { passive: true }),
  "queue: passive, reserved name": async (stage) => (await stage.client()).declareQueue("amq.none", { passive: true }),
  "queue: passive does not look at flags": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    a.declareQueue("q", { passive: true, exclusive: false, durable: true });
  },
  "queue: declared twice": async (stage) => {
    const a = await stage.client();
    await a.queue("q", { arguments: { "x-max-length": 5 } });
    a.publish("", "q", "1");
    await a.settle();
    a.declareQueue("q", { arguments: { "x-max-length": new Field("int64", 5) } });
  },
  "queue: redeclared durable while exclusive": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    a.declareQueue("q", { durable: true });
  },
  "queue: redeclared not exclusive": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    a.declareQueue("q", { exclusive: false });
  },
  "queue: redeclared exclusive": async (stage) => {
    const a = await stage.client();
    await a.queue("q", { exclusive: false, autoDelete: true });
    a.declareQueue("q", { autoDelete: true });
    const b = await stage.client();
    b.deleteQueue("q");
    await b.next();
  },
  "queue: redeclared with another durability": async (stage) => {
    const a = await stage.client();
    await a.queue("q", { exclusive: false });
    a.declareQueue("q", { exclusive: false, durable: true });
    const b = await stage.client();
    b.deleteQueue("q");
    await b.next();
  },
  "queue: redeclared auto-delete": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    a.declareQueue("q", { autoDelete: true });
  },
  "queue: line ends are taken out of names": async (stage) => {
    const a = await stage.client();
    a.declareQueue("q\r\nq");
    a.purge("qq");
    a.deleteQueue("q\nq");
  },
  ...Object.fromEntries(
    (
      [
        ["a limit where there was none", {}, { "x-message-ttl": 1000 }],
        ["no limit where there was one", { "x-message-ttl": 1000 }, {}],
        ["another limit", { "x-message-ttl": 1000 }, { "x-message-ttl": 2000 }],
        ["the limit in other bytes", { "x-message-ttl": 1000 }, { "x-message-ttl": new Field("int64", 1000) }],
        ["another dead letter exchange", { "x-dead-letter-exchange": "a" }, { "x-dead-letter-exchange": "b" }],
        ["another argument without meaning", { anything: "a" }, { anything: "b" }],
        ["an argument of another type", { "x-max-length": 5 }, { "x-max-length": "5" }],
        ["another active consumer", { "x-single-active-consumer": true }, { "x-single-active-consumer": false }],
        ["the type that it has anyway", {}, { "x-queue-type": "classic" }],
        ["two differences", { "x-max-length": 5, "x-message-ttl": 3 }, { "x-max-length": 6, "x-message-ttl": 4 }],
        ["another overflow", { "x-overflow": "drop-head" }, { "x-overflow": "reject-publish" }],
      ] as const
    ).map(
      ([name, before, after]) =>
        [
          `queue: redeclared with ${name}`,
          async (stage) => {
            const a = await stage.client();
            await a.queue("q", { arguments: before });
            a.declareQueue("q", { arguments: after });
          },
        ] as [string, Scenarios[string]],
    ),
  ),
  ...Object.fromEntries(
    ["x-message-ttl", "x-expires", "x-max-length", "x-max-length-bytes", "x-max-priority"].flatMap((name) =>
      [-1, 0, 1, "5", 1.5, 2 ** 40, true, null].map(
        (value) =>
          [
            `queue: ${name} ${JSON.stringify(value)}`,
            async (stage) => (await stage.client()).declareQueue("", { arguments: { [name]: value } }),
          ] as [string, Scenarios[string]],
      ),
    ),
  ),
  ...Object.fromEntries(
    (
      [
        { "x-overflow": "nonsense" },
        { "x-overflow": 1 },
        { "x-overflow": "reject-publish" },
        { "x-overflow": "reject-publish-dlx" },
        { "x-dead-letter-routing-key": "k" },
        { "x-dead-letter-exchange": 5 },
        { "x-dead-letter-exchange": "nope" },
        { "x-dead-letter-exchange": "nope", "x-dead-letter-routing-key": 7 },
        { "x-single-active-consumer": true },
        { "x-single-active-consumer": "true" },
        { "x-queue-type": "classic" },
        { "x-queue-type": "nonsense" },
        { "x-queue-mode": "lazy" },
        { "x-queue-mode": "nonsense" },
        { "x-delivery-limit": 1 },
        { "x-max-age": "1h" },
        { "x-max-priority": 256 },
        { anything: 1, "x-anything": "else" },
      ] as const
    ).map(
      (table) =>
        [`queue: arguments ${JSON.stringify(table)}`, async (stage) => (await stage.client()).declareQueue("", { arguments: table })] as [
          string,
          Scenarios[string],
        ],
    ),
  ),

  ...Object.fromEntries(
    (
      [
        ["not durable", { durable: false }, {}],
        ["exclusive", { exclusive: true }, {}],
        ["auto-delete", { autoDelete: true }, {}],
        ["priorities", {}, { "x-max-priority": 5 }],
        ["a queue mode", {}, { "x-queue-mode": "lazy" }],
      ] as const
    ).map(
      ([name, flags, table]) =>
        [
          `quorum queue: ${name}`,
          async (stage) =>
            (await stage.client()).declareQueue("quorum", {
              durable: true,
              exclusive: false,
              ...flags,
              arguments: { "x-queue-type": "quorum", ...table },
            }),
        ] as [string, Scenarios[string]],
    ),
  ),
  "quorum queue: no name": async (stage) =>
    (await stage.client()).declareQueue("", { durable: true, exclusive: false, arguments: { "x-queue-type": "quorum" } }),
  "quorum queue: where there is a classic one": async (stage) => {
    const a = await stage.client();
    await a.queue("q", { durable: true, exclusive: false });
    a.declareQueue("q", { durable: true, exclusive: false, arguments: { "x-queue-type": "quorum" } });
    const b = await stage.client();
    b.deleteQueue("q");
    await b.next();
  },

  "queue: exclusive to another connection": async (stage) => {
    const owner = await stage.client();
    await owner.queue("locked");
    for (const attempt of [
      (a) => a.declareQueue("locked"),
      (a) => a.declareQueue("locked", { exclusive: false }),
      (a) => a.declareQueue("locked", { passive: true }),
      (a) => a.subscribe("locked"),
      (a) => a.getOne("locked"),
      (a) => a.purge("locked"),
      (a) => a.deleteQueue("locked"),
      (a) => a.bindQueue("locked", "amq.direct", "k"),
      (a) => a.unbindQueue("locked", "amq.direct", "k"),
    ] as ((a: Awaited<ReturnType<typeof stage.client>>) => void)[])
      attempt(await stage.client());
    // Publishing to it is for all.
    const other = await stage.client();
    other.publish("", "locked", "from outside", {}, { mandatory: true });
    await other.settle();
    await owner.get("locked");
  },
  "queue: goes with the connection it is exclusive to": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    a.raw.send(0, "connection.close", { replyCode: 200, replyText: "", classId: 0, methodId: 0 });
    await a.next();
    (await stage.client()).declareQueue("q", { passive: true });
  },
  "queue: auto-delete after the last consumer": async (stage) => {
    const a = await stage.client();
    await a.queue("q", { autoDelete: true });
    await a.consume("q", { consumerTag: "one" });
    await a.consume("q", { consumerTag: "two" });
    a.cancel("one");
    await a.next();
    a.declareQueue("q", { passive: true });
    await a.next();
    a.cancel("two");
    await a.next();
    a.declareQueue("q", { passive: true });
  },
  "queue: auto-delete without a consumer stays": async (stage) => {
    const a = await stage.client();
    await a.queue("q", { autoDelete: true });
    await a.get("q");
    a.declareQueue("q", { passive: true });
  },
  "queue: delete, purge": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    for (const body of ["1", "2", "3"]) a.publish("", "q", body);
    a.purge("q");
    a.publish("", "q", "4");
    a.getOne("q", false);
    a.publish("", "q", "5");
    a.publish("", "q", "6");
    a.purge("q");
    a.deleteQueue("q");
    a.deleteQueue("q");
  },
  "queue: delete if empty": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    a.publish("", "q", "1");
    await a.settle();
    a.deleteQueue("q", { ifEmpty: true });
  },
  "queue: delete if unused": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    await a.consume("q", { consumerTag: "c" });
    a.deleteQueue("q", { ifUnused: true });
  },
  "queue: its consumers hear that it was deleted": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    await a.consume("q", { consumerTag: "c" });
    const b = await a.on(2).open();
    b.deleteQueue("q");
    await a.next();
    await a.next();
  },
  "queue: consumers without the capability hear nothing": async (stage) => {
    const a = await stage.client({ properties: {} });
    await a.queue("q");
    await a.consume("q", { consumerTag: "c" });
    a.deleteQueue("q");
  },
  "queue: missing": async (stage) => {
    for (const attempt of [
      (a) => a.subscribe("nope"),
      (a) => a.getOne("nope"),
      (a) => a.purge("nope"),
      (a) => a.deleteQueue("nope"),
      (a) => a.bindQueue("nope", "amq.direct"),
      (a) => a.unbindQueue("nope", "amq.direct"),
    ] as ((a: Awaited<ReturnType<typeof stage.client>>) => void)[])
      attempt(await stage.client());
  },
  "queue: no name and none declared": async (stage) => {
    for (const attempt of [
      (a) => a.subscribe(""),
      (a) => a.getOne(""),
      (a) => a.purge(""),
      (a) => a.deleteQueue(""),
      (a) => a.bindQueue("", "amq.direct"),
      (a) => a.unbindQueue("", "amq.direct"),
    ] as ((a: Awaited<ReturnType<typeof stage.client>>) => void)[])
      attempt(await stage.client());
  },
  "queue: no name means the last one declared": async (stage) => {
    const a = await stage.client();
    await a.queue("first");
    await a.queue("last");
    await a.bind("", "amq.direct");
    a.publish("amq.direct", "last", "by its name", {}, { mandatory: true });
    a.publish("amq.direct", "", "by no name", {}, { mandatory: true });
    await a.settle();
    a.getOne("");
    await a.next();
    a.unbindQueue("", "amq.direct");
    a.purge("");
    a.deleteQueue("");
    a.getOne("");
  },

  "binding: missing exchange": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    a.bindQueue("q", "nope", "k");
  },
  "binding: both missing": async (stage) => (await stage.client()).bindQueue("nope", "neither", "k"),
  "binding: to the default exchange": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    a.bindQueue("q", "", "k");
  },
  "binding: unbind from the default exchange": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    a.unbindQueue("q", "", "q");
  },
  "binding: unbind what is not bound": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    a.unbindQueue("q", "amq.direct", "k");
    a.unbindQueue("q", "nope", "k");
    a.unbindQueue("nope", "amq.direct", "k");
    a.unbindExchange("amq.fanout", "amq.direct", "k");
    a.unbindExchange("nope", "amq.direct", "k");
  },
  "binding: exchanges that are not there": async (stage) => {
    for (const [destination, source] of [
      ["nope", "amq.direct"],
      ["amq.direct", "nope"],
      ["nope", "neither"],
      ["amq.direct", ""],
      ["", "amq.direct"],
    ] as const) {
      (await stage.client()).bindExchange(destination, source, "k");
    }
  },
  "binding: the same one twice counts once": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    await a.bind("q", "amq.direct", "twice");
    await a.bind("q", "amq.direct", "twice");
    a.publish("amq.direct", "twice", "once");
    a.unbindQueue("q", "amq.direct", "twice");
    a.publish("amq.direct", "twice", "never");
    await a.settle();
    a.getOne("q");
    a.getOne("q");
  },
  "binding: arguments belong to what it is": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    await a.bind("q", "amq.direct", "k", { a: 1, b: 2 });
    a.unbindQueue("q", "amq.direct", "k");
    a.publish("amq.direct", "k", "still bound");
    a.unbindQueue("q", "amq.direct", "k", { b: 2, a: 1 });
    a.publish("amq.direct", "k", "no longer");
    a.getOne("q");
    a.getOne("q");
  },
  "binding: x-match that is none": async (stage) => {
    for (const value of ["nonsense", 1]) {
      const a = await stage.client();
      await a.queue("");
      a.bindQueue("", "amq.headers", "", { "x-match": value });
    }
  },
};
export default scenarios;
