import type { At, ErrorName, Message, MessageChanges, Operation, Plugin, Protocol, Target } from "../../src/hooks/plugin.ts";
import {
  close,
  delay,
  drop,
  duplicate,
  expire,
  fail,
  hang,
  hold,
  reorder,
  replace,
  reply,
  reroute,
  type Delay,
  type Hold,
  type Verdict,
} from "../../src/hooks/verdicts.ts";
import { type Batch, batches } from "../../src/kafka/wire/batch.ts";
import { records } from "../../src/kafka/wire/records.ts";

/** How often each hook point does anything at all, at chaos 1. */
const RATES = { connect: 0.06, request: 0.012, response: 0.012, message: 0.08, delivery: 0.05, bytes: 0.004, control: 0.004 };

const ERRORS: Record<Protocol, readonly string[]> = {
  kafka: [
    "NOT_LEADER_OR_FOLLOWER",
    "REQUEST_TIMED_OUT",
    "NOT_COORDINATOR",
    "UNKNOWN_SERVER_ERROR",
    "COORDINATOR_LOAD_IN_PROGRESS",
    "INVALID_RECORD",
    "NOT_ENOUGH_REPLICAS",
  ],
  mqtt: ["Quota exceeded", "Not authorized", "Unspecified error", "Implementation specific error", "Server busy"],
  amqp: ["NOT_FOUND", "ACCESS_REFUSED", "PRECONDITION_FAILED", "INTERNAL_ERROR", "RESOURCE_ERROR"],
};

/** Answers that a client can go on with although nothing was carried out. */
const REPLIES: Record<string, object> = {
  Heartbeat: { errorCode: 27 },
  PINGREQ: {},
  PUBLISH: { code: 0 },
  "basic.qos": {},
};
/** Words that may stand for those of the broker: none makes something good that was not. */
const REPLIED_RESPONSES: Record<string, object> = {
  Heartbeat: { errorCode: 27 },
  PINGRESP: {},
  "basic.qos-ok": {},
};

/** Changes that are allowed to make no difference. */
const REPLACED_REQUESTS: Record<string, object> = {
  Produce: { timeoutMs: 5 },
  Fetch: { maxWaitMs: 0 },
  CONNECT: { keepAlive: 0 },
  "basic.qos": { prefetchCount: 1 },
};
const REPLACED_RESPONSES: Record<string, object> = {
  Produce: { throttleTimeMs: 5 },
  Fetch: { throttleTimeMs: 5 },
  Metadata: { throttleTimeMs: 5 },
  "queue.declare-ok": { consumerCount: 7 },
};

/** Kafka topics, MQTT topics and AMQP queues that messages are sent to instead. */
const ELSEWHERE: readonly Target[] = [
  { protocol: "kafka", topic: "ka" },
  { protocol: "kafka", topic: "kb", partition: 0 },
  { protocol: "kafka", topic: "kb", partition: 99 },
  { protocol: "mqtt", topic: "t/a" },
  { protocol: "mqtt", topic: "u/x", qos: 1 },
  { protocol: "mqtt", topic: "t/b", qos: 2 },
  { protocol: "amqp", exchange: "", routingKey: "q.plain" },
  { protocol: "amqp", exchange: "ex.fanout", routingKey: "x" },
  { protocol: "amqp", exchange: "nowhere", routingKey: "x" },
];

/**
 * Gives every verdict at every hook point, with small probabilities drawn from `at.random`. `more`
 * scales them; with `isAsync` some hooks answer with a promise, which a replay would not.
 */
