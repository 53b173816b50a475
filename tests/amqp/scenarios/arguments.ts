import { Field, type Kind } from "../../../src/amqp/model/values.ts";
import type { Scenarios } from "./index.ts";

const QUORUM = { durable: true, exclusive: false } as const;

/** What may stand in the arguments of queues, exchanges and consumers. */
const scenarios: Scenarios = {
  ...Object.fromEntries(
    (
      [
        { "x-queue-version": 1 },
        { "x-queue-version": 2 },
        { "x-queue-version": 3 },
        { "x-queue-version": "1" },
        { "x-queue-master-locator": "min-masters" },
        { "x-queue-master-locator": "nonsense" },
        { "x-queue-master-locator": 1 },
        { "x-queue-leader-locator": "client-local" },
        { "x-queue-leader-locator": "nonsense" },
        { "x-max-in-memory-length": 5 },
        { "x-max-in-memory-bytes": 5 },
        { "x-quorum-initial-group-size": 1 },
        { "x-dead-letter-strategy": "at-most-once" },
        { "x-initial-cluster-size": 1 },
        { "x-stream-max-segment-size-bytes": 1000 },
        { "x-ha-policy": "all" },
        { "x-queue-type": 5 },
        { "x-queue-type": "Classic" },
        { "x-single-active-consumer": null },
        { "x-overflow": null },
        { "x-dead-letter-exchange": "" },
        { "x-dead-letter-exchange": "a\nb" },
        { "x-dead-letter-exchange": null },
        { "x-queue-mode": "default" },
        { "x-queue-mode": 5 },
        { "x-max-length": new Field("int8", 5) },
        { "x-max-length": new Field("uint8", 5) },
        { "x-max-length": new Field("uint16", 5) },
        { "x-max-length": new Field("uint32", 5) },
        { "x-max-length": new Field("float", 5) },
        { "x-max-length": new Field("timestamp", 5) },
        { "x-max-length": 2n ** 62n },
        { "x-message-ttl": 4294967295 },
        { "x-message-ttl": 4294967296 },
        { "x-expires": 4294967295 },
        { "x-expires": 315360000001 },
        { "x-message-ttl": 315360000001 },
        { "x-expires": 315360000000 },
        { "x-expires": 5, "x-overflow": "nonsense", "x-max-length": -1 },
        { "x-overflow": "nonsense", "x-max-length": -1 },
        { "x-max-length": -1, "x-overflow": "nonsense" },
        { "x-queue-type": "classic", "x-delivery-limit": 1 },
      ] as const
    ).map(
      (table) =>
        [`classic queue: ${named(table)}`, async (stage) => (await stage.client()).declareQueue("q", { arguments: table })] as [
          string,
          Scenarios[string],
        ],
    ),
  ),
  ...Object.fromEntries(
    (
      [
        { "x-max-length": 5 },
        { "x-max-length-bytes": 5 },
        { "x-message-ttl": 5 },
        { "x-expires": 100000 },
        { "x-overflow": "drop-head" },
        { "x-overflow": "reject-publish" },
        { "x-overflow": "reject-publish-dlx" },
        { "x-delivery-limit": 0 },
        { "x-delivery-limit": -1 },
        { "x-delivery-limit": "1" },
        { "x-single-active-consumer": true },
        { "x-max-in-memory-length": 5 },
        { "x-max-in-memory-bytes": 5 },
        { "x-quorum-initial-group-size": 1 },
        { "x-quorum-initial-group-size": 0 },
        { "x-dead-letter-strategy": "at-most-once" },
        { "x-dead-letter-strategy": "at-least-once" },
        { "x-dead-letter-strategy": "nonsense" },
        { "x-queue-leader-locator": "client-local" },
        { "x-queue-leader-locator": "nonsense" },
        { "x-queue-master-locator": "min-masters" },
        { "x-queue-version": 1 },
        { "x-max-age": "1h" },
        { anything: 1 },
        { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "k" },
      ] as const
    ).map(
      (table) =>
        [
          `quorum queue: ${JSON.stringify(table)}`,
          async (stage) => {
            const a = await stage.client();
            a.declareQueue("quorum", { ...QUORUM, arguments: { "x-queue-type": "quorum", ...table } });
            await a.next();
            const b = await stage.client();
            b.deleteQueue("quorum");
            await b.next();
          },
        ] as [string, Scenarios[string]],
    ),
  ),
  ...Object.fromEntries(
    (
      [
        ["another mode", { "x-queue-mode": "lazy" }, { "x-queue-mode": "default" }],
        ["a mode where there was none", {}, { "x-queue-mode": "lazy" }],
        ["a priority where there was none", {}, { "x-max-priority": 5 }],
        ["another version", { "x-queue-version": 1 }, { "x-queue-version": 2 }],
        ["another leader", { "x-queue-leader-locator": "client-local" }, { "x-queue-leader-locator": "balanced" }],
        [
          "another dead letter key",
          { "x-dead-letter-exchange": "a", "x-dead-letter-routing-key": "a" },
          { "x-dead-letter-exchange": "a", "x-dead-letter-routing-key": "b" },
        ],
        ["no active consumer", { "x-single-active-consumer": true }, {}],
        ["an active consumer that says no", {}, { "x-single-active-consumer": false }],
        ["a double", { "x-max-length": 5 }, { "x-max-length": new Field("double", 5) }],
        ["the types reversed", { "x-queue-type": "classic" }, {}],
        ["a strategy", {}, { "x-dead-letter-strategy": "at-most-once" }],
      ] as const
    ).map(
      ([name, before, after]) =>
        [
          `redeclared: with ${name}`,
          async (stage) => {
            const a = await stage.client();
            await a.queue("q", { arguments: before });
            a.declareQueue("q", { arguments: after });
          },
        ] as [string, Scenarios[string]],
    ),
  ),
  "redeclared: quorum as it was": async (stage) => {
    const a = await stage.client();
    const table = { "x-queue-type": "quorum", "x-delivery-limit": 3 };
    await a.queue("quorum", { ...QUORUM, arguments: table });
    await a.queue("quorum", { ...QUORUM, arguments: table });
    a.declareQueue("quorum", { ...QUORUM, arguments: { "x-queue-type": "quorum", "x-delivery-limit": 4 } });
    await a.next();
    const b = await stage.client();
    b.deleteQueue("quorum");
    await b.next();
  },
  "redeclared: quorum without its type": async (stage) => {
    const a = await stage.client();
    await a.queue("quorum", { ...QUORUM, arguments: { "x-queue-type": "quorum" } });
    a.declareQueue("quorum", { ...QUORUM });
    await a.next();
    const b = await stage.client();
    b.deleteQueue("quorum");
    await b.next();
  },
  ...Object.fromEntries(
    (
      [
        ["x-delayed-message", { "x-delayed-type": "direct" }],
        ["x-consistent-hash", {}],
        ["", {}],
        ["Direct", {}],
        ["direct", { "alternate-exchange": "" }],
        ["direct", { "alternate-exchange": "x" }],
        ["direct", { "alternate-exchange": null }],
        ["topic", { anything: 1 }],
        ["direct", { "alternate-exchange": "a\nb" }],
      ] as const
    ).map(
      ([type, table]) =>
        [
          `exchange arguments: ${JSON.stringify([type, table])}`,
          async (stage) => {
            const a = await stage.client();
            a.declareExchange("x", type, { arguments: table });
            await a.next();
            const b = await stage.client();
            b.deleteExchange("x");
            await b.next();
          },
        ] as [string, Scenarios[string]],
    ),
  ),
  ...Object.fromEntries(
    (
      [
        { "x-priority": 2 ** 40 },
        { "x-priority": null },
        { "x-priority": 1.5 },
        { "x-priority": true },
        { "x-priority": new Field("int8", -3) },
        { "x-cancel-on-ha-failover": true },
        { "x-cancel-on-ha-failover": "yes" },
        { "x-stream-offset": "first" },
        { "x-stream-offset": 1.5 },
        { anything: [1] },
        { "x-credit": { credit: 1, drain: false } },
      ] as const
    ).map(
      (table) =>
        [
          `consumer arguments: ${named(table)}`,
          async (stage) => {
            const a = await stage.client();
            await a.queue("q");
            a.subscribe("q", { consumerTag: "c", arguments: table });
            if ((await a.next()).name !== "basic.consume-ok") return;
            a.publish("", "q", "x");
            await a.deliveries(1);
          },
        ] as [string, Scenarios[string]],
    ),
  ),
  "no answer wanted: an error all the same": async (stage) => {
    for (const attempt of [
      (a) => a.declareQueue("nope", { passive: true, noWait: true }),
      (a) => a.declareExchange("nope", "direct", { passive: true, noWait: true }),
      (a) => a.subscribe("nope", { noWait: true }),
    ] as ((a: Awaited<ReturnType<typeof stage.client>>) => void)[]) {
      const a = await stage.client();
      attempt(a);
      await a.settle();
    }
  },
  "no answer wanted: all of it is done": async (stage) => {
    const a = await stage.client();
    const { raw } = a;
    a.declareExchange("x", "direct", { noWait: true });
    a.declareExchange("y", "fanout", { noWait: true });
    a.declareQueue("", { noWait: true });
    const none = a.raw;
    raw.send(1, "queue.bind", { queue: "", exchange: "y", routingKey: "", noWait: true, arguments: undefined! });
    raw.send(1, "exchange.bind", { destination: "y", source: "x", routingKey: "k", noWait: true, arguments: undefined! });
    raw.send(1, "confirm.select", { noWait: true });
    a.publish("x", "k", "through");
    await none.expect("basic.ack");
    await a.get("");
    a.publish("x", "k", "purged");
    await none.expect("basic.ack");
    raw.send(1, "queue.purge", { queue: "", noWait: true });
    await a.get("");
    raw.send(1, "exchange.unbind", { destination: "y", source: "x", routingKey: "k", noWait: true, arguments: undefined! });
    a.publish("x", "k", "nowhere", {}, { mandatory: true });
    await a.next();
    await a.next();
    raw.send(1, "queue.delete", { queue: "", ifUnused: false, ifEmpty: false, noWait: true });
    raw.send(1, "exchange.delete", { exchange: "x", ifUnused: false, noWait: true });
    raw.send(1, "exchange.delete", { exchange: "y", ifUnused: false, noWait: true });
    a.declareExchange("x", "direct", { passive: true });
    await a.next();
  },
};
/** The letters of the kinds, by which the recorded scenarios are named. */
function letterOf(kind: Kind): string | undefined {
  const letters: Partial<Record<Kind, string>> = { int8: "b", uint8: "B", uint16: "u", uint32: "i", float: "f", timestamp: "T" };
  return letters[kind];
}

function named(table: object): string {
  return JSON.stringify(table, (_, v) =>
    v instanceof Field ? { type: letterOf(v.kind), value: v.value } : typeof v === "bigint" ? String(v) : v,
  );
}

export default scenarios;
