import type { Scenarios } from "./index.ts";

/** Who gets what, in which order, and what is left when somebody goes. */
const scenarios: Scenarios = {
  "turns: consumers of two channels and two connections": async (stage) => {
    const a = await stage.client();
    const b = await a.on(2).open();
    const c = await stage.client();
    await a.queue("q", { exclusive: false, autoDelete: true });
    await a.consume("q", { consumerTag: "one", noAck: true });
    await b.consume("q", { consumerTag: "two", noAck: true });
    await c.consume("q", { consumerTag: "three", noAck: true });
    for (let i = 0; i < 6; i++) {
      a.publish("", "q", String(i));
      await (i % 3 === 2 ? c : a).deliveries(1);
    }
  },
  "turns: a consumer without credit is passed over": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    await a.qos(1);
    await a.consume("q", { consumerTag: "one" });
    await a.qos(0);
    await a.consume("q", { consumerTag: "all" });
    for (let i = 0; i < 4; i++) {
      a.publish("", "q", String(i));
      await a.deliveries(1);
    }
    a.ack(1);
    await a.settle();
    for (let i = 4; i < 8; i++) {
      a.publish("", "q", String(i));
      await a.deliveries(1);
    }
  },
  "turns: a new consumer": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    await a.consume("q", { consumerTag: "a", noAck: true });
    a.publish("", "q", "0");
    await a.deliveries(1);
    await a.consume("q", { consumerTag: "b", noAck: true });
    for (let i = 1; i < 5; i++) {
      a.publish("", "q", String(i));
      await a.deliveries(1);
    }
    await a.consume("q", { consumerTag: "c", noAck: true });
    for (let i = 5; i < 10; i++) {
      a.publish("", "q", String(i));
      await a.deliveries(1);
    }
    a.cancel("b");
    await a.next();
    for (let i = 10; i < 13; i++) {
      a.publish("", "q", String(i));
      await a.deliveries(1);
    }
  },
  "turns: single active consumer of a higher priority": async (stage) => {
    const a = await stage.client();
    await a.queue("q", { arguments: { "x-single-active-consumer": true } });
    await a.consume("q", { consumerTag: "low", noAck: true });
    await a.consume("q", { consumerTag: "middle", noAck: true, arguments: { "x-priority": 1 } });
    await a.consume("q", { consumerTag: "high", noAck: true, arguments: { "x-priority": 5 } });
    for (const gone of ["low", "high", "middle"]) {
      a.publish("", "q", "x");
      await a.deliveries(1);
      a.cancel(gone);
      await a.next();
    }
  },
  "get: from a queue that has an exclusive consumer": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    await a.qos(1);
    await a.consume("q", { consumerTag: "c", exclusive: true });
    for (let i = 0; i < 3; i++) a.publish("", "q", String(i));
    await a.deliveries(1);
    await a.get("q");
  },
  "get: counts what is left": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    for (let i = 0; i < 3; i++) a.publish("", "q", String(i));
    for (let i = 0; i < 4; i++) await a.get("q", i % 2 === 0);
  },
  "get: from the queue of replies": async (stage) => {
    const a = await stage.client();
    a.getOne("amq.rabbitmq.reply-to");
  },
  "qos: a limit for the channel does not count what was got": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    for (let i = 0; i < 5; i++) a.publish("", "q", String(i));
    await a.qos(2, true);
    await a.get("q", false);
    await a.consume("q", { consumerTag: "c" });
    await a.deliveries(2);
    await a.settle();
  },
  "qos: both limits": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    for (let i = 0; i < 8; i++) a.publish("", "q", String(i));
    await a.qos(2);
    await a.qos(3, true);
    await a.consume("q", { consumerTag: "a" });
    await a.deliveries(2);
    await a.consume("q", { consumerTag: "b" });
    await a.deliveries(1);
    a.ack(3, true);
    await a.deliveries(3);
  },
  "qos: a limit for consumers lifts that of the channel": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    for (let i = 0; i < 6; i++) a.publish("", "q", String(i));
    await a.qos(1, true);
    await a.consume("q", { consumerTag: "a" });
    await a.deliveries(1);
    a.raw.send(1, "basic.qos", { prefetchSize: 0, prefetchCount: 2, global: false });
    await a.next();
    await a.deliveries(5);
    await a.consume("q", { consumerTag: "b" });
    for (let i = 0; i < 3; i++) a.publish("", "q", `more ${i}`);
    await a.deliveries(3);
  },
  "qos: raised and lowered for the channel": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    for (let i = 0; i < 9; i++) a.publish("", "q", String(i));
    await a.qos(1, true);
    await a.consume("q", { consumerTag: "c" });
    await a.deliveries(1);
    a.raw.send(1, "basic.qos", { prefetchSize: 0, prefetchCount: 3, global: true });
    await a.next();
    await a.deliveries(2);
    a.raw.send(1, "basic.qos", { prefetchSize: 0, prefetchCount: 2, global: true });
    await a.next();
    a.ack(1);
    await a.get("q");
    a.ack(2);
    await a.deliveries(1);
    a.raw.send(1, "basic.qos", { prefetchSize: 0, prefetchCount: 0, global: true });
    await a.next();
    await a.deliveries(4);
  },
  "qos: a channel of its own for each": async (stage) => {
    const a = await stage.client();
    const b = await a.on(2).open();
    await a.queue("q");
    for (let i = 0; i < 4; i++) a.publish("", "q", String(i));
    await a.qos(1, true);
    await a.consume("q", { consumerTag: "a" });
    await a.deliveries(1);
    await b.consume("q", { consumerTag: "b" });
    await b.deliveries(3);
    b.ack(1);
    b.ack(1);
  },
  "ack: many, of several consumers and gets": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    for (let i = 0; i < 4; i++) a.publish("", "q", String(i));
    await a.get("q", false);
    await a.qos(1);
    await a.consume("q", { consumerTag: "a" });
    await a.deliveries(1);
    await a.consume("q", { consumerTag: "b" });
    await a.deliveries(1);
    a.ack(3, true);
    await a.deliveries(1);
    a.ack(3);
  },
  "nack: in the order of the queue, to a consumer": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    for (let i = 1; i <= 5; i++) a.publish("", "q", String(i));
    await a.qos(3);
    await a.consume("q", { consumerTag: "c" });
    await a.deliveries(3);
    a.nack(3, true);
    await a.deliveries(1);
    a.nack(1, true);
    await a.deliveries(1);
    a.nack(0, true, true);
    await a.deliveries(3);
  },
  "nack: of two queues at once": async (stage) => {
    const a = await stage.client();
    await a.queue("p");
    await a.queue("q");
    for (let i = 1; i <= 2; i++) for (const queue of ["p", "q"]) a.publish("", queue, `${queue} ${i}`);
    for (let i = 1; i <= 2; i++) for (const queue of ["p", "q"]) await a.get(queue, false);
    a.nack(3, true, true);
    await a.settle();
    for (const queue of ["p", "p", "q", "q"]) await a.get(queue);
  },
  "recover: goes to other consumers, too": async (stage) => {
    const a = await stage.client();
    const b = await stage.client();
    await a.queue("q", { exclusive: false, autoDelete: true });
    await a.consume("q", { consumerTag: "a" });
    for (let i = 1; i <= 2; i++) a.publish("", "q", String(i));
    await a.deliveries(2);
    a.cancel("a");
    await a.next();
    await a.settle();
    (await stage.client()).declareQueue("q", { passive: true });
    await b.settle();
  },
  "recover: in a transaction": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    a.publish("", "q", "1");
    await a.raw.call(1, "tx.select", {}, "tx.select-ok");
    await a.get("q", false);
    await a.raw.call(1, "basic.recover", { requeue: true }, "basic.recover-ok");
    await a.get("q", false);
  },
  "cancel: of an exclusive consumer by the end of its channel": async (stage) => {
    const a = await stage.client();
    const b = await a.on(2).open();
    await a.queue("q");
    await b.consume("q", { consumerTag: "c", exclusive: true });
    a.publish("", "q", "1");
    await b.deliveries(1);
    await b.close();
    await a.consume("q", { consumerTag: "d", exclusive: true });
    await a.deliveries(1);
  },
  "cancel: auto-delete by the end of a channel": async (stage) => {
    const a = await stage.client();
    const b = await a.on(2).open();
    await a.queue("q", { autoDelete: true });
    await b.consume("q", { consumerTag: "c" });
    await b.close();
    await stage.wait(200);
    a.declareQueue("q", { passive: true });
    await a.next();
  },
  "cancel: auto-delete by an error of the channel": async (stage) => {
    const a = await stage.client();
    const b = await a.on(2).open();
    await a.queue("q", { autoDelete: true });
    await b.consume("q", { consumerTag: "c" });
    b.ack(7);
    await b.next();
    await stage.wait(200);
    a.declareQueue("q", { passive: true });
    await a.next();
  },
  "cancel: by the deletion of the queue elsewhere": async (stage) => {
    const a = await stage.client();
    const b = await stage.client();
    await a.queue("q", { exclusive: false });
    for (const consumerTag of ["one", "two"]) await a.consume("q", { consumerTag });
    a.publish("", "q", "x");
    await a.deliveries(1);
    b.deleteQueue("q");
    await b.next();
    await a.next();
    await a.next();
    a.ack(1);
    await a.settle();
    await a.consume("amq.rabbitmq.reply-to", { consumerTag: "one", noAck: true });
  },
  "cancel: by the end of the connection that owns the queue": async (stage) => {
    const a = await stage.client();
    const b = await stage.client();
    await a.queue("q");
    b.publish("", "q", "x");
    await b.settle();
    a.raw.send(0, "connection.close", { replyCode: 200, replyText: "", classId: 0, methodId: 0 });
    await a.next();
    await stage.wait(200);
    b.publish("", "q", "y", {}, { mandatory: true });
    await b.next();
  },
  "cancel: and again the same tag": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    await a.consume("q", { consumerTag: "c" });
    a.cancel("c");
    await a.next();
    await a.consume("q", { consumerTag: "c" });
    a.publish("", "q", "x");
    await a.deliveries(1);
  },
  "cancel: the tag of another channel": async (stage) => {
    const a = await stage.client();
    const b = await a.on(2).open();
    await a.queue("q");
    await a.consume("q", { consumerTag: "c" });
    b.cancel("c");
    await b.next();
    a.publish("", "q", "x");
    await a.deliveries(1);
  },

  "delete: a queue whose messages are out": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    for (let i = 0; i < 3; i++) a.publish("", "q", String(i));
    await a.get("q", false);
    a.deleteQueue("q", { ifEmpty: true });
    await a.next();
  },
  "delete: if empty, with one out": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    a.publish("", "q", "x");
    await a.get("q", false);
    a.deleteQueue("q", { ifEmpty: true });
    await a.next();
    a.nack(1, true);
    await a.settle();
    await a.queue("q");
    await a.get("q");
  },
  "delete: if unused and not empty": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    a.publish("", "q", "x");
    await a.consume("q", { consumerTag: "c" });
    await a.deliveries(1);
    a.deleteQueue("q", { ifUnused: true, ifEmpty: true });
  },
  "delete: a queue and declare it anew": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    await a.bind("q", "amq.direct", "k");
    a.publish("", "q", "old");
    a.deleteQueue("q");
    await a.next();
    await a.queue("q");
    a.publish("amq.direct", "k", "lost", {}, { mandatory: true });
    await a.next();
    a.getOne("q");
  },

  "reply-to: answers are gone with the asker": async (stage) => {
    const asks = await stage.client();
    const answers = await stage.client();
    await answers.queue("service");
    await asks.consume("amq.rabbitmq.reply-to", { consumerTag: "replies", noAck: true });
    asks.publish("", "service", "question", { replyTo: "amq.rabbitmq.reply-to" });
    await asks.settle();
    answers.getOne("service");
    const question = await answers.next();
    const replyTo = question.properties!.replyTo!;
    answers.declareQueue(replyTo, { passive: true });
    await answers.next();
    await asks.close();
    await stage.wait(200);
    answers.publish("", replyTo, "answer", {}, { mandatory: true });
    await answers.next();
    answers.declareQueue(replyTo, { passive: true });
    await answers.next();
  },
  "reply-to: an answer that has to arrive": async (stage) => {
    const asks = await stage.client();
    await asks.queue("service");
    await asks.consume("amq.rabbitmq.reply-to", { consumerTag: "replies", noAck: true });
    asks.publish("", "service", "question", { replyTo: "amq.rabbitmq.reply-to" });
    asks.getOne("service");
    const question = await asks.next();
    const answers = await stage.client();
    await answers.confirm();
    answers.publish("", question.properties!.replyTo!, "answer", { headers: undefined }, { mandatory: true });
    await answers.next();
    await asks.deliveries(1);
  },
  "reply-to: published to by its own name": async (stage) => {
    const a = await stage.client();
    a.publish("", "amq.rabbitmq.reply-to", "x", {}, { mandatory: true });
    a.publish("", "amq.rabbitmq.reply-to.nobody", "x", {}, { mandatory: true });
    await a.next();
    await a.next();
  },
  "reply-to: cancelled, and consumed again": async (stage) => {
    const a = await stage.client();
    await a.consume("amq.rabbitmq.reply-to", { consumerTag: "one", noAck: true });
    a.cancel("one");
    await a.next();
    a.publish("", "nowhere", "x", { replyTo: "amq.rabbitmq.reply-to" });
    await a.settle();
  },
  "reply-to: operations that it does not know": async (stage) => {
    for (const attempt of [
      (a) => a.purge("amq.rabbitmq.reply-to"),
      (a) => a.deleteQueue("amq.rabbitmq.reply-to"),
      (a) => a.bindQueue("amq.rabbitmq.reply-to", "amq.direct", "k"),
      (a) => a.declareQueue("amq.rabbitmq.reply-to"),
      (a) => a.declareQueue("amq.rabbitmq.reply-to.nobody", { passive: true }),
      (a) => a.subscribe("amq.rabbitmq.reply-to", { noAck: true, exclusive: true }),
      (a) => a.subscribe("amq.rabbitmq.reply-to.nobody", { noAck: true }),
    ] as ((a: Awaited<ReturnType<typeof stage.client>>) => void)[])
      attempt(await stage.client());
  },

  "tx: a nack is undone": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    for (let i = 1; i <= 2; i++) a.publish("", "q", String(i));
    await a.raw.call(1, "tx.select", {}, "tx.select-ok");
    for (let i = 1; i <= 2; i++) await a.get("q", false);
    a.nack(1, true);
    await a.get("q", false);
    await a.raw.call(1, "tx.rollback", {}, "tx.rollback-ok");
    a.ack(2, true);
    await a.raw.call(1, "tx.commit", {}, "tx.commit-ok");
    await a.get("q");
  },
  "tx: the channel closes before the commit": async (stage) => {
    const a = await stage.client();
    const b = await a.on(2).open();
    await a.queue("q");
    for (let i = 1; i <= 2; i++) a.publish("", "q", String(i));
    await a.settle();
    await b.raw.call(2, "tx.select", {}, "tx.select-ok");
    b.publish("", "q", "never");
    await b.get("q", false);
    b.ack(1);
    await b.close();
    for (let i = 1; i <= 3; i++) await a.get("q");
  },
  "tx: an unknown tag": async (stage) => {
    const a = await stage.client();
    await a.raw.call(1, "tx.select", {}, "tx.select-ok");
    a.ack(1);
    await a.settle();
  },
  "tx: acknowledged twice": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    a.publish("", "q", "1");
    await a.raw.call(1, "tx.select", {}, "tx.select-ok");
    await a.get("q", false);
    a.ack(1);
    a.ack(1);
    await a.settle();
  },
  "tx: the order of publishes and acknowledgements": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    for (let i = 1; i <= 2; i++) a.publish("", "q", String(i));
    await a.raw.call(1, "tx.select", {}, "tx.select-ok");
    await a.get("q", false);
    a.publish("", "q", "3");
    a.nack(1, true);
    await a.raw.call(1, "tx.commit", {}, "tx.commit-ok");
    for (let i = 1; i <= 3; i++) await a.get("q");
  },
  "confirm: nothing is confirmed of what was refused": async (stage) => {
    const a = await stage.client();
    await a.confirm();
    a.publish("nope", "k", "x");
    await a.next();
  },
  "confirm: before the close of its channel": async (stage) => {
    const a = await stage.client();
    await a.confirm();
    a.publish("", "nowhere", "x");
    await a.raw.expect("basic.ack");
    a.publish("", "nowhere", "y", {}, { mandatory: true });
    await a.next();
    await a.next();
    await a.close();
  },
  "confirm: numbers begin anew with the channel": async (stage) => {
    const a = await stage.client();
    for (let i = 0; i < 2; i++) {
      await a.confirm();
      a.publish("", "nowhere", "x");
      await a.next();
      await a.close();
      await a.open();
    }
  },
  "confirm: counts from its select": async (stage) => {
    const a = await stage.client();
    a.publish("", "nowhere", "before");
    await a.confirm();
    a.publish("", "nowhere", "x");
    await a.next();
  },
};
export default scenarios;
