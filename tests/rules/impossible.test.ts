/** Rules that could never fire, or whose options nobody would heed, are told; those that could are taken, and fire. */
import { beforeAll, describe, expect, test } from "bun:test";
import { compileRule } from "../../src/rules/compile.ts";
import { RuleError, type Rule } from "../../src/rules/rule.ts";
import { registerAll } from "../../src/rules/known.ts";
import { World } from "../faults/world.ts";

beforeAll(registerAll);

const message = (rule: Rule, brokers = 3): string => {
  try {
    compileRule(rule, { brokers });
    return "";
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    return error.message;
  }
};

test.each([
  [
    { match: { operation: "Prodcue" }, fault: "drop" },
    "match.operation: kafka, mqtt, amqp have no operation Prodcue: did you mean Produce?",
  ],
  [{ match: { operation: ["Produce", "Fetchh"] }, fault: "drop" }, "no operation Fetchh: did you mean Fetch?"],
  [{ match: { protocol: "mqtt", operation: "Produce" }, fault: "drop" }, "mqtt has no operation Produce"],
  [{ match: { operation: "Foo*" }, fault: "drop" }, "no operation Foo*"],
  [{ match: { operation: "CONNACK" }, fault: "drop" }, "no client sends CONNACK"],
  [{ match: { operation: "connection.start-ok", direction: "out" }, fault: "drop" }, "the broker does not answer with connection.start-ok"],
  [{ match: { operation: "basic.deliver", direction: "out" }, fault: "drop" }, "basic.deliver is a delivery"],
  [{ match: { operation: "basic.ack", queue: "q" }, fault: "drop" }, "no queue at basic.ack"],
  [{ match: { operation: "SUBSCRIBE", topic: "a" }, fault: "lose-answer" }, "no topic at SUBSCRIBE"],
  [{ match: { operation: "Heartbeat", topic: "t" }, fault: "drop" }, "no topic at Heartbeat"],
  [{ match: { broker: 7 }, fault: "drop" }, "match.broker: there is no broker 7: Kafka's are 1 to 3"],
  [{ match: { protocol: "mqtt", broker: 1 }, fault: "drop" }, "in mqtt is no broker"],
  [{ match: { protocol: "kafka", transport: "websocket" }, fault: "drop" }, "in kafka is no transport"],
  [{ fault: { "broker-kill": { broker: 9 } } }, "fault.broker-kill.broker: there is no broker 9"],
  [{ fault: { "leader-change": { to: 9 } } }, "fault.leader-change.to: there is no broker 9"],
  [{ preset: { "zone-outage": { brokers: [4] } } }, "preset.zone-outage: there is no broker 4"],
  [{ match: { protocol: "mqtt", operation: "CONNECT", topic: "a" }, fault: { "broker-kill": { broker: "mqtt" } } }, "nothing can match"],
  // What is watched for does not make up for what is not there.
  [{ match: { protocol: "mqtt", key: "k" }, when: { after: { connect: "a" } }, fault: "drop" }, "nothing can match"],
  [{ when: { after: { match: { protocol: "mqtt", partition: 1 } } }, fault: "drop" }, "when.after.match: nothing can match"],
  [{ when: { after: { match: { operation: "Prodcue" } } }, fault: "drop" }, "when.after.match.operation"],
  [{ match: { protocol: "kafka" }, when: { after: { offset: 4 } }, fault: "drop" }, "when.after: only deliveries of Kafka have an offset"],
  [{ match: { operation: "Produce" }, when: { per: "key" }, fault: "drop" }, "when.per: there are no keys"],
  [{ when: { window: ["10s", "5s"] }, fault: "drop" }, "when.window: it is over before it begins"],
  [{ when: { after: 100, until: 100 }, fault: "drop" }, "when.until: it is over before it begins"],
  [{ for: "0s", fault: "drop" }, "for: it is over before it begins"],
  [{ match: { header: {} }, fault: "drop" }, "match.header"],
  [{ match: { payload: {} }, fault: "drop" }, "match.payload: expected contains, matches or json"],
  [{ match: { topic: null as never }, fault: "drop" }, "match.topic: expected a text"],
  [{ match: { size: { min: 5, max: 2 } }, fault: "drop" }, "match.size.max"],
  [{ match: { size: "4KiB..1KiB" }, fault: "drop" }, "match.size"],
  [{ fault: { corrupt: { how: "truncate", bits: 4 } } }, "only bit-flip takes bits"],
  [{ fault: { "poison-message": { size: "4KiB" } } }, "only as: huge takes a size"],
  [{ fault: { "poison-message": { as: "empty", payload: "x" } } }, "either as or a payload"],
  [{ match: { protocol: "kafka" }, fault: { throttle: { receive_maximum: 5 } } }, "only MQTT's CONNACK"],
  [{ match: { protocol: "mqtt", operation: "SUBSCRIBE" }, fault: "throttle" }, "nothing can match"],
  [{ fault: { "lose-answer": { cut: true, ms: 5 } } }, "with cut the connection is reset at once"],
  [{ fault: { "broker-restart": { broker: "all", pause: "1s" } } }, "only with rolling: true"],
  [{ match: { direction: "out" }, fault: "pause-reading" }, "leave out direction"],
  [{ fault: { latency: { pareto: { least: 5, most: 2 } } } }, "2 ms is less than least"],
  [{ fault: { storm: { of: "rebalances", client: "a" } } }, "groups rebalance, not clients"],
  [{ fault: { verdict: { point: "message", answer: { expire: {} } } } }, "message takes "],
  [{ preset: "rolling-upgrade", match: { topic: "a" } }, "match.topic: rolling-upgrade does not go by topic, but by protocol only"],
  [{ preset: "slow-disk", match: { operation: "Fetch" } }, "slow-disk does not go by operation"],
  [{ fault: "drop", when: { prob: 0.1 } as never }, "unknown key prob: did you mean probability?"],
] as [Rule, string][])("%j", (rule, told) => expect(message(rule)).toContain(told));

