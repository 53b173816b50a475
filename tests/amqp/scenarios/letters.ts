import { FieldTable } from "../../../src/amqp/v091/fields.ts";
import type { Scenarios } from "./index.ts";

const QUORUM = { durable: true, exclusive: false } as const;
const toDead = { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead" };

/** What becomes of messages that are not simply consumed: time, limits, priorities, dead letters, copies. */
const scenarios: Scenarios = {
  ...Object.fromEntries(
    (
      [
        ["CC that is no list", { CC: "cc" }],
        ["BCC that is no list", { BCC: 5 }],
        ["CC of numbers", { CC: [1, "cc"] }],
        ["CC that is empty", { CC: [] }],
        ["CC of a table", { CC: { a: "cc" } }],
        ["cc in small letters", { cc: ["cc"] }],
      ] as const
    ).map(
      ([name, table]) =>
        [
          `copies: ${name}`,
          async (stage) => {
            const a = await stage.client();
            await a.queue("q");
            await a.queue("cc");
            a.publish("", "q", "x", { headers: FieldTable.of(table) });
            await a.settle();
            await stage.wait(200);
            a.getOne("q");
            a.getOne("cc");
          },
        ] as [string, Scenarios[string]],
    ),
  ),
  "copies: CC of a mandatory message that reaches only the copy": async (stage) => {
    const a = await stage.client();
    await a.queue("cc");
    a.publish("", "nowhere", "x", { headers: FieldTable.of({ CC: ["cc"] }) }, { mandatory: true });
    a.publish("", "nowhere", "y", { headers: FieldTable.of({ CC: ["neither"], BCC: ["blind"] }) }, { mandatory: true });
    await a.next();
    await a.get("cc");
  },
  "copies: CC of a topic exchange": async (stage) => {
    const a = await stage.client();
    for (const queue of ["a", "b"]) await a.queue(queue);
    await a.bind("a", "amq.topic", "a.*");
    await a.bind("b", "amq.topic", "#.b");
    a.publish("amq.topic", "a.x", "x", { headers: FieldTable.of({ CC: ["x.b", "a.y"], BCC: ["z.b"] }) });
    await a.settle();
    for (const queue of ["a", "a", "b", "b"]) await a.get(queue);
  },

  ...Object.fromEntries(
    ["315360000000", "315360000001", "999999999999999", "0", "00", "1e3"].map(
      (expiration) =>
        [
          `expiration: ${expiration}`,
          async (stage) => {
            const a = await stage.client();
            await a.queue("q");
            a.publish("", "q", "x", { expiration });
            await a.settle();
            await stage.wait(200);
            a.getOne("q");
          },
        ] as [string, Scenarios[string]],
    ),
  ),
  "expiration: behind one that lasts": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    a.publish("", "q", "lasts");
    a.publish("", "q", "short", { expiration: "1" });
    await a.settle();
    await stage.wait(200);
    a.declareQueue("q", { passive: true });
    await a.next();
    for (let i = 0; i < 2; i++) await a.get("q");
  },
  "expiration: is there for consumers, and gone in a dead letter": async (stage) => {
    const a = await stage.client();
    await a.queue("dead");
    await a.queue("q", { arguments: toDead });
    a.publish("", "q", "x", { expiration: "60000", priority: 3, deliveryMode: 2 });
    await a.get("q", false);
    a.nack(1, false);
    await a.settle();
    await stage.wait(200);
    await a.get("dead");
  },
  "expiration: redelivered in time": async (stage) => {
    const a = await stage.client();
    await a.queue("q", { arguments: { "x-message-ttl": 60000 } });
    a.publish("", "q", "x");
    await a.get("q", false);
    a.nack(1, true);
    await a.get("q");
  },
  "expiration: of a queue, with its counts": async (stage) => {
    const a = await stage.client();
    await a.queue("q", { arguments: { "x-message-ttl": 1 } });
    for (let i = 0; i < 3; i++) a.publish("", "q", String(i));
    await a.settle();
    await stage.wait(200);
    a.declareQueue("q", { passive: true });
    await a.next();
    a.purge("q");
  },

  "priority: the lowest is none, the highest first, in order within": async (stage) => {
    const a = await stage.client();
    await a.queue("q", { arguments: { "x-max-priority": 3 } });
    for (const [i, priority] of [0, 3, undefined, 1, 255, 3, 1].entries()) a.publish("", "q", `${i} of ${priority}`, { priority });
    await a.settle();
    for (let i = 0; i < 7; i++) await a.get("q");
  },
  "priority: what comes back goes before those after it": async (stage) => {
    const a = await stage.client();
    await a.queue("q", { arguments: { "x-max-priority": 3 } });
    for (const [body, priority] of [
      ["low 1", 1],
      ["low 2", 1],
      ["high", 3],
    ] as const)
      a.publish("", "q", body, { priority });
    await a.settle();
    for (let i = 0; i < 2; i++) await a.get("q", false);
    a.publish("", "q", "middle", { priority: 2 });
    a.nack(0, true, true);
    await a.settle();
    for (let i = 0; i < 4; i++) await a.get("q");
  },
  "priority: a full queue drops at its head": async (stage) => {
    const a = await stage.client();
    await a.queue("q", { arguments: { "x-max-priority": 3, "x-max-length": 2 } });
    for (const [body, priority] of [
      ["low", 1],
      ["high", 3],
      ["middle", 2],
      ["low again", 1],
    ] as const)
      a.publish("", "q", body, { priority });
    await a.settle();
    for (let i = 0; i < 3; i++) await a.get("q");
  },
  "priority: of 0": async (stage) => {
    const a = await stage.client();
    await a.queue("q", { arguments: { "x-max-priority": 0 } });
    a.publish("", "q", "low");
    a.publish("", "q", "high", { priority: 9 });
    for (let i = 0; i < 2; i++) await a.get("q");
  },
  "priority: a short one behind one that lasts": async (stage) => {
    const a = await stage.client();
    await a.queue("q", { arguments: { "x-max-priority": 3 } });
    a.publish("", "q", "lasts", { priority: 3 });
    a.publish("", "q", "short", { priority: 1, expiration: "1" });
    await a.settle();
    await stage.wait(200);
    a.declareQueue("q", { passive: true });
    await a.next();
    for (let i = 0; i < 2; i++) await a.get("q");
  },

  "limit: what is unacknowledged does not count": async (stage) => {
    const a = await stage.client();
    await a.queue("q", { arguments: { "x-max-length": 1 } });
    a.publish("", "q", "1");
    await a.get("q", false);
    a.publish("", "q", "2");
    await a.settle();
    a.declareQueue("q", { passive: true });
    await a.next();
    a.nack(1, true);
    await a.settle();
    for (let i = 0; i < 2; i++) await a.get("q");
  },
  "limit: length and bytes together": async (stage) => {
    const a = await stage.client();
    await a.queue("q", { arguments: { "x-max-length": 2, "x-max-length-bytes": 6 } });
    for (const body of ["aaaa", "bbbb", "c", "d", "e"]) a.publish("", "q", body);
    await a.settle();
    for (let i = 0; i < 3; i++) await a.get("q");
  },
  "limit: reject-publish, by bytes, with a nack and a return": async (stage) => {
    const a = await stage.client();
    await a.queue("q", { arguments: { "x-max-length-bytes": 5, "x-overflow": "reject-publish" } });
    await a.confirm();
    for (const body of ["aaa", "bbb", "cc"]) {
      a.publish("", "q", body, {}, { mandatory: true });
      await a.next();
    }
    for (let i = 0; i < 3; i++) await a.get("q");
  },
  "limit: reject-publish without confirms": async (stage) => {
    const a = await stage.client();
    await a.queue("q", { arguments: { "x-max-length": 1, "x-overflow": "reject-publish" } });
    for (const body of ["1", "2"]) a.publish("", "q", body, {}, { mandatory: true });
    await a.settle();
    for (let i = 0; i < 2; i++) await a.get("q");
  },
  "limit: reject-publish in a transaction": async (stage) => {
    const a = await stage.client();
    await a.queue("q", { arguments: { "x-max-length": 1, "x-overflow": "reject-publish" } });
    await a.raw.call(1, "tx.select", {}, "tx.select-ok");
    for (const body of ["1", "2"]) a.publish("", "q", body);
    await a.raw.call(1, "tx.commit", {}, "tx.commit-ok");
    for (let i = 0; i < 2; i++) await a.get("q");
  },
  "limit: reject-publish-dlx without a dead letter exchange": async (stage) => {
    const a = await stage.client();
    await a.queue("q", { arguments: { "x-max-length": 0, "x-overflow": "reject-publish-dlx" } });
    await a.confirm();
    a.publish("", "q", "x");
    await a.next();
  },

  "dead letter: of an exchange that is not there": async (stage) => {
    const a = await stage.client();
    await a.queue("q", { arguments: { "x-dead-letter-exchange": "nope" } });
    a.publish("", "q", "x");
    await a.get("q", false);
    a.reject(1, false);
    await a.settle();
    a.declareQueue("q", { passive: true });
  },
  "dead letter: an exchange that comes later": async (stage) => {
    const a = await stage.client();
    await a.queue("q", { arguments: { "x-dead-letter-exchange": "later" } });
    await a.queue("dead");
    await a.exchange("later", "fanout");
    await a.bind("dead", "later");
    a.publish("", "q", "x");
    await a.get("q", false);
    a.reject(1, false);
    await a.settle();
    await stage.wait(200);
    await a.get("dead");
    a.deleteExchange("later");
  },
  "dead letter: through an alternate exchange": async (stage) => {
    const a = await stage.client();
    await a.exchange("dlx", "direct", { arguments: { "alternate-exchange": "amq.fanout" } });
    await a.queue("dead");
    await a.bind("dead", "amq.fanout");
    await a.queue("q", { arguments: { "x-dead-letter-exchange": "dlx" } });
    a.publish("", "q", "x");
    await a.get("q", false);
    a.reject(1, false);
    await a.settle();
    await stage.wait(200);
    await a.get("dead");
    a.deleteExchange("dlx");
  },
  "dead letter: many at once, in order": async (stage) => {
    const a = await stage.client();
    await a.queue("dead");
    await a.queue("q", { arguments: toDead });
    for (let i = 1; i <= 5; i++) a.publish("", "q", String(i));
    for (let i = 1; i <= 5; i++) await a.get("q", false);
    a.nack(0, false, true);
    await a.settle();
    await stage.wait(200);
    for (let i = 1; i <= 6; i++) await a.get("dead");
  },
  "dead letter: nothing of a purge, a deletion or an acknowledgement": async (stage) => {
    const a = await stage.client();
    await a.queue("dead");
    await a.queue("q", { arguments: toDead });
    for (let i = 1; i <= 3; i++) a.publish("", "q", String(i));
    await a.get("q", false);
    a.ack(1);
    a.purge("q");
    await a.next();
    a.publish("", "q", "4");
    a.deleteQueue("q");
    await a.next();
    await stage.wait(200);
    await a.get("dead");
  },
  "dead letter: three queues, each its story": async (stage) => {
    const a = await stage.client();
    await a.queue("dead");
    await a.queue("second", { arguments: { ...toDead, "x-message-ttl": 1 } });
    await a.queue("first", { arguments: { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "second", "x-max-length": 0 } });
    await a.consume("dead", { consumerTag: "c" });
    a.publish("", "first", "x", { headers: FieldTable.of({ own: 1 }), expiration: "50000" });
    await a.settle();
    await stage.wait(200);
    await a.deliveries(1);
  },
  "dead letter: a story of the sender's": async (stage) => {
    const a = await stage.client();
    await a.queue("dead");
    await a.queue("q", { arguments: toDead });
    for (const story of [
      [{ queue: "q", reason: "rejected", count: 7 }],
      [
        { queue: "other", reason: "expired", count: 1 },
        { queue: "q", reason: "rejected", count: 2, time: new Date(1000) },
      ],
      [],
    ]) {
      a.publish("", "q", "x", { headers: FieldTable.of({ "x-death": story, "x-first-death-queue": "mine" }) });
      a.getOne("q", false);
      const tag = ((await a.next()).args as { deliveryTag: number }).deliveryTag;
      a.reject(tag, false);
      await a.settle();
      await stage.wait(200);
      await a.get("dead");
    }
  },
  "dead letter: round by an expiry and a limit": async (stage) => {
    const a = await stage.client();
    await a.queue("one", { arguments: { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "two", "x-message-ttl": 1 } });
    await a.queue("two", { arguments: { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "one", "x-max-length": 0 } });
    a.publish("", "one", "x");
    await a.settle();
    await stage.wait(200);
    await a.get("one");
    await a.get("two");
  },
  "dead letter: to several queues, one of them a circle": async (stage) => {
    const a = await stage.client();
    await a.exchange("dlx", "fanout");
    await a.queue("dead");
    await a.queue("q", { arguments: { "x-dead-letter-exchange": "dlx", "x-message-ttl": 5 } });
    await a.bind("dead", "dlx");
    await a.bind("q", "dlx");
    a.publish("", "q", "x");
    await a.settle();
    await stage.wait(200);
    await a.get("dead");
    await a.get("dead");
    a.deleteExchange("dlx");
  },

  "quorum queue: limits, and the lag of none": async (stage) => {
    const a = await stage.client();
    await a.queue("quorum", { ...QUORUM, arguments: { "x-queue-type": "quorum", "x-max-length": 2 } });
    await a.confirm();
    for (const body of ["1", "2", "3"]) {
      a.publish("", "quorum", body);
      await a.raw.expect("basic.ack");
    }
    await stage.wait(200);
    for (let i = 0; i < 3; i++) await a.get("quorum");
    a.deleteQueue("quorum");
    await a.next();
  },
  "quorum queue: time limit": async (stage) => {
    const a = await stage.client();
    await a.queue("dead");
    await a.queue("quorum", { ...QUORUM, arguments: { "x-queue-type": "quorum", "x-message-ttl": 20, ...toDead } });
    await a.consume("dead", { consumerTag: "dead" });
    a.publish("", "quorum", "x");
    await a.settle();
    await stage.wait(200);
    await a.deliveries(1);
    a.deleteQueue("quorum");
    await a.next();
  },
  "quorum queue: acknowledged, rejected, purged": async (stage) => {
    const a = await stage.client();
    await a.queue("quorum", { ...QUORUM, arguments: { "x-queue-type": "quorum" } });
    await a.confirm();
    for (const body of ["1", "2", "3", "4"]) {
      a.publish("", "quorum", body);
      await a.raw.expect("basic.ack");
    }
    await a.consume("quorum", { consumerTag: "c" });
    await a.deliveries(4);
    a.ack(1);
    a.reject(2, false);
    a.cancel("c");
    await a.next();
    a.nack(3, true);
    await a.settle();
    await stage.wait(200);
    a.purge("quorum");
    await a.next();
    a.nack(4, true);
    await a.settle();
    await stage.wait(200);
    await a.get("quorum");
    await a.get("quorum");
    a.deleteQueue("quorum");
    await a.next();
  },
  "quorum queue: single active consumer": async (stage) => {
    const a = await stage.client();
    await a.queue("quorum", { ...QUORUM, arguments: { "x-queue-type": "quorum", "x-single-active-consumer": true } });
    for (const consumerTag of ["a", "b"]) await a.consume("quorum", { consumerTag });
    a.publish("", "quorum", "1");
    await a.deliveries(1);
    a.cancel("a");
    await a.next();
    a.publish("", "quorum", "2");
    await a.deliveries(1);
    a.cancel("b");
    await a.next();
    a.deleteQueue("quorum");
    await a.next();
  },
};
export default scenarios;
