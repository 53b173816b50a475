import { Field, type Plain } from "../../../src/amqp/model/values.ts";
import { FieldTable } from "../../../src/amqp/v091/fields.ts";
import type { Actor } from "../scenario.ts";
import type { Scenarios } from "./index.ts";

/** Publishes to an exchange with one queue bound, and tells what arrived. */
async function topic(a: Actor, pattern: string, keys: string[]): Promise<void> {
  const queue = await a.queue("");
  await a.bind(queue, "amq.topic", pattern);
  for (const key of keys) a.publish("amq.topic", key, `${key} met by ${pattern}`);
  await a.settle();
  while ((await a.get(queue)) !== null);
  a.unbindQueue(queue, "amq.topic", pattern);
  await a.next();
}

const KEYS = ["", ".", "a", "a.b", "a.b.c", "a.b.c.d", "b", "b.a", "a..b", "..", "c.a.b"];

async function headers(a: Actor, table: { [name: string]: Plain }, given: { [name: string]: Plain } | null): Promise<void> {
  const queue = await a.queue("");
  await a.bind(queue, "amq.headers", "", table);
  a.publish("amq.headers", "", "met", given === null ? {} : { headers: FieldTable.of(given) });
  await a.settle();
  await a.get(queue);
}

/** Which queues a message reaches. */
const scenarios: Scenarios = {
  "route: default exchange": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    a.publish("", "q", "straight", { contentType: "text/plain", messageId: "1" });
    await a.settle();
    a.getOne("q");
  },
  "route: direct, several bindings": async (stage) => {
    const a = await stage.client();
    for (const queue of ["one", "two"]) await a.queue(queue);
    await a.bind("one", "amq.direct", "k");
    await a.bind("two", "amq.direct", "k");
    await a.bind("two", "amq.direct", "l");
    for (const key of ["k", "l", "m"]) a.publish("amq.direct", key, key, {}, { mandatory: true });
    await a.settle();
    for (const queue of ["one", "one", "two", "two", "two"]) a.getOne(queue);
  },
  "route: fanout looks at no key": async (stage) => {
    const a = await stage.client();
    for (const queue of ["one", "two"]) {
      await a.queue(queue);
      await a.bind(queue, "amq.fanout", `key of ${queue}`);
    }
    a.publish("amq.fanout", "any", "for all");
    await a.settle();
    a.getOne("one");
    a.getOne("two");
  },
  ...Object.fromEntries(
    ["#", "*", "", "a", "a.*", "a.#", "#.b", "*.b", "a.*.c", "a.#.d", "#.a.#", "*.#", "#.*", "*.*", "a..b", "..", "#.#", "a.#.#.c"].map(
      (pattern) =>
        [`route: topic ${JSON.stringify(pattern)}`, async (stage) => topic(await stage.client(), pattern, KEYS)] as [
          string,
          Scenarios[string],
        ],
    ),
  ),
  "route: a queue bound twice gets one": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    await a.bind("q", "amq.topic", "a.*");
    await a.bind("q", "amq.topic", "*.b");
    a.publish("amq.topic", "a.b", "once");
    await a.settle();
    a.getOne("q");
    a.getOne("q");
  },
  ...Object.fromEntries(
    (
      [
        ["number in other bytes", { a: new Field("int32", 1) }, { a: new Field("int64", 1) }],
        ["number as a double", { a: 1 }, { a: new Field("double", 1) }],
        ["text and bytes", { a: "z" }, { a: Buffer.from("z") }],
        ["another value", { a: 1 }, { a: 2 }],
        ["no value wanted", { a: null }, { a: 3 }],
        ["no value wanted, not there", { a: null }, { b: 3 }],
        ["no value given", { a: 1 }, { a: null }],
        ["nothing wanted", {}, { b: 3 }],
        ["nothing wanted, no headers", { "x-match": "all" }, null],
        ["any of nothing", { "x-match": "any" }, { b: 3 }],
        ["any", { "x-match": "any", a: 1, b: 2 }, { b: 2 }],
        ["any, none", { "x-match": "any", a: 1, b: 2 }, { b: 1, a: 2 }],
        ["all, one missing", { "x-match": "all", a: 1, b: 2 }, { b: 2 }],
        ["all, and more", { "x-match": "all", a: 1, b: 2 }, { b: 2, a: 1, c: 3 }],
        ["x- does not count", { "x-match": "all", a: 1, "x-b": 2 }, { a: 1 }],
        ["x- alone does not count", { "x-match": "any", "x-b": 2 }, { "x-b": 2 }],
        ["any with x", { "x-match": "any-with-x", "x-b": 2 }, { "x-b": 2 }],
        ["all with x, missing", { "x-match": "all-with-x", a: 1, "x-b": 2 }, { a: 1 }],
        ["all with x", { "x-match": "all-with-x", a: 1, "x-b": 2 }, { a: 1, "x-b": 2 }],
        ["tables", { a: { b: 1, c: 2 } }, { a: { b: 1, c: 2 } }],
        ["tables in another order", { a: { b: 1, c: 2 } }, { a: { c: 2, b: 1 } }],
        ["arrays", { a: [1, "x"] }, { a: [1, "x"] }],
        ["booleans", { a: true }, { a: true }],
        ["times", { a: new Date(5000) }, { a: new Date(5000) }],
        ["a time and its number", { a: new Date(5000) }, { a: 5 }],
      ] as const
    ).map(
      ([name, table, given]) =>
        [`route: headers, ${name}`, async (stage) => headers(await stage.client(), table, given)] as [string, Scenarios[string]],
    ),
  ),
  "route: through exchanges, each queue once": async (stage) => {
    const a = await stage.client();
    await a.exchange("in", "fanout");
    await a.exchange("left", "direct");
    await a.exchange("right", "topic");
    await a.queue("q");
    for (const [destination, source] of [
      ["left", "in"],
      ["right", "in"],
      ["in", "right"],
    ] as const) {
      a.bindExchange(destination, source, "k");
      await a.next();
    }
    await a.bind("q", "left", "k");
    await a.bind("q", "right", "#");
    a.publish("in", "k", "once, and round in a circle");
    await a.settle();
    a.getOne("q");
    a.getOne("q");
    for (const exchange of ["in", "left", "right"]) a.deleteExchange(exchange);
  },
  "route: alternate exchange": async (stage) => {
    const a = await stage.client();
    await a.exchange("last", "fanout");
    await a.exchange("second", "direct", { arguments: { "alternate-exchange": "last" } });
    await a.exchange("first", "direct", { arguments: { "alternate-exchange": "second" } });
    await a.queue("q");
    await a.queue("rest");
    await a.bind("q", "first", "k");
    await a.bind("rest", "last");
    a.publish("first", "k", "routed");
    a.publish("first", "other", "left over", {}, { mandatory: true });
    await a.settle();
    for (const queue of ["q", "q", "rest", "rest"]) a.getOne(queue);
    for (const exchange of ["first", "second", "last"]) a.deleteExchange(exchange);
  },
  "route: alternate exchange that is not there": async (stage) => {
    const a = await stage.client();
    await a.exchange("x", "direct", { arguments: { "alternate-exchange": "nope" } });
    a.publish("x", "k", "lost", {}, { mandatory: true });
    await a.next();
    a.deleteExchange("x");
  },
  "route: internal exchange": async (stage) => {
    const a = await stage.client();
    await a.exchange("inner", "fanout", { internal: true });
    await a.exchange("outer", "fanout");
    a.bindExchange("inner", "outer");
    await a.next();
    await a.queue("q");
    await a.bind("q", "inner");
    a.publish("outer", "", "through");
    await a.settle();
    a.getOne("q");
    await a.next();
    a.deleteExchange("outer");
    await a.next();
    a.publish("inner", "k", "refused");
    const b = await stage.client();
    b.deleteExchange("inner");
    await b.next();
  },
  "route: CC and BCC": async (stage) => {
    const a = await stage.client();
    for (const queue of ["q", "cc", "bcc"]) await a.queue(queue);
    a.publish("", "q", "many", { headers: FieldTable.of({ CC: ["cc", "q"], BCC: ["bcc"], other: 1 }) });
    await a.settle();
    for (const queue of ["q", "q", "cc", "bcc"]) a.getOne(queue);
  },
};
export default scenarios;
