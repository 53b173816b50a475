import { Field } from "../../../src/amqp/model/values.ts";
import { FieldTable } from "../../../src/amqp/v091/fields.ts";
import type { Scenarios } from "./index.ts";

/** Exchanges and queues that hang together, and what is left of them when a part goes. */
const scenarios: Scenarios = {
  "topology: an exchange that is only bound to is not used": async (stage) => {
    const a = await stage.client();
    await a.exchange("x", "fanout");
    a.bindExchange("x", "amq.direct", "k");
    await a.next();
    a.deleteExchange("x", true);
    await a.next();
    a.publish("amq.direct", "k", "lost", {}, { mandatory: true });
    await a.next();
  },
  "topology: auto-delete of a source, when the exchange behind it goes": async (stage) => {
    const a = await stage.client();
    await a.exchange("x", "direct", { autoDelete: true });
    await a.exchange("y", "fanout");
    a.bindExchange("y", "x", "k");
    await a.next();
    a.deleteExchange("y");
    await a.next();
    a.declareExchange("x", "direct", { passive: true });
    await a.next();
  },
  "topology: auto-delete of a destination stays": async (stage) => {
    const a = await stage.client();
    await a.exchange("x", "direct", { autoDelete: true });
    a.bindExchange("x", "amq.direct", "k");
    await a.next();
    a.unbindExchange("x", "amq.direct", "k");
    await a.next();
    a.declareExchange("x", "direct", { passive: true });
    await a.next();
    a.deleteExchange("x");
  },
  "topology: an exchange bound to itself": async (stage) => {
    const a = await stage.client();
    await a.exchange("x", "fanout");
    a.bindExchange("x", "x");
    await a.next();
    await a.queue("q");
    await a.bind("q", "x");
    a.publish("x", "", "once");
    await a.settle();
    await a.get("q");
    await a.get("q");
    a.deleteExchange("x");
  },
  "topology: alternates in a circle": async (stage) => {
    const a = await stage.client();
    await a.exchange("x", "direct", { arguments: { "alternate-exchange": "y" } });
    await a.exchange("y", "direct", { arguments: { "alternate-exchange": "x" } });
    await a.exchange("z", "direct", { arguments: { "alternate-exchange": "z" } });
    for (const exchange of ["x", "z"]) {
      a.publish(exchange, "k", exchange, {}, { mandatory: true });
      await a.next();
    }
    for (const exchange of ["x", "y", "z"]) a.deleteExchange(exchange);
  },
  "topology: an alternate that is internal, and the default one": async (stage) => {
    const a = await stage.client();
    await a.exchange("inner", "fanout", { internal: true });
    await a.exchange("x", "direct", { arguments: { "alternate-exchange": "inner" } });
    await a.exchange("y", "direct", { arguments: { "alternate-exchange": "" } });
    await a.queue("q");
    await a.bind("q", "inner");
    a.publish("x", "k", "through the inner one", {}, { mandatory: true });
    a.publish("y", "q", "through the default one", {}, { mandatory: true });
    await a.settle();
    for (let i = 0; i < 3; i++) await a.get("q");
    for (const exchange of ["x", "y", "inner"]) a.deleteExchange(exchange);
  },
  "topology: an alternate with a copy that is routed": async (stage) => {
    const a = await stage.client();
    await a.exchange("x", "direct", { arguments: { "alternate-exchange": "amq.fanout" } });
    for (const queue of ["q", "rest"]) await a.queue(queue);
    await a.bind("q", "x", "cc");
    await a.bind("rest", "amq.fanout");
    a.publish("x", "other", "x", { headers: FieldTable.of({ CC: ["cc"] }) });
    await a.settle();
    await a.get("q");
    await a.get("rest");
    a.deleteExchange("x");
  },
  "topology: the same pattern bound twice, and unbound once": async (stage) => {
    const a = await stage.client();
    for (const queue of ["one", "two"]) {
      await a.queue(queue);
      await a.bind(queue, "amq.topic", "a.#");
    }
    a.unbindQueue("one", "amq.topic", "a.#");
    await a.next();
    a.publish("amq.topic", "a.b", "x");
    await a.settle();
    await a.get("one");
    await a.get("two");
  },
  "topology: long words, many words": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    const long = "w".repeat(120);
    await a.bind("q", "amq.topic", `${long}.*.#`);
    await a.bind("q", "amq.topic", "a.".repeat(60) + "a");
    for (const key of [`${long}.x`, long, "a.".repeat(60) + "a", "a.".repeat(59) + "a"])
      a.publish("amq.topic", key, key.slice(0, 5), {}, { mandatory: true });
    await a.next();
    await a.next();
    await a.get("q");
    await a.get("q");
    await a.get("q");
  },
  "topology: headers bound twice, in two ways": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    await a.bind("q", "amq.headers", "", { "x-match": "all", a: 1, b: 2 });
    await a.bind("q", "amq.headers", "", { "x-match": "any", c: 3 });
    for (const headers of [{ a: 1, b: 2, c: 3 }, { a: 1 }, { c: 3 }, { c: "3" }])
      a.publish("amq.headers", "", JSON.stringify(headers), { headers: FieldTable.of(headers) }, { mandatory: true });
    a.unbindQueue("q", "amq.headers", "", { "x-match": "any", c: 3 });
    a.publish("amq.headers", "", "unbound", { headers: FieldTable.of({ c: 3 }) }, { mandatory: true });
    for (let i = 0; i < 4; i++) await a.next();
    for (let i = 0; i < 3; i++) await a.get("q");
  },
  "topology: bindings with arguments of other types are others": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    await a.bind("q", "amq.direct", "k", { n: 1 });
    a.unbindQueue("q", "amq.direct", "k", { n: new Field("int64", 1) });
    await a.next();
    a.publish("amq.direct", "k", "x", {}, { mandatory: true });
    await a.settle();
    await a.get("q");
  },
  "topology: names of all sorts": async (stage) => {
    const a = await stage.client();
    for (const name of ["with space", "ü/ö", "a.b#c*", "amq", "AMQ.x", " ", "\t", "0"]) {
      await a.exchange(name, "fanout");
      await a.queue(name);
      await a.bind(name, name);
      a.publish(name, "", name);
      await a.get(name);
      a.deleteExchange(name);
      await a.next();
    }
  },
  "topology: an exclusive queue of a connection, from its other channel": async (stage) => {
    const a = await stage.client();
    const b = await a.on(2).open();
    await a.queue("q");
    await b.queue("q");
    await b.consume("q", { consumerTag: "c", noAck: true });
    a.publish("", "q", "x");
    await a.deliveries(1);
    b.deleteQueue("q");
    await a.next();
    await a.next();
  },
  "topology: counts of a declaration": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    await a.qos(1);
    await a.consume("q", { consumerTag: "one" });
    await a.consume("q", { consumerTag: "two" });
    for (let i = 0; i < 5; i++) a.publish("", "q", String(i));
    await a.deliveries(2);
    await a.queue("q");
    a.cancel("one");
    await a.next();
    a.declareQueue("q", { passive: true });
    await a.next();
    a.purge("q");
    await a.next();
    a.deleteQueue("q");
    await a.next();
    await a.next();
  },
  "topology: the last queue declared, after others failed or went": async (stage) => {
    const a = await stage.client();
    await a.queue("one");
    await a.queue("two");
    a.declareQueue("one", { passive: true });
    await a.next();
    a.publish("", "one", "x");
    await a.get("");
    a.deleteQueue("");
    await a.next();
    a.purge("");
    await a.next();
  },
  "topology: an empty name on another channel": async (stage) => {
    const a = await stage.client();
    const b = await a.on(2).open();
    await a.queue("q");
    b.getOne("");
    await b.next();
  },
  "topology: a queue bound to exchanges that go": async (stage) => {
    const a = await stage.client();
    for (const exchange of ["x", "y"]) await a.exchange(exchange, "direct");
    await a.queue("q");
    for (const exchange of ["x", "y"]) await a.bind("q", exchange, "k");
    a.deleteExchange("x");
    await a.next();
    await a.exchange("x", "direct");
    for (const exchange of ["x", "y"]) a.publish(exchange, "k", exchange, {}, { mandatory: true });
    await a.next();
    await a.get("q");
    await a.get("q");
    for (const exchange of ["x", "y"]) a.deleteExchange(exchange);
  },
  "topology: predeclared exchanges as they are, and not": async (stage) => {
    for (const [exchange, type, flags] of [
      ["amq.topic", "topic", { durable: true }],
      ["amq.rabbitmq.trace", "topic", { durable: true, internal: true }],
      ["amq.match", "headers", { durable: true }],
      ["amq.topic", "direct", { durable: true }],
      ["amq.fanout", "fanout", {}],
      ["amq.rabbitmq.log", "topic", { durable: true, internal: true, passive: true }],
    ] as const) {
      const a = await stage.client();
      a.declareExchange(exchange, type, flags);
      await a.next();
    }
  },
  "topology: published to the exchange of traces": async (stage) => {
    const a = await stage.client();
    a.publish("amq.rabbitmq.trace", "k", "x");
    await a.next();
  },
  "topology: a queue goes between a publish and its content": async (stage) => {
    const a = await stage.client();
    const b = await a.on(2).open();
    await a.queue("q");
    a.publish("", "q", "known", {}, { mandatory: true });
    await a.get("q");
    a.raw.send(1, "basic.publish", { exchange: "", routingKey: "q", mandatory: true, immediate: false });
    b.deleteQueue("q");
    await b.next();
    a.raw.header(1, 0);
    await a.next();
  },
  "topology: an exchange goes between a publish and its content": async (stage) => {
    const a = await stage.client();
    const b = await a.on(2).open();
    await a.exchange("x", "fanout");
    a.publish("x", "k", "known", {}, { mandatory: true });
    await a.next();
    a.raw.send(1, "basic.publish", { exchange: "x", routingKey: "k", mandatory: false, immediate: false });
    b.deleteExchange("x");
    await b.next();
    a.raw.header(1, 0);
    await a.next();
  },
  "topology: a queue comes between a publish and its content": async (stage) => {
    const a = await stage.client();
    const b = await a.on(2).open();
    a.publish("", "q", "known", {}, { mandatory: true });
    await a.next();
    a.raw.send(1, "basic.publish", { exchange: "", routingKey: "q", mandatory: true, immediate: false });
    await b.queue("q");
    a.raw.header(1, 0);
    await a.settle();
    await a.get("q");
  },
  "tx: a queue is bound between the publish and the commit": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    await a.raw.call(1, "tx.select", {}, "tx.select-ok");
    a.publish("amq.fanout", "", "x", {}, { mandatory: true });
    await a.bind("q", "amq.fanout");
    a.raw.send(1, "tx.commit", {});
    await a.next();
    await a.settle();
    await a.get("q");
  },
  "tx: a queue goes between the publish and the commit": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    await a.raw.call(1, "tx.select", {}, "tx.select-ok");
    a.publish("", "q", "x", {}, { mandatory: true });
    a.deleteQueue("q");
    await a.next();
    a.raw.send(1, "tx.commit", {});
    await a.next();
    await a.settle();
  },

  "redelivery: recover to the consumer itself": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    for (let i = 1; i <= 3; i++) a.publish("", "q", String(i));
    await a.consume("q", { consumerTag: "c" });
    await a.deliveries(3);
    a.ack(2);
    a.raw.send(1, "basic.recover", { requeue: true });
    for (let i = 0; i < 3; i++) await a.next();
    a.ack(4);
    a.ack(5);
    await a.settle();
    a.declareQueue("q", { passive: true });
  },
  "redelivery: a channel's end gives to another's consumer": async (stage) => {
    const a = await stage.client();
    const b = await a.on(2).open();
    await a.queue("q");
    await a.consume("q", { consumerTag: "a" });
    for (let i = 1; i <= 3; i++) a.publish("", "q", String(i));
    await a.deliveries(3);
    await b.consume("q", { consumerTag: "b" });
    a.raw.send(1, "channel.close", { replyCode: 200, replyText: "", classId: 0, methodId: 0 });
    await stage.wait(200);
    for (let i = 0; i < 4; i++) await b.next();
  },
  "redelivery: to one without credit, then with": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    await a.qos(1);
    await a.consume("q", { consumerTag: "a" });
    for (let i = 1; i <= 3; i++) a.publish("", "q", String(i));
    await a.deliveries(1);
    a.nack(1, true);
    await a.deliveries(1);
    a.reject(2, false);
    await a.deliveries(1);
    a.ack(3);
    await a.deliveries(1);
  },
  "redelivery: a message that came back is got first": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    for (let i = 1; i <= 3; i++) a.publish("", "q", String(i));
    await a.get("q", false);
    await a.get("q", false);
    a.nack(2, true);
    await a.get("q", true);
    a.nack(1, true);
    await a.get("q", true);
    await a.get("q", true);
  },
  "redelivery: no acknowledgement, never": async (stage) => {
    const a = await stage.client();
    const b = await a.on(2).open();
    await a.queue("q");
    a.publish("", "q", "x");
    await a.settle();
    await b.get("q", true);
    await b.close();
    await a.get("q");
  },
  "time: zero, and a dead letter exchange": async (stage) => {
    const a = await stage.client();
    await a.queue("dead");
    await a.queue("q", { arguments: { "x-message-ttl": 0, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead" } });
    await a.consume("dead", { consumerTag: "c" });
    a.publish("", "q", "x");
    await a.deliveries(1);
  },
  "time: behind a consumer without credit": async (stage) => {
    const a = await stage.client();
    await a.queue("dead");
    await a.queue("q", { arguments: { "x-message-ttl": 30, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead" } });
    await a.qos(1);
    await a.consume("q", { consumerTag: "c" });
    for (let i = 1; i <= 2; i++) a.publish("", "q", String(i));
    await a.deliveries(1);
    await stage.wait(200);
    a.nack(1, true);
    await a.settle();
    await stage.wait(200);
    await a.get("dead");
    await a.get("dead");
  },
  "time: a queue expires, with consumers told and nothing left": async (stage) => {
    const a = await stage.client();
    await a.queue("q", { exclusive: false, arguments: { "x-expires": 40 } });
    a.publish("", "q", "x");
    await a.settle();
    await stage.wait(200);
    a.publish("", "q", "y", {}, { mandatory: true });
    await a.next();
    a.declareQueue("q", { passive: true });
    await a.next();
  },
  "time: a dead letter to a queue that refuses": async (stage) => {
    const a = await stage.client();
    await a.queue("dead", { arguments: { "x-max-length": 0, "x-overflow": "reject-publish" } });
    await a.queue("q", { arguments: { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead" } });
    a.publish("", "q", "x");
    await a.get("q", false);
    a.reject(1, false);
    await a.settle();
    await stage.wait(200);
    await a.get("dead");
    await a.get("q");
  },
  "limit: bytes of what a dead letter exchange gets": async (stage) => {
    const a = await stage.client();
    await a.queue("dead");
    await a.queue("q", { arguments: { "x-max-length-bytes": 3, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead" } });
    for (const body of ["aa", "bb", "toolong", "c"]) a.publish("", "q", body);
    await a.settle();
    await stage.wait(200);
    for (let i = 0; i < 4; i++) await a.get("dead");
    for (let i = 0; i < 2; i++) await a.get("q");
  },
  "tx: returns come with the commit, before its answer": async (stage) => {
    const a = await stage.client();
    await a.raw.call(1, "tx.select", {}, "tx.select-ok");
    for (const body of ["1", "2"]) a.publish("", "nowhere", body, {}, { mandatory: true });
    a.raw.send(1, "tx.commit", {});
    for (let i = 0; i < 3; i++) await a.next();
    a.raw.send(1, "tx.commit", {});
    await a.next();
    a.raw.send(1, "tx.rollback", {});
    await a.next();
  },
  "tx: what was acknowledged and not committed comes back": async (stage) => {
    const a = await stage.client();
    const b = await stage.client();
    await b.queue("q", { exclusive: false, autoDelete: true });
    b.publish("", "q", "x");
    await b.settle();
    await a.raw.call(1, "tx.select", {}, "tx.select-ok");
    await a.get("q", false);
    a.ack(1);
    await a.settle();
    a.raw.send(0, "connection.close", { replyCode: 200, replyText: "", classId: 0, methodId: 0 });
    await a.next();
    await stage.wait(200);
    await b.get("q");
    b.deleteQueue("q");
    await b.next();
  },
  "confirm: acknowledged when two queues have it": async (stage) => {
    const a = await stage.client();
    for (const queue of ["one", "two"]) {
      await a.queue(queue);
      await a.bind(queue, "amq.fanout");
    }
    await a.confirm();
    a.publish("amq.fanout", "", "x", { deliveryMode: 2 });
    await a.next();
    await a.get("one");
    await a.get("two");
  },
  "confirm: channels count for themselves": async (stage) => {
    const a = await stage.client();
    const b = await a.on(2).open();
    await a.confirm();
    await b.confirm();
    for (const channel of [a, b, b, a]) {
      channel.publish("", "nowhere", "x");
      await channel.next();
    }
  },
  "publish: immediate, with confirms": async (stage) => {
    const a = await stage.client();
    await a.confirm();
    a.publish("", "q", "x", {}, { immediate: true });
    await a.next();
  },
  "publish: to a name of the vhost's other kind": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    a.publish("q", "q", "x");
    await a.next();
  },
};
export default scenarios;