test.each([
  { match: { operation: "*" }, fault: "drop" },
  { match: { operation: "queue.*", queue: "q" }, fault: "drop" },
  { match: { operation: "/^Pro/" }, fault: "drop" },
  { match: { operation: "FindCoordinator", group: "g" }, fault: "drop" },
  { match: { address: "a", operation: ["Produce", "PUBLISH"] }, fault: "drop" },
  { match: { topic: "t" }, preset: "slow-disk" },
  { match: { queue: "q" }, when: { per: "key" }, fault: "drop" },
  { match: { direction: "out" }, when: { after: { offset: 5 } }, fault: "drop" },
  ...["bandwidth", "jitter", "slice", "slow-close", "pause-reading", "clock-jump"].map((fault) => ({ fault })),
] as Rule[])("%j is taken", (rule) => expect(message(rule)).toBe(""));

test("errors of hundreds of names tell the nearest few", () => {
  const told = message({ fault: { error: { code: "X" } } });
  expect(told).toContain(" more");
  expect(told.length).toBeLessThan(500);
});

describe("an operation's answer", () => {
  test("is what lose-answer takes, whatever the protocol calls it", async () => {
    await using world = await World.start({
      chaos: [
        { name: "suback", match: { operation: "SUBSCRIBE" }, fault: { "lose-answer": { cut: true } } },
        { name: "puback", match: { operation: "PUBLISH", topic: "a" }, fault: { "lose-answer": { cut: true } } },
        { name: "declare-ok", match: { operation: "queue.declare" }, fault: { "lose-answer": { cut: true } } },
        { name: "confirm", match: { operation: "basic.publish" }, fault: { "lose-answer": { cut: true } } },
      ],
    });
    const cut = (emitter: { once(event: "close", listener: () => void): unknown }) =>
      new Promise<void>((resolve) => emitter.once("close", () => resolve()));
    const publisher = await world.mqtt({ clientId: "publisher", reconnectPeriod: 0 });
    publisher.publish("a", "x", { qos: 1 });
    await cut(publisher);
    const subscriber = await world.mqtt({ clientId: "subscriber", reconnectPeriod: 0 });
    subscriber.subscribe("a", { qos: 1 });
    await cut(subscriber);
    const declarer = await world.amqp("declarer");
    declarer.on("error", () => undefined);
    void (await declarer.createChannel()).assertQueue("q").catch(() => undefined);
    await cut(declarer);
    const confirmed = await world.amqp("confirmed");
    confirmed.on("error", () => undefined);
    (await confirmed.createConfirmChannel()).publish("amq.fanout", "", Buffer.from("x"), {}, () => undefined);
    await cut(confirmed);
    expect(world.havoq.rules.list().map(({ id, fired }) => `${id} ${fired}`)).toEqual([
      "suback 1",
      "puback 1",
      "declare-ok 1",
      "confirm 1",
    ]);
  }, 15_000);
});

test("a fault that fails by the clock is told, and ends nothing", async () => {
  await using world = await World.start();
  const control = world.havoq.seam.control as unknown as { killBroker(): void };
  control.killBroker = () => {
    throw new Error("it does not die");
  };
  const rule = world.havoq.rules.add({ name: "deadly", fault: { "broker-kill": { broker: 1 } } });
  while (rule.errors === 0) await Bun.sleep(1);
  expect(world.havoq.rules.get("deadly")!.errors).toBe(1);
}, 10_000);
