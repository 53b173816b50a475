import type { Scenarios } from "./index.ts";

/** Life and death of connections and channels, and the modes of channels. */
const scenarios: Scenarios = {
  "connection: handshake": async (stage) => void (await stage.client()),
  "connection: AMQPLAIN": async (stage) => {
    const raw = await stage.raw();
    raw.begin();
    await raw.expect("connection.start");
    raw.login("AMQPLAIN", Buffer.from("\x05LOGINS\0\0\0\x05guest\x08PASSWORDS\0\0\0\x05guest", "latin1"));
    await raw.expect("connection.tune");
  },
  "connection: wrong password": async (stage) => {
    const raw = await stage.raw();
    raw.begin();
    await raw.expect("connection.start");
    raw.login("PLAIN", Buffer.from("\0guest\0wrong"));
    await raw.next();
  },
  "connection: wrong password, client cannot be told": async (stage) => {
    const raw = await stage.raw();
    raw.begin();
    await raw.expect("connection.start");
    raw.login("PLAIN", Buffer.from("\0guest\0wrong"), {});
    await raw.next();
  },
  "connection: a response that is no login": async (stage) => {
    const raw = await stage.raw();
    raw.begin();
    await raw.expect("connection.start");
    raw.login("PLAIN", Buffer.from("guest"));
    await raw.next();
  },
  "connection: unknown mechanism": async (stage) => {
    const raw = await stage.raw();
    raw.begin();
    await raw.expect("connection.start");
    raw.login("NONSENSE", Buffer.from("\0guest\0guest"));
    await raw.next();
  },
  "connection: unknown vhost": async (stage) => void (await stage.client({ vhost: "nowhere" }).catch(() => undefined)),
  ...Object.fromEntries(
    (
      [
        ["frame-max too small", { frameMax: 4095 }],
        ["frame-max too large", { frameMax: 131073 }],
        ["frame-max of no limit", { frameMax: 0 }],
        ["frame-max smallest", { frameMax: 4096 }],
        ["channel-max too large", { channelMax: 2048 }],
        ["channel-max of no limit", { channelMax: 0 }],
        ["channel-max smallest", { channelMax: 1 }],
      ] as const
    ).map(
      ([name, options]) =>
        [`connection: ${name}`, async (stage) => void (await stage.client(options).catch(() => undefined))] as [string, Scenarios[string]],
    ),
  ),
  "connection: update-secret": async (stage) => {
    const a = await stage.client();
    a.raw.send(0, "connection.update-secret", { newSecret: Buffer.from("s"), reason: "r" });
    await a.next();
  },
  "connection: closed by the client": async (stage) => {
    const a = await stage.client();
    a.raw.send(0, "connection.close", { replyCode: 200, replyText: "Goodbye", classId: 0, methodId: 0 });
    await a.next();
  },
  "connection: after an error only close-ok counts": async (stage) => {
    const a = await stage.client();
    a.declareExchange("x", "nonsense");
    await a.next();
    a.declareQueue("q");
    a.raw.send(2, "channel.open", {});
  },

  "channel: open twice": async (stage) => (await stage.client()).raw.send(1, "channel.open", {}),
  "channel: not open": async (stage) => (await stage.client()).on(2).declareQueue("q"),
  "channel: above channel-max": async (stage) => {
    const a = await stage.client({ channelMax: 3 });
    await a.on(2).open();
    a.raw.send(4, "channel.open", {});
    await a.next();
  },
  "channel: as many as channel-max": async (stage) => {
    const a = await stage.client({ channelMax: 2 });
    await a.on(2).open();
    a.raw.send(3, "channel.open", {});
    await a.next();
  },
  "channel: closed and opened again": async (stage) => {
    const a = await stage.client();
    await a.close();
    await a.open();
    a.declareQueue("q");
  },
  "channel: used after it was closed": async (stage) => {
    const a = await stage.client();
    await a.close();
    a.declareQueue("q");
  },
  "channel: an error leaves the others alone": async (stage) => {
    const a = await stage.client();
    const b = await a.on(2).open();
    a.declareQueue("nope", { passive: true });
    await a.next();
    // Ignored until close-ok.
    a.declareQueue("q1");
    a.publish("", "q1", "ignored");
    b.declareQueue("q2");
    await b.next();
    a.raw.send(1, "channel.close-ok", {});
    await a.open();
    a.declareQueue("q1", { passive: true });
  },
  "channel: client closes while the server does": async (stage) => {
    const a = await stage.client();
    a.declareQueue("nope", { passive: true });
    a.raw.send(1, "channel.close", { replyCode: 200, replyText: "", classId: 0, methodId: 0 });
    await a.next();
    await a.next();
    a.raw.send(1, "channel.close-ok", {});
    await a.open();
  },
  "channel: opened again before close-ok": async (stage) => {
    const a = await stage.client();
    a.declareQueue("nope", { passive: true });
    await a.next();
    a.raw.send(1, "channel.open", {});
  },
  "channel: close-ok without a close": async (stage) => {
    const a = await stage.client();
    a.raw.send(1, "channel.close-ok", {});
    await a.next();
  },
  "channel: flow on": async (stage) => (await stage.client()).raw.send(1, "channel.flow", { active: true }),
  "channel: flow off": async (stage) => (await stage.client()).raw.send(1, "channel.flow", { active: false }),
  "access: request": async (stage) =>
    (await stage.client()).raw.send(1, "access.request", {
      realm: "/data",
      exclusive: false,
      passive: true,
      active: true,
      write: true,
      read: true,
    }),

  "confirm: select twice": async (stage) => {
    const a = await stage.client();
    await a.confirm();
    await a.confirm();
  },
  "confirm: acks, unroutable ones too": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    await a.confirm();
    for (const key of ["q", "nowhere", "q"]) {
      a.publish("", key, key);
      await a.next();
    }
  },
  "confirm: a return comes before the ack": async (stage) => {
    const a = await stage.client();
    await a.confirm();
    a.publish("amq.direct", "nowhere", "back", { messageId: "m" }, { mandatory: true });
    await a.next();
    await a.next();
  },
  "confirm: then tx": async (stage) => {
    const a = await stage.client();
    await a.confirm();
    a.raw.send(1, "tx.select", {});
  },
  "tx: then confirm": async (stage) => {
    const a = await stage.client();
    await a.raw.call(1, "tx.select", {}, "tx.select-ok");
    a.raw.send(1, "confirm.select", { noWait: false });
  },
  "tx: commit and rollback without select": async (stage) => {
    (await stage.client()).raw.send(1, "tx.commit", {});
    (await stage.client()).raw.send(1, "tx.rollback", {});
  },
  "tx: publishes are seen after the commit": async (stage) => {
    const a = await stage.client();
    const b = await stage.client();
    await a.queue("q");
    await a.raw.call(1, "tx.select", {}, "tx.select-ok");
    await a.raw.call(1, "tx.select", {}, "tx.select-ok");
    a.publish("", "q", "one");
    a.publish("", "nowhere", "back", {}, { mandatory: true });
    a.getOne("q");
    await a.next();
    await a.raw.call(1, "tx.rollback", {}, "tx.rollback-ok");
    a.getOne("q");
    await a.next();
    a.publish("", "q", "two");
    a.publish("", "nowhere", "back", {}, { mandatory: true });
    a.raw.send(1, "tx.commit", {});
    await a.next();
    await a.next();
    a.getOne("q");
    await b.settle();
  },
  "tx: acknowledgements are undone by a rollback": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    for (const body of ["1", "2", "3"]) a.publish("", "q", body);
    await a.raw.call(1, "tx.select", {}, "tx.select-ok");
    for (let i = 0; i < 3; i++) await a.get("q", false);
    a.ack(2, true);
    await a.raw.call(1, "tx.rollback", {}, "tx.rollback-ok");
    a.ack(1);
    a.nack(3, true);
    await a.raw.call(1, "tx.commit", {}, "tx.commit-ok");
    a.getOne("q");
    await a.next();
    a.ack(1);
    await a.next();
  },
  "tx: an exchange that is not there": async (stage) => {
    const a = await stage.client();
    await a.raw.call(1, "tx.select", {}, "tx.select-ok");
    a.publish("nope", "k", "x");
  },
};
export default scenarios;