export function chaos(more: number, isAsync: boolean): Plugin {
  const strikes = (at: At, rate: number): boolean => at.random.chance(rate * more);
  const wait = (at: At, reason: string): Delay | Hold =>
    at.random.chance(0.5) ? delay(at.random.int(1, 3000), reason) : hold(at.clock.sleep(at.random.int(1, 3000)), reason);
  /** Cut at once, or after a time in which nothing comes. */
  const cut = (at: At, reason: string): Verdict =>
    at.random.chance(0.2) ? hang(at.random.int(1, 3000), reason) : close({ reset: at.random.chance(0.5) }, reason);
  /** Behind a few others. */
  const later = (at: At, reason: string): Verdict => reorder(at.random.int(1, 4), at.random.int(1, 3000), reason);
  const refuse = (at: At, protocol: Protocol, reason: string): Verdict => fail(at.random.pick(ERRORS[protocol]) as ErrorName, reason);
  /** One of the verdicts. */
  const verdict = (at: At, choices: (() => Verdict)[]): any => {
    at.counters.add("verdicts");
    const chosen = at.random.pick(choices)();
    return isAsync && at.random.chance(0.2) ? Promise.resolve(chosen) : chosen;
  };

  return {
    connect: ({ protocol }, at) => {
      if (!strikes(at, RATES.connect)) return;
      return verdict(at, [() => wait(at, ""), () => wait(at, ""), () => drop(), () => refuse(at, protocol, ""), () => cut(at, "")]);
    },
    disconnect: (_event, at) => {
      at.counters.add("gone");
      return strikes(at, RATES.connect) ? wait(at, "") : undefined;
    },

    request: (operation, at) => {
      if (strikes(at, RATES.control)) control(at);
      if (!strikes(at, RATES.request)) return;
      const about = contents(operation);
      const choices = [() => wait(at, about), () => drop(about), () => refuse(at, operation.protocol, about), () => cut(at, about)];
      const body = REPLIES[operation.operation];
      if (body !== undefined && (operation.operation !== "PUBLISH" || operation.body.qos > 0)) choices.push(() => reply(body, about));
      const changes = REPLACED_REQUESTS[operation.operation];
      if (changes !== undefined) choices.push(() => replace({ ...changes }, about));
      return verdict(at, choices);
    },

    response: (operation, at) => {
      if (!strikes(at, RATES.response)) return;
      const about = operation.request === undefined ? "" : contents({ ...operation, body: operation.request });
      const choices = [() => wait(at, about), () => drop(about), () => refuse(at, operation.protocol, about), () => cut(at, about)];
      const changes = REPLACED_RESPONSES[operation.operation];
      if (changes !== undefined) choices.push(() => replace(changes, about));
      const body = REPLIED_RESPONSES[operation.operation];
      if (body !== undefined) choices.push(() => reply({ ...body }, about));
      return verdict(at, choices);
    },

    message: (message, at) => {
      if (!strikes(at, RATES.message)) return;
      const about = message.text();
      return verdict(at, [
        () => wait(at, about),
        () => drop(about),
        () => refuse(at, message.protocol, about),
        () => replace({ payload: `${about}!` }, about),
        () => replace(changesOf(message, at), about),
        () => duplicate(at.random.int(1, 2), about),
        () => reroute(at.random.pick(ELSEWHERE), about),
        () => cut(at, about),
        () => later(at, about),
        ...(message.protocol === "amqp" ? [() => fail("nack" as ErrorName, about)] : []),
      ]);
    },

    delivery: (message, at) => {
      if (!strikes(at, RATES.delivery)) return;
      const about = message.text();
      return verdict(at, [
        () => wait(at, about),
        () => drop(about),
        () => replace({ payload: `${about}!` }, about),
        () => replace(changesOf(message, at), about),
        () => reroute(at.random.pick(ELSEWHERE), about),
        () => cut(at, about),
        () => expire(about),
        ...(message.protocol === "kafka" ? [] : [() => duplicate(at.random.int(1, 2), about), () => later(at, about)]),
      ]);
    },

    // Whole chunks are lost, or come in pieces; what becomes of spoilt ones is for tests/fuzz.
    bytes: ({ data }, at) => {
      if (!strikes(at, RATES.bytes)) return;
      const middle = Math.floor(data.length / 2);
      return verdict(at, [
        () => wait(at, ""),
        () => drop(),
        () => replace({ chunks: [data.subarray(0, middle), data.subarray(middle)] }),
        () => cut(at, ""),
      ]);
    },
  };
}

/** Something else than the payload becomes different. */
function changesOf({ protocol }: Message, at: At): MessageChanges {
  switch (protocol) {
    case "kafka":
      return at.random.pick([{ key: "other" }, { headers: { h: "v" } }]);
    case "mqtt":
      return { qos: at.random.pick([0, 1, 2] as const) };
    case "amqp":
      return at.random.pick([{ headers: { h: "v" } }, { properties: { priority: 3 } }]);
  }
}

/** The payloads that an operation carries. */
function contents({ operation, body }: Operation): string {
  if (operation === "PUBLISH") return body.payload.toString();
  if (operation !== "Produce") return "";
  const all = body.topicData.flatMap((topic: any) => topic.partitionData.flatMap((one: any) => [...batches(one.records)]));
  return all.flatMap((batch: Batch) => [...records(batch)].map(({ value }) => String(value))).join(",");
}

/** Uses the control surface from within a hook. */
function control(at: At): void {
  const { broker, random } = at;
  try {
    random.pick([
      () => broker.electLeader(random.pick(["ka", "kb"]), random.int(0, 1)),
      () => broker.killBroker(random.int(1, 3)),
      () => broker.restartBroker(random.int(1, 3)),
      () => broker.disconnect({ client: random.pick(["k*", "m*", "a*", "*"]) }, { reset: random.chance(0.5) }),
      () => broker.expireSession(random.pick(["m1", "m2", "m3"])),
      () => broker.publish({ ...random.pick(ELSEWHERE.slice(0, 2)), payload: `plugin:${at.stream}:${at.ordinal}` }),
    ])();
  } catch (error) {
    // A leader cannot be elected where no replica is up.
    if (!(error instanceof RangeError)) throw error;
  }
}
