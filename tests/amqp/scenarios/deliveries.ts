import { FieldTable } from "../../../src/amqp/v091/fields.ts";
import type { Scenarios } from "./index.ts";

/** Consumers, acknowledgements, and what happens to messages in queues. */
const scenarios: Scenarios = {
  "publish: exchange that is not there": async (stage) => (await stage.client()).publish("nope", "k", "x"),
  "publish: immediate": async (stage) => (await stage.client()).publish("", "q", "x", {}, { immediate: true }),
  "publish: mandatory, no route": async (stage) => {
    const a = await stage.client();
    a.publish("amq.direct", "nowhere", "back", { contentType: "t", headers: FieldTable.of({ a: 1 }) }, { mandatory: true });
    await a.next();
  },
  "publish: as somebody else": async (stage) => (await stage.client()).publish("", "q", "x", { userId: "other" }),
  "publish: as oneself": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    a.publish("", "q", "x", { userId: "guest" });
    await a.get("q");
  },
  ...Object.fromEntries(
    ["", "abc", "-1", "1.5", "10x", "99999999999", "+5", " 5"].map(
      (expiration) =>
        [
          `publish: expiration ${JSON.stringify(expiration)}`,
          async (stage) => {
            const a = await stage.client();
            a.publish("", "q", "x", { expiration });
            await a.settle();
          },
        ] as [string, Scenarios[string]],
    ),
  ),
  "publish: all properties come out again": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    a.publish("", "q", "x", {
      contentType: "text/plain",
      contentEncoding: "utf-8",
      headers: FieldTable.of({ a: 1, b: [true, { c: "d" }], e: new Date(1000), f: null, g: 1.5, h: Buffer.from("x") }),
      deliveryMode: 2,
      priority: 5,
      correlationId: "c",
      replyTo: "r",
      expiration: "60000",
      messageId: "m",
      timestamp: 1_700_000_000,
      type: "t",
      appId: "a",
      clusterId: "x",
    });
    await a.get("q");
  },

  "consume: tags": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    await a.consume("q", { consumerTag: "mine" });
    await a.consume("q");
    a.subscribe("q", { consumerTag: "mine" });
  },
  "consume: the same tag on two channels": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    await a.consume("q", { consumerTag: "mine" });
    await (await a.on(2).open()).consume("q", { consumerTag: "mine" });
  },
  "consume: exclusively": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    await a.consume("q", { consumerTag: "first", exclusive: true });
    a.subscribe("q", { consumerTag: "second" });
  },
  "consume: exclusively, too late": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    await a.consume("q", { consumerTag: "first" });
    a.subscribe("q", { consumerTag: "second", exclusive: true });
  },
  "consume: exclusively after another left": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    await a.consume("q", { consumerTag: "first", exclusive: true });
    a.cancel("first");
    await a.next();
    await a.consume("q", { consumerTag: "second", exclusive: true });
  },
  "consume: without an answer": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    a.subscribe("q", { consumerTag: "c", noWait: true, noAck: true });
    a.publish("", "q", "x");
    await a.next();
    a.cancel("c", true);
    await a.settle();
  },
  "consume: deliveries": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    a.publish("", "q", "before");
    await a.consume("q", { consumerTag: "c" });
    a.publish("", "q", "after", { contentType: "text/plain" });
    await a.deliveries(2);
    a.ack(1);
    a.ack(2);
    await a.settle();
    a.declareQueue("q");
  },
  "consume: cancel an unknown tag": async (stage) => (await stage.client()).cancel("nobody"),
  "consume: cancelled, its messages stay its own": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    a.publish("", "q", "1");
    await a.consume("q", { consumerTag: "c" });
    await a.deliveries(1);
    a.cancel("c");
    await a.next();
    await a.get("q");
    a.ack(1);
    await a.settle();
  },
  "consume: bad priority": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    a.subscribe("q", { arguments: { "x-priority": "high" } });
  },
  "consume: priorities": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    await a.qos(1);
    await a.consume("q", { consumerTag: "low", arguments: { "x-priority": -1 } });
    await a.consume("q", { consumerTag: "high", arguments: { "x-priority": 5 } });
    await a.consume("q", { consumerTag: "none" });
    for (const body of ["1", "2", "3"]) {
      a.publish("", "q", body);
      await a.deliveries(1);
    }
  },
  "consume: in turn": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    for (const consumerTag of ["a", "b", "c"]) await a.consume("q", { consumerTag, noAck: true });
    for (let i = 0; i < 6; i++) {
      a.publish("", "q", String(i));
      await a.deliveries(1);
    }
  },
  "consume: single active consumer": async (stage) => {
    const a = await stage.client();
    await a.queue("q", { arguments: { "x-single-active-consumer": true } });
    for (const consumerTag of ["a", "b"]) await a.consume("q", { consumerTag, noAck: true });
    for (const body of ["1", "2"]) {
      a.publish("", "q", body);
      await a.deliveries(1);
    }
    a.cancel("a");
    await a.next();
    a.publish("", "q", "3");
    await a.deliveries(1);
  },
  "consume: exclusively from a single-active queue": async (stage) => {
    const a = await stage.client();
    await a.queue("q", { arguments: { "x-single-active-consumer": true } });
    a.subscribe("q", { exclusive: true });
  },

  "qos: a size": async (stage) => (await stage.client()).raw.send(1, "basic.qos", { prefetchSize: 1, prefetchCount: 0, global: false }),
  "qos: each consumer its own": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    for (let i = 0; i < 5; i++) a.publish("", "q", String(i));
    await a.qos(2);
    await a.consume("q", { consumerTag: "two" });
    await a.deliveries(2);
    await a.qos(1);
    await a.consume("q", { consumerTag: "one" });
    await a.deliveries(1);
    a.ack(1);
    await a.deliveries(1);
    await a.settle();
  },
  "qos: all of the channel": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    for (let i = 0; i < 5; i++) a.publish("", "q", String(i));
    await a.qos(2, true);
    await a.consume("q", { consumerTag: "a" });
    await a.deliveries(2);
    a.ack(1);
    await a.deliveries(1);
    a.ack(3, true);
    await a.deliveries(2);
  },
  "qos: does not hold back those who do not acknowledge": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    for (let i = 0; i < 3; i++) a.publish("", "q", String(i));
    await a.qos(1);
    await a.consume("q", { consumerTag: "c", noAck: true });
    await a.deliveries(3);
  },

  "ack: unknown tag": async (stage) => (await stage.client()).ack(1),
  "ack: twice": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    a.publish("", "q", "1");
    await a.get("q", false);
    a.ack(1);
    a.ack(1);
  },
  "ack: what was delivered without": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    a.publish("", "q", "1");
    await a.get("q", true);
    a.ack(1);
  },
  "ack: on another channel": async (stage) => {
    const a = await stage.client();
    const b = await a.on(2).open();
    await a.queue("q");
    a.publish("", "q", "1");
    await a.get("q", false);
    b.ack(1);
  },
  "ack: all of nothing": async (stage) => {
    const a = await stage.client();
    a.ack(0, true);
    await a.settle();
  },
  "ack: zero": async (stage) => (await stage.client()).ack(0),
  "ack: many, of a tag that is settled": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    for (let i = 1; i <= 4; i++) a.publish("", "q", String(i));
    for (let i = 1; i <= 4; i++) await a.get("q", false);
    a.ack(2);
    a.ack(3, true);
    a.ack(2, true);
  },
  "ack: many, above the last": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    a.publish("", "q", "1");
    await a.get("q", false);
    a.ack(9, true);
  },
  "ack: large tag": async (stage) => (await stage.client()).ack(2 ** 40 + 7),

  "nack: comes back where it was": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    for (let i = 1; i <= 4; i++) a.publish("", "q", String(i));
    for (let i = 1; i <= 3; i++) await a.get("q", false);
    a.nack(2, true);
    a.reject(1, true);
    for (let i = 1; i <= 3; i++) await a.get("q", true);
    a.nack(3, true, true);
    await a.get("q");
    a.nack(9, true);
  },
  "nack: all": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    for (let i = 1; i <= 3; i++) a.publish("", "q", String(i));
    for (let i = 1; i <= 3; i++) await a.get("q", false);
    a.nack(0, true, true);
    for (let i = 1; i <= 4; i++) await a.get("q");
  },
  "nack: not again": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    a.publish("", "q", "1");
    await a.get("q", false);
    a.nack(1, false);
    await a.get("q");
  },
  "reject: unknown tag": async (stage) => (await stage.client()).reject(7, true),
  "recover: requeue": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    for (let i = 1; i <= 2; i++) a.publish("", "q", String(i));
    for (let i = 1; i <= 2; i++) await a.get("q", false);
    await a.raw.call(1, "basic.recover", { requeue: true }, "basic.recover-ok");
    for (let i = 1; i <= 2; i++) await a.get("q");
  },
  "recover: not requeue": async (stage) => (await stage.client()).raw.send(1, "basic.recover", { requeue: false }),
  "recover-async": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    a.publish("", "q", "1");
    await a.get("q", false);
    a.raw.send(1, "basic.recover-async", { requeue: true });
    await a.get("q");
  },
  "requeue: by the end of the channel": async (stage) => {
    const a = await stage.client();
    const b = await a.on(2).open();
    await a.queue("q");
    for (let i = 1; i <= 3; i++) a.publish("", "q", String(i));
    await b.qos(2);
    await a.settle();
    await b.consume("q", { consumerTag: "c" });
    await b.deliveries(2);
    await b.close();
    for (let i = 1; i <= 3; i++) await a.get("q");
  },
  "requeue: by the end of the connection": async (stage) => {
    const a = await stage.client();
    const b = await stage.client();
    await a.queue("q", { exclusive: false });
    for (let i = 1; i <= 2; i++) a.publish("", "q", String(i));
    await a.settle();
    await b.get("q", false);
    b.raw.send(0, "connection.close", { replyCode: 200, replyText: "", classId: 0, methodId: 0 });
    await b.next();
    for (let i = 1; i <= 2; i++) await a.get("q");
    a.deleteQueue("q");
    await a.next();
  },
  "limit: max-length drops at the head": async (stage) => {
    const a = await stage.client();
    await a.queue("q", { arguments: { "x-max-length": 2 } });
    for (let i = 1; i <= 4; i++) a.publish("", "q", String(i));
    for (let i = 1; i <= 3; i++) await a.get("q");
  },
  "limit: max-length-bytes": async (stage) => {
    const a = await stage.client();
    await a.queue("q", { arguments: { "x-max-length-bytes": 5 } });
    for (const body of ["aaa", "bb", "c", "toolong"]) a.publish("", "q", body);
    a.getOne("q");
    await a.next();
    a.publish("", "q", "short");
    await a.get("q");
  },
  "limit: reject-publish": async (stage) => {
    const a = await stage.client();
    await a.queue("q", { arguments: { "x-max-length": 1, "x-overflow": "reject-publish" } });
    await a.confirm();
    for (let i = 1; i <= 3; i++) {
      a.publish("", "q", String(i));
      await a.next();
    }
    for (let i = 1; i <= 2; i++) await a.get("q");
  },
  "limit: reject-publish in one of two queues": async (stage) => {
    const a = await stage.client();
    await a.queue("small", { arguments: { "x-max-length": 0, "x-overflow": "reject-publish" } });
    await a.queue("large");
    for (const queue of ["small", "large"]) await a.bind(queue, "amq.fanout");
    await a.confirm();
    a.publish("amq.fanout", "", "both");
    await a.next();
    await a.get("large");
  },
  "limit: of nothing, with a consumer": async (stage) => {
    const a = await stage.client();
    await a.queue("q", { arguments: { "x-max-length": 0 } });
    a.publish("", "q", "lost");
    await a.settle();
    await a.consume("q", { consumerTag: "c", noAck: true });
    a.publish("", "q", "straight through");
    await a.deliveries(1);
  },
  "limit: time of zero, with a consumer": async (stage) => {
    const a = await stage.client();
    await a.queue("q", { arguments: { "x-message-ttl": 0 } });
    a.publish("", "q", "lost");
    await a.settle();
    await a.get("q");
    await a.consume("q", { consumerTag: "c", noAck: true });
    a.publish("", "q", "straight through");
    await a.deliveries(1);
  },
  "limit: priorities": async (stage) => {
    const a = await stage.client();
    await a.queue("q", { arguments: { "x-max-priority": 5 } });
    for (const [body, priority] of [
      ["low", 1],
      ["none", undefined],
      ["high", 5],
      ["higher than there is", 9],
      ["low again", 1],
    ] as const)
      a.publish("", "q", body, { priority });
    for (let i = 0; i < 5; i++) await a.get("q");
  },

  "dead letter: rejected": async (stage) => {
    const a = await stage.client();
    await a.queue("dead");
    await a.queue("q", { arguments: { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead" } });
    a.publish("", "q", "1", { contentType: "t", headers: FieldTable.of({ a: 1 }), expiration: "60000" });
    await a.get("q", false);
    a.reject(1, false);
    await a.settle();
    await a.get("dead");
  },
  "dead letter: expired": async (stage) => {
    const a = await stage.client();
    await a.queue("dead");
    await a.bind("dead", "amq.direct", "q");
    await a.queue("q", { arguments: { "x-dead-letter-exchange": "amq.direct" } });
    await a.consume("dead", { consumerTag: "c" });
    a.publish("", "q", "1", { expiration: "1" });
    await a.settle();
    await stage.wait(50);
    await a.deliveries(1);
  },
  "dead letter: too many": async (stage) => {
    const a = await stage.client();
    await a.queue("dead");
    await a.queue("q", { arguments: { "x-max-length": 1, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead" } });
    await a.consume("dead", { consumerTag: "c" });
    for (let i = 1; i <= 3; i++) a.publish("", "q", String(i));
    await a.deliveries(2);
  },
  "dead letter: refused to the publisher": async (stage) => {
    const a = await stage.client();
    await a.queue("dead");
    await a.queue("q", {
      arguments: {
        "x-max-length": 0,
        "x-overflow": "reject-publish-dlx",
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": "dead",
      },
    });
    await a.confirm();
    a.publish("", "q", "1");
    await a.next();
    await a.consume("dead", { consumerTag: "c" });
    await a.deliveries(1);
  },
  "dead letter: twice round, counted": async (stage) => {
    const a = await stage.client();
    await a.queue("back", { arguments: { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "q", "x-message-ttl": 1 } });
    await a.queue("q", { arguments: { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "back" } });
    await a.consume("q", { consumerTag: "c" });
    a.publish("", "q", "round");
    for (let i = 1; i <= 3; i++) {
      await a.deliveries(1);
      a.reject(i, false);
      await a.settle();
      await stage.wait(50);
    }
    await a.deliveries(1);
  },
  "dead letter: not round for ever": async (stage) => {
    const a = await stage.client();
    await a.queue("q", { arguments: { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "q", "x-message-ttl": 1 } });
    a.publish("", "q", "gone");
    await a.settle();
    await stage.wait(50);
    await a.get("q");
  },
  "dead letter: CC": async (stage) => {
    const a = await stage.client();
    await a.queue("dead");
    await a.bind("dead", "amq.fanout");
    await a.queue("q", { arguments: { "x-dead-letter-exchange": "amq.fanout" } });
    await a.queue("q2", { arguments: { "x-dead-letter-exchange": "amq.fanout", "x-dead-letter-routing-key": "other" } });
    await a.consume("dead", { consumerTag: "c" });
    for (const [i, queue] of ["q", "q2"].entries()) {
      a.publish("", queue, queue, { headers: FieldTable.of({ CC: ["nowhere"] }) });
      await a.settle();
      a.getOne(queue, false);
      await a.next();
      a.reject(2 * i + 1, false);
      await a.deliveries(1);
    }
  },

  "quorum queue: what comes back goes to the end, and is counted": async (stage) => {
    const a = await stage.client();
    await a.queue("quorum", { durable: true, exclusive: false, arguments: { "x-queue-type": "quorum" } });
    await a.confirm();
    for (const body of ["1", "2", "3"]) {
      a.publish("", "quorum", body);
      await a.raw.expect("basic.ack");
    }
    await a.get("quorum", false);
    a.nack(1, true);
    await a.settle();
    await stage.wait(100);
    for (let i = 0; i < 3; i++) await a.get("quorum");
    a.deleteQueue("quorum");
    await a.next();
  },
  "quorum queue: not for ever": async (stage) => {
    const a = await stage.client();
    await a.queue("dead");
    const table = { "x-queue-type": "quorum", "x-delivery-limit": 2, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead" };
    await a.queue("quorum", { durable: true, exclusive: false, arguments: table });
    await a.consume("dead", { consumerTag: "dead" });
    await a.consume("quorum", { consumerTag: "quorum" });
    a.publish("", "quorum", "x", { headers: FieldTable.of({ a: 1 }) });
    for (let i = 1; i <= 3; i++) {
      await a.deliveries(1);
      a.nack(i, true);
    }
    await a.deliveries(1);
    a.cancel("quorum");
    await a.next();
    a.deleteQueue("quorum");
    await a.next();
  },
  "quorum queue: no limit for the whole channel": async (stage) => {
    const a = await stage.client();
    await a.queue("quorum", { durable: true, exclusive: false, arguments: { "x-queue-type": "quorum" } });
    await a.qos(5, true);
    a.subscribe("quorum");
    await a.next();
    const b = await stage.client();
    b.deleteQueue("quorum");
    await b.next();
  },

  "reply-to: request and answer": async (stage) => {
    const asks = await stage.client();
    const answers = await stage.client();
    await answers.queue("service");
    await answers.consume("service", { consumerTag: "service", noAck: true });
    await asks.consume("amq.rabbitmq.reply-to", { consumerTag: "replies", noAck: true });
    asks.publish("", "service", "question", { replyTo: "amq.rabbitmq.reply-to", correlationId: "1" });
    const question = await answers.next();
    answers.publish("", question.properties!.replyTo!, "answer", { correlationId: "1" });
    await asks.deliveries(1);
  },
  "reply-to: with acknowledgements": async (stage) => (await stage.client()).subscribe("amq.rabbitmq.reply-to"),
  "reply-to: twice": async (stage) => {
    const a = await stage.client();
    await a.consume("amq.rabbitmq.reply-to", { consumerTag: "one", noAck: true });
    a.subscribe("amq.rabbitmq.reply-to", { consumerTag: "two", noAck: true });
  },
  "reply-to: nobody consumes": async (stage) => (await stage.client()).publish("", "q", "x", { replyTo: "amq.rabbitmq.reply-to" }),
  "reply-to: declare it": async (stage) => {
    const a = await stage.client();
    a.declareQueue("amq.rabbitmq.reply-to", { passive: true, exclusive: false });
    await a.next();
  },
};
export default scenarios;
