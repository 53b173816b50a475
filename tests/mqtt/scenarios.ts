import type { Packet, Properties, Version } from "../../src/mqtt/wire/packets.ts";
import type { Stage, Talker } from "./stage.ts";

/** Clients that meet: names and topics are those that `Stage.clean` knows. */
export interface Scenario {
  versions: readonly Version[];
  play(stage: Stage): Promise<unknown>;
}
export const NAMES = ["a", "b", "c", "d"];
export const TOPICS = ["t", "r/1", "r/2", "r/3", "r/w", "$r/1"];

const ALL = [3, 4, 5] as const,
  FIVE = [5] as const;
const lasting = { cleanStart: false, properties: { sessionExpiryInterval: 1000 } } as const;
const will = (topic = "r/w", more: object = {}) => ({ topic, payload: Buffer.from("will"), qos: 0 as const, retain: false, ...more });
const five = (name: string, play: Scenario["play"]): [string, Scenario] => [name, { versions: FIVE, play }];
const all = (name: string, play: Scenario["play"]): [string, Scenario] => [name, { versions: ALL, play }];
const text = (value: string): (number | string)[] => [0, value.length, value];
/** Publishes one message in each QoS. */
async function one(client: Talker, topic: string, qoses: readonly (0 | 1 | 2)[] = [0, 1, 2]): Promise<void> {
  for (const qos of qoses) await client.publish(topic, `in ${qos}`, { qos });
}

const list: [string, Scenario][] = [
  // --- Sessions -----------------------------------------------------------------------------------
  ...([1, 2] as const).map((qos) =>
    all(`a session with messages on the way is taken over, in QoS ${qos}`, async (stage) => {
      const first = await stage.client("a", lasting);
      await first.subscribe("t", { qos });
      const b = await stage.client("b");
      for (const payload of ["1", "2", "3"]) await b.publish("t", payload, { qos });
      await first.settle();
      await first.ack(qos === 1 ? "PUBACK" : "PUBREC", 1);
      const second = await stage.client("a", lasting);
      await first.settle();
      await second.ack(qos === 1 ? "PUBACK" : "PUBREC", 2);
      const third = await stage.client("a", lasting);
      await third.settle();
    }),
  ),
  all("PUBREL comes again until it is answered", async (stage) => {
    const a = await stage.client("a", lasting);
    await a.subscribe("t", { qos: 2 });
    await (await stage.client("b")).publish("t", "x", { qos: 2 });
    await a.settle();
    await a.ack("PUBREC", 1);
    await a.breakOff();
    const again = await stage.client("a", lasting);
    await again.breakOff();
    const last = await stage.client("a", lasting);
    await last.ack("PUBCOMP", 1);
    await last.breakOff();
    await stage.client("a", lasting);
  }),
  all("a message in QoS 2 is finished on another connection", async (stage) => {
    const b = await stage.client("b");
    await b.subscribe("t", { qos: 1 });
    const a = await stage.client("a", lasting);
    await a.send({ type: "PUBLISH", topic: "t", payload: Buffer.from("x"), qos: 2, retain: false, dup: false, id: 7 }).settle();
    await a.breakOff();
    const again = await stage.client("a", lasting);
    await again.send({ type: "PUBLISH", topic: "t", payload: Buffer.from("x"), qos: 2, retain: false, dup: true, id: 7 }).settle();
    await again.ack("PUBREL", 7);
    await b.settle();
  }),
  all("a message in QoS 2 of a session that is gone", async (stage) => {
    const b = await stage.client("b");
    await b.subscribe("t", { qos: 1 });
    const a = await stage.client("a");
    await a.send({ type: "PUBLISH", topic: "t", payload: Buffer.from("x"), qos: 2, retain: false, dup: false, id: 7 }).settle();
    await a.breakOff();
    const again = await stage.client("a");
    await again.publish("t", "x", { qos: 2, id: 7, dup: true });
    await again.settle();
  }),
  all("whose session is present", async (stage) => {
    for (const cleanStart of [true, false, false, true, false, true]) {
      const a = await stage.client("a", { ...lasting, cleanStart });
      await a.disconnect();
    }
  }),
  all("who is away gets what waits, in order, by the lower QoS", async (stage) => {
    const a = await stage.client("a", lasting);
    await a.subscribe("t", { qos: 1 });
    await a.subscribe("r/1", { qos: 0 });
    await a.disconnect();
    const b = await stage.client("b");
    await one(b, "t");
    await one(b, "r/1");
    const again = await stage.client("a", lasting);
    await again.settle();
  }),
  all("what was sent before the subscription went comes again", async (stage) => {
    const a = await stage.client("a", lasting);
    await a.subscribe("t", { qos: 1 });
    await (await stage.client("b")).publish("t", "x", { qos: 1 });
    await a.settle();
    await a.unsubscribe("t");
    await a.disconnect();
    await stage.client("a", lasting);
  }),
  all("subscriptions of a session are there again", async (stage) => {
    const a = await stage.client("a", lasting);
    await a.subscribe("t", { qos: 1 });
    await a.disconnect();
    const again = await stage.client("a", lasting);
    await again.publish("t", "x", { qos: 1 });
    await again.settle();
    await again.ack("PUBACK", 1);
    await again.unsubscribe("t", "t", "other");
    await again.publish("t", "y");
  }),
  all("a client comes again and again under the same name", async (stage) => {
    const clients: Talker[] = [];
    for (let i = 0; i < 3; i++) clients.push(await stage.client("a"));
    for (const client of clients) await client.settle();
  }),
  five("a session ends by the expiry in DISCONNECT", async (stage) => {
    const expiry = async (before: number | undefined, after: number) => {
      const a = await stage.client("a", { cleanStart: false, properties: before === undefined ? {} : { sessionExpiryInterval: before } });
      await a.disconnect(0, { sessionExpiryInterval: after });
    };
    await expiry(1000, 0);
    await expiry(1000, 1000);
    await expiry(1000, 0xffff_ffff);
    await expiry(undefined, 0);
    await expiry(0, 5);
    await (await stage.client("a", { cleanStart: false })).settle();
  }),
  five("a session that was for good ends when its next connection says nothing", async (stage) => {
    await (await stage.client("a", { cleanStart: false, properties: { sessionExpiryInterval: 0xffff_ffff } })).disconnect();
    await (await stage.client("a", { cleanStart: false })).disconnect();
    await (await stage.client("a", { cleanStart: false })).disconnect();
  }),
  five("a session expires", async (stage) => {
    await (await stage.client("a", { cleanStart: false, properties: { sessionExpiryInterval: 1 } })).breakOff();
    await stage.wait(3500);
    await stage.client("a", { cleanStart: false });
  }),
  [
    "a session goes from one version to the other",
    {
      versions: [4],
      play: async (stage) => {
        const a = await stage.client("a", { ...lasting, properties: { sessionExpiryInterval: 1000 } }, 5);
        await a.subscribe("r/#", { qos: 1, retainAsPublished: true }, { subscriptionIdentifier: [7] });
        await a.disconnect();
        await (await stage.client("b", {}, 5)).publish("r/1", "x", {
          qos: 1,
          retain: true,
          properties: { contentType: "t", messageExpiryInterval: 100 },
        });
        const old = await stage.client("a", lasting, 4);
        await old.settle();
        await old.ack("PUBACK", 1);
        await old.disconnect();
        await (await stage.client("b", {}, 4)).publish("r/1", "y", { qos: 1, retain: true });
        await (await stage.client("a", lasting, 5)).settle();
      },
    },
  ],
  five("an empty client id", async (stage) => {
    for (const cleanStart of [true, false]) await (await (await stage.raw("nameless")).connect({ clientId: "", cleanStart })).disconnect();
  }),
  all("client ids of all sorts", async (stage) => {
    for (const clientId of ["a/b", "#", "+", "$SYS", " ", "ü", "x".repeat(500)])
      await (await (await stage.raw("odd")).connect({ clientId })).disconnect();
  }),

  // --- Acknowledgements ---------------------------------------------------------------------------
  ...([1, 2] as const).flatMap((qos) =>
    (["PUBACK", "PUBREC", "PUBREL", "PUBCOMP"] as const).map((type) =>
      all(`${type} for a message that came in QoS ${qos}`, async (stage) => {
        const a = await stage.client("a", lasting);
        await a.subscribe("t", { qos });
        await (await stage.client("b")).publish("t", "x", { qos });
        await a.settle();
        await a.ack(type, 1);
        if (a.isClosed) return;
        await a.breakOff();
        await stage.client("a", lasting);
      }),
    ),
  ),
  all("PUBREC twice, PUBCOMP twice", async (stage) => {
    const a = await stage.client("a");
    await a.subscribe("t", { qos: 2 });
    await (await stage.client("b")).publish("t", "x", { qos: 2 });
    await a.settle();
    for (const type of ["PUBREC", "PUBREC", "PUBCOMP"] as const) await a.ack(type, 1);
  }),
  all("PUBREL twice", async (stage) => {
    const a = await stage.client("a");
    await a.subscribe("t");
    const b = await stage.client("b");
    await b.publish("t", "x", { qos: 2, id: 3 });
    if (stage.version < 5) await b.ack("PUBREL", 3);
    await a.settle();
  }),
  five("PUBREC that refuses", async (stage) => {
    const a = await stage.client("a", lasting);
    await a.subscribe("t", { qos: 2 });
    const b = await stage.client("b");
    await b.publish("t", "1", { qos: 2 });
    await a.settle();
    await a.ack("PUBREC", 1, 0x80);
    await b.publish("t", "2", { qos: 2 });
    await a.settle();
    await a.breakOff();
    await stage.client("a", lasting);
  }),
  five("PUBACK that refuses", async (stage) => {
    const a = await stage.client("a", lasting);
    await a.subscribe("t", { qos: 1 });
    await (await stage.client("b")).publish("t", "1", { qos: 1 });
    await a.settle();
    await a.ack("PUBACK", 1, 0x87);
    await a.breakOff();
    await stage.client("a", lasting);
  }),
  all("DUP is not passed on", async (stage) => {
    const a = await stage.client("a");
    await a.subscribe("t", { qos: 2 });
    const b = await stage.client("b");
    await b.publish("t", "1", { qos: 1, dup: true });
    await b.publish("t", "2", { qos: 2, dup: true });
    await a.settle();
  }),
  all("one identifier in QoS 1 again and again", async (stage) => {
    const a = await stage.client("a");
    await a.subscribe("t");
    const b = await stage.client("b");
    for (const payload of ["1", "2"]) await b.publish("t", payload, { qos: 1, id: 9, dup: payload === "2" });
    await a.settle();
  }),
  five("as many on the way as the client takes", async (stage) => {
    const a = await stage.client("a", { properties: { receiveMaximum: 2 } });
    await a.subscribe("t", { qos: 2 });
    const b = await stage.client("b");
    for (let i = 1; i <= 6; i++) await b.publish("t", String(i), { qos: i % 2 === 1 ? 1 : 2 });
    await a.settle();
    await a.ack("PUBACK", 1);
    await a.ack("PUBREC", 2);
    await a.ack("PUBCOMP", 2);
    await b.publish("t", "in QoS 0");
    await a.settle();
  }),

  // --- Retained messages --------------------------------------------------------------------------
  ...([0, 1, 2] as const).map((retainHandling) =>
    five(`retain handling ${retainHandling}`, async (stage) => {
      const b = await stage.client("b");
      await b.publish("r/1", "x", { retain: true, qos: 1 });
      const a = await stage.client("a", lasting);
      await a.subscribe("r/#", { retainHandling, qos: 1 });
      await a.subscribe("r/#", { retainHandling });
      await a.unsubscribe("r/#");
      await a.subscribe("r/#", { retainHandling, retainAsPublished: true });
      await a.subscribe("r/1", { retainHandling });
    }),
  ),
  five("retain as published", async (stage) => {
    const a = await stage.client("a");
    await a.subscribe("r/1", { retainAsPublished: true });
    await a.subscribe("r/2");
    const b = await stage.client("b");
    for (const topic of ["r/1", "r/2"]) {
      await b.publish(topic, "kept", { retain: true });
      await b.publish(topic, "", { retain: true });
      await b.publish(topic, "plain");
    }
    await a.settle();
  }),
  all("an empty retained message", async (stage) => {
    const a = await stage.client("a", lasting);
    await a.subscribe("r/#", { qos: 1 });
    const b = await stage.client("b");
    await b.publish("r/1", "", { retain: true });
    await b.publish("r/1", "x", { retain: true, qos: 1 });
    await b.publish("r/1", "", { retain: true, qos: 2 });
    await b.publish("r/1", "", { qos: 1 });
    await a.settle();
    await (await stage.client("c")).subscribe("r/#");
  }),
  all("retained messages in their QoS, and not beyond the subscription's", async (stage) => {
    const b = await stage.client("b");
    await (await stage.client("d")).subscribe("r/#");
    for (const qos of [0, 1, 2] as const) await b.publish(`r/${qos + 1}`, `in ${qos}`, { qos, retain: true });
    for (const qos of [0, 1, 2] as const) {
      const a = await stage.client("a");
      for (const n of [1, 2, 3]) await a.subscribe(`r/${n}`, { qos });
    }
  }),
  all("retained messages and wildcards", async (stage) => {
    const b = await stage.client("b");
    for (const topic of ["r/1", "$r/1"]) await b.publish(topic, topic, { retain: true });
    const a = await stage.client("a");
    for (const filter of ["#", "+/1", "r/+", "$r/#", "$r/+", "r/1/#", "+/+/#", "r/#/", "/#", "r/+/+"]) {
      if (filter !== "r/#/") await a.subscribe(filter);
    }
  }),
  all("one packet subscribes twice to the same", async (stage) => {
    await (await stage.client("b")).publish("r/1", "x", { retain: true });
    const a = await stage.client("a");
    const to = (qos: 0 | 1) => ({ filter: "r/1", qos, noLocal: false, retainAsPublished: false, retainHandling: 0 as const });
    await a.send({ type: "SUBSCRIBE", id: 1, subscriptions: [to(0), to(1)] }).settle();
    await a.publish("r/1", "y", { qos: 1 });
  }),
  five("No Local and one's own retained messages", async (stage) => {
    const a = await stage.client("a");
    await a.publish("r/1", "own", { retain: true });
    await a.subscribe("r/1", { noLocal: true });
    await a.publish("r/1", "own again", { retain: true });
    await (await stage.client("b")).publish("r/1", "other's");
    await a.settle();
  }),
  five("identifiers and retained messages", async (stage) => {
    await (await stage.client("b")).publish("r/1", "x", { retain: true, properties: { contentType: "t" } });
    const a = await stage.client("a");
    await a.subscribe("r/1", {}, { subscriptionIdentifier: [5] });
    await a.subscribe("r/1", {}, { subscriptionIdentifier: [268_435_455] });
    await a.subscribe("r/1");
    await a.publish("r/1", "y");
  }),
  five("a message that expires at once", async (stage) => {
    const a = await stage.client("a", lasting);
    await a.subscribe("r/#", { qos: 1 });
    const b = await stage.client("b");
    await b.publish("r/1", "now", { qos: 1, properties: { messageExpiryInterval: 1 } });
    await a.settle();
    await a.ack("PUBACK", 1);
    await a.disconnect();
    await b.publish("r/2", "short", { qos: 1, retain: true, properties: { messageExpiryInterval: 1 } });
    await b.publish("r/3", "long", { qos: 1, retain: true, properties: { messageExpiryInterval: 1000 } });
    await stage.wait(3100);
    await (await stage.client("a", lasting)).settle();
    await (await stage.client("c")).subscribe("r/#");
  }),

  // --- Wills --------------------------------------------------------------------------------------
  ...(
    [
      ["breaks off", async (a: Talker) => a.breakOff()],
      ["leaves", async (a: Talker) => a.disconnect()],
      ["leaves and wants it", async (a: Talker) => (a.version === 5 ? a.disconnect(4) : a.breakOff())],
      ["breaks the protocol", async (a: Talker) => a.raw(0x30, 3, 0, 1, "#").settle()],
    ] as const
  ).map(([what, go]) =>
    all(`the Will of a client that ${what}`, async (stage) => {
      const b = await stage.client("b");
      await b.subscribe("r/#", { qos: 2 });
      const a = await stage.client("a", { will: will("r/w", { qos: 1, retain: true }) });
      await go(a);
      await b.settle();
      await (await stage.client("c")).subscribe("r/w");
    }),
  ),
  ...[true, false].flatMap((cleanStart) =>
    [0, 1000].map((sessionExpiryInterval) =>
      five(`the Will of one that is taken over, clean ${cleanStart}, after ${sessionExpiryInterval}`, async (stage) => {
        const b = await stage.client("b");
        await b.subscribe("r/#");
        await stage.client("a", { will: will(), properties: { sessionExpiryInterval } });
        await stage.client("a", { cleanStart });
        await b.settle();
      }),
    ),
  ),
  five("the Will with a delay, of one that comes back, or starts anew", async (stage) => {
    const b = await stage.client("b");
    await b.subscribe("r/#");
    const delayed = { will: will("r/w", { properties: { willDelayInterval: 100 } }), properties: { sessionExpiryInterval: 1000 } };
    await (await stage.client("a", delayed)).breakOff();
    await b.settle();
    await (await stage.client("a", { ...delayed, cleanStart: false })).breakOff();
    await b.settle();
    await stage.client("a", { cleanStart: true });
    await b.settle();
  }),
  five("the Will with a delay, and no session that could wait", async (stage) => {
    const b = await stage.client("b");
    await b.subscribe("r/#");
    await (await stage.client("a", { will: will("r/w", { properties: { willDelayInterval: 100 } }) })).breakOff();
    await b.settle();
  }),
  five("the Will after a delay", async (stage) => {
    const b = await stage.client("b");
    await b.subscribe("r/#");
    await (
      await stage.client("a", { will: will("r/w", { properties: { willDelayInterval: 1 } }), properties: { sessionExpiryInterval: 1000 } })
    ).breakOff();
    await stage.wait(3100);
    await b.settle();
  }),
  five("what a Will says of itself", async (stage) => {
    const b = await stage.client("b");
    await b.subscribe("r/#");
    const properties: Properties = {
      payloadFormatIndicator: true,
      messageExpiryInterval: 500,
      contentType: "t",
      responseTopic: "answer",
      correlationData: Buffer.from("c"),
      userProperties: [
        ["b", "1"],
        ["a", "2"],
        ["b", "3"],
      ],
    };
    await (await stage.client("a", { will: will("r/w", { properties }) })).breakOff();
    await b.settle();
  }),
  all("a Will on a topic of the broker", async (stage) => {
    const b = await stage.client("b");
    await b.subscribe("$SYS/mine");
    await (await stage.client("a", { will: will("$SYS/mine", { retain: true }) })).breakOff();
    await b.settle();
    await (await stage.client("c")).subscribe("$SYS/mine");
  }),
  all("an empty Will that is retained", async (stage) => {
    const b = await stage.client("b");
    await b.publish("r/w", "before", { retain: true });
    await b.subscribe("r/w");
    await (await stage.client("a", { will: will("r/w", { payload: Buffer.alloc(0), retain: true }) })).breakOff();
    await b.settle();
    await (await stage.client("c")).subscribe("r/w");
  }),
  all("one's own Will", async (stage) => {
    const a = await stage.client("a", { ...lasting, will: will("r/w", { qos: 1 }) });
    await a.subscribe("r/w", { qos: 1 });
    await a.breakOff();
    await stage.client("a", lasting);
  }),

  // --- Topics and subscriptions -------------------------------------------------------------------
  ...["$share/g/t", "$SYS/broker/connection/x/state", "$SYS", "$SYSTEM/x", "$sys/x", "$other"].map((topic) =>
    all(`published to ${topic}`, async (stage) => {
      const a = await stage.client("a");
      await a.subscribe("#");
      if (!topic.startsWith("$share")) await a.subscribe(topic);
      const b = await stage.client("b");
      for (const qos of [0, 1] as const) await b.publish(topic, "x", { qos });
      await a.settle();
    }),
  ),
  all("which filters meet which topics", async (stage) => {
    const a = await stage.client("a");
    const b = await stage.client("b");
    for (const filter of [
      "t/#",
      "t/+",
      "+/+",
      "+",
      "#",
      "/+",
      "+/",
      "t//x",
      "t/+/x",
      "+/+/x",
      "/",
      "//",
      "+//",
      "t/x/#",
      "$r/#",
      "$r/+/#",
    ]) {
      await a.subscribe(filter);
      for (const topic of ["t", "t/", "t/x", "/t", "/", "//", "t//x", "t/x/y", "$r", "$r/x", "T", "t/$r", "$"])
        await b.publish(topic, filter);
      await a.settle();
      await a.unsubscribe(filter);
    }
  }),
  all("filters of a share", async (stage) => {
    const a = await stage.client("a");
    const b = await stage.client("b");
    await a.subscribe("$share/g/t/#", { qos: 1 });
    await a.subscribe("$share/h/t/+", { qos: 1 });
    await b.publish("t/x", "1", { qos: 1 });
    await a.settle();
    await a.unsubscribe("$share/g/t/#", "t/#", "$share/g/t");
    await b.publish("t/x", "2", { qos: 1 });
    await a.settle();
  }),
  all("the rest of a share takes over when a member goes", async (stage) => {
    const a = await stage.client("a");
    const c = await stage.client("c");
    for (const member of [a, c]) await member.subscribe("$share/g/t", { qos: 1 });
    await a.disconnect();
    const b = await stage.client("b");
    for (const payload of ["1", "2"]) await b.publish("t", payload, { qos: 1 });
    await c.settle();
  }),
  all("a share and the same without one", async (stage) => {
    const a = await stage.client("a");
    await a.subscribe("$share/g/t");
    await a.subscribe("t");
    await (await stage.client("b")).publish("t", "x");
    await a.settle();
  }),
  [
    "overlapping subscriptions",
    {
      versions: [3, 4],
      play: async (stage) => {
        const a = await stage.client("a");
        for (const [filter, qos] of [
          ["t/#", 0],
          ["t/+", 2],
          ["t/x", 1],
        ] as const)
          await a.subscribe(filter, { qos });
        await one(await stage.client("b"), "t/x");
        await a.settle();
      },
    },
  ],
  all("another QoS for the same filter", async (stage) => {
    const a = await stage.client("a");
    const b = await stage.client("b");
    for (const qos of [2, 0, 1] as const) {
      await a.subscribe("t", { qos });
      await b.publish("t", `for ${qos}`, { qos: 2 });
      await a.settle();
    }
  }),
  all("to oneself, in the order of the packets", async (stage) => {
    const a = await stage.client("a");
    await a.subscribe("#");
    const packets: Packet[] = ["1", "2", "3"].map((payload) => ({
      type: "PUBLISH",
      topic: "t",
      payload: Buffer.from(payload),
      qos: 0,
      retain: false,
      dup: false,
      id: 0,
    }));
    await a.send(...packets).settle();
  }),

  // --- Properties ---------------------------------------------------------------------------------
  five("everything that a message may say of itself", async (stage) => {
    const a = await stage.client("a");
    await a.subscribe("t", { qos: 1 }, { subscriptionIdentifier: [1] });
    const old = await stage.client("c", {}, 4);
    await old.subscribe("t", { qos: 1 });
    await (await stage.client("b")).publish("t", "x", {
      qos: 1,
      properties: {
        payloadFormatIndicator: true,
        messageExpiryInterval: 500,
        contentType: "t",
        responseTopic: "answer",
        correlationData: Buffer.from("c"),
        topicAlias: 3,
        userProperties: [
          ["b", "1"],
          ["a", "2"],
          ["b", "3"],
          ["", ""],
        ],
      },
    });
    await a.settle();
    await old.settle();
  }),
  five("payload format that is false", async (stage) => {
    const a = await stage.client("a");
    await a.subscribe("t");
    await (await stage.client("b")).publish("t", "x", { properties: { payloadFormatIndicator: false } });
    await a.settle();
  }),
  five("aliases are one connection's", async (stage) => {
    const a = await stage.client("a");
    await a.subscribe("t/#", { qos: 1 });
    const b = await stage.client("b");
    await b.publish("t/1", "1", { properties: { topicAlias: 1 } });
    await b.publish("", "2", { properties: { topicAlias: 1 } });
    await b.publish("t/2", "3", { properties: { topicAlias: 1 }, qos: 1 });
    await b.publish("", "4", { properties: { topicAlias: 1 }, qos: 2 });
    await a.settle();
    await (await stage.client("b")).publish("", "5", { properties: { topicAlias: 1 } });
  }),
  five("packets larger than the client takes", async (stage) => {
    const a = await stage.client("a", { ...lasting, properties: { sessionExpiryInterval: 1000, maximumPacketSize: 60 } });
    await a.subscribe("t", { qos: 2 });
    const b = await stage.client("b");
    for (const qos of [0, 1, 2] as const) {
      await b.publish("t", "x".repeat(100), { qos });
      await b.publish("t", `small ${qos}`, { qos });
    }
    await a.settle();
    await a.breakOff();
    await b.publish("t", "x".repeat(100), { qos: 1 });
    await b.publish("t", "waits", { qos: 1 });
    await stage.client("a", { ...lasting, properties: { sessionExpiryInterval: 1000, maximumPacketSize: 60 } });
  }),
  five("a client that takes no packet at all", async (stage) => {
    await (await stage.raw("small")).connect({ clientId: "a", properties: { maximumPacketSize: 1 } });
  }),
  five("answers that are larger than the client takes", async (stage) => {
    const a = await stage.client("a", { properties: { maximumPacketSize: 30 } });
    const to = (filter: string) => ({ filter, qos: 0 as const, noLocal: false, retainAsPublished: false, retainHandling: 0 as const });
    await a.send({ type: "SUBSCRIBE", id: 1, subscriptions: Array.from({ length: 40 }, (_, i) => to(`t/${i}`)) }).settle();
  }),
  five("what a CONNECT asks for is given, or not", async (stage) => {
    const ask = async (properties: Properties) => (await (await stage.raw("asks")).connect({ clientId: "a", properties })).disconnect();
    await ask({
      requestResponseInformation: true,
      requestProblemInformation: false,
      receiveMaximum: 1,
      topicAliasMaximum: 0,
      userProperties: [["a", "b"]],
    });
    await ask({ maximumPacketSize: 268_435_460 });
  }),
  all("a packet in pieces", async (stage) => {
    const a = await stage.client("a");
    await a.subscribe("t");
    const bytes = [0x30, 8, ...text("t"), ...(stage.version === 5 ? [0, "hello".slice(1)] : ["hello"])];
    const whole = Buffer.concat(bytes.map((part) => (typeof part === "number" ? Buffer.from([part]) : Buffer.from(part))));
    for (const byte of whole) a.raw(byte);
    await a.settle();
  }),
];
export const scenarios: Record<string, Scenario> = Object.fromEntries(list);
