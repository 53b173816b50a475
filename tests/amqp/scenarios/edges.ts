import { Decimal, Field, type Plain } from "../../../src/amqp/model/values.ts";
import { FieldTable } from "../../../src/amqp/v091/fields.ts";
import { BODY, HEADER, METHOD } from "../../../src/amqp/v091/frames.ts";
import type { Actor } from "../scenario.ts";
import type { Scenarios } from "./index.ts";

const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");
/** A queue.declare whose arguments are these bytes. */
const declareWith = (table: string) => {
  const bytes = hex(table);
  return Buffer.concat([hex("0032000a 0000 0171 04"), Buffer.from([0, 0, 0, bytes.length]), bytes]);
};
const begin = (a: Actor) => a.raw.send(1, "basic.publish", { exchange: "", routingKey: "q", mandatory: false, immediate: false });

/** Where frames, logins and tables are not what they usually are. */
const scenarios: Scenarios = {
  "connection: a login on behalf of another": async (stage) => {
    const raw = await stage.raw();
    raw.begin();
    await raw.expect("connection.start");
    raw.login("PLAIN", Buffer.from("other\0guest\0guest"));
    await raw.next();
  },
  "login: AMQPLAIN, wrong password": async (stage) => {
    const raw = await stage.raw();
    raw.begin();
    await raw.expect("connection.start");
    raw.login("AMQPLAIN", Buffer.from("\x05LOGINS\0\0\0\x05guest\x08PASSWORDS\0\0\0\x05wrong", "latin1"));
    await raw.next();
  },
  "login: unknown user": async (stage) => {
    const raw = await stage.raw();
    raw.begin();
    await raw.expect("connection.start");
    raw.login("PLAIN", Buffer.from("\0nobody\0guest"));
    await raw.next();
  },
  "connection: vhost of a line end": async (stage) => void (await stage.client({ vhost: "no\nwhere" }).catch(() => undefined)),
  "connection: close-ok without a close": async (stage) => {
    const a = await stage.client();
    a.raw.send(0, "connection.close-ok", {});
    await a.next();
  },
  "connection: opened twice": async (stage) => {
    const a = await stage.client();
    a.raw.send(0, "connection.open", { virtualHost: "/" });
    await a.next();
  },
  "connection: start-ok twice": async (stage) => {
    const a = await stage.client();
    a.raw.login("PLAIN", Buffer.from("\0guest\0guest"));
    await a.next();
  },
  "channel: a header where none is open": async (stage) => {
    const a = await stage.client();
    a.raw.header(2, 5);
    await a.next();
  },
  "channel: number 65535": async (stage) => {
    const a = await stage.client();
    await a.on(65535).open();
    a.on(65535).declareQueue("q");
    await a.next();
  },
  "channel: numbers above channel-max, few of them": async (stage) => {
    const a = await stage.client({ channelMax: 3 });
    await a.on(100).open();
  },
  "method: flow-ok": async (stage) => {
    const a = await stage.client();
    a.raw.frame(METHOD, 1, hex("00140015 01"));
    a.declareQueue("q");
    await a.next();
  },
  "method: cancel-ok": async (stage) => {
    const a = await stage.client();
    a.raw.frame(METHOD, 1, hex("003c001f 0163"));
    a.declareQueue("q");
    await a.next();
  },
  "method: an empty frame": async (stage) => {
    const a = await stage.client();
    a.raw.frame(METHOD, 1, Buffer.alloc(0));
    await a.next();
  },
  "method: bits that mean nothing": async (stage) => {
    const a = await stage.client();
    a.raw.frame(METHOD, 1, hex("0032000a 0000 0171 e4 00000000"));
    await a.next();
  },
  "content: an empty body frame too many": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    a.publish("", "q", "x");
    a.raw.frame(BODY, 1, Buffer.alloc(0));
    await a.next();
  },
  "content: an empty body frame for an empty message": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    begin(a);
    a.raw.header(1, 0);
    a.raw.frame(BODY, 1, Buffer.alloc(0));
    await a.next();
  },
  "content: a weight": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    begin(a);
    a.raw.frame(HEADER, 1, hex("003c 0007 0000000000000000 0000"));
    await a.next();
  },
  "content: cut off by the end of its channel": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    begin(a);
    a.raw.header(1, 5);
    a.raw.send(1, "channel.close", { replyCode: 200, replyText: "", classId: 0, methodId: 0 });
    await a.next();
  },
  "content: publish after publish": async (stage) => {
    const a = await stage.client();
    begin(a);
    begin(a);
    await a.next();
  },
  "content: a heartbeat in between": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    begin(a);
    a.raw.frame(8, 0, Buffer.alloc(0));
    a.raw.header(1, 2);
    a.raw.frame(8, 0, Buffer.alloc(0));
    a.raw.frame(BODY, 1, Buffer.from("ok"));
    await a.get("q");
  },
  ...Object.fromEntries(
    (
      [
        ["that comes twice", "0161 49 00000001 0161 49 00000002"],
        ["x-max-length twice", "0c782d6d61782d6c656e677468 49 00000001 0c782d6d61782d6c656e677468 49 00000002"],
      ] as const
    ).map(
      ([name, table]) =>
        [
          `table: an entry ${name}`,
          async (stage) => {
            const a = await stage.client();
            a.raw.frame(METHOD, 1, declareWith(table));
            await a.next();
          },
        ] as [string, Scenarios[string]],
    ),
  ),
  "table: every type there is, through a dead letter exchange": async (stage) => {
    const a = await stage.client();
    await a.queue("dead");
    await a.queue("q", { arguments: { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead" } });
    a.publish("", "q", "x", {
      headers: withLetterL({
        t: true,
        b: new Field("int8", -5),
        B: new Field("uint8", 200),
        s: new Field("int16", -300),
        u: new Field("uint16", 60000),
        I: -70000,
        i: new Field("uint32", 4000000000),
        l: 2 ** 40,
        L: new Field("int64", 12),
        big: 2n ** 62n,
        negative: -(2n ** 62n),
        f: new Field("float", 1.5),
        d: 0.1,
        D: new Decimal(2, 314),
        S: "ü",
        x: Buffer.from([1, 2]),
        empty: "",
        A: [1, "two", [3], { four: 4 }],
        T: new Date(5000),
        F: { a: { b: {} } },
        V: null,
        "": "no name",
      }),
    });
    a.getOne("q", false);
    await a.next();
    a.reject(1, false);
    await a.settle();
    await stage.wait(200);
    await a.get("dead");
  },
  "names: of 255 bytes, in an error": async (stage) => {
    const a = await stage.client();
    a.declareQueue("ü".repeat(127) + "x", { passive: true });
    await a.next();
  },
  "names: with quotes and control characters": async (stage) => {
    const a = await stage.client();
    a.declareQueue("a'b\"c\\d\te\0f", { passive: true });
    await a.next();
  },
  "names: an exchange of a name that is no text": async (stage) => {
    const a = await stage.client();
    a.raw.frame(METHOD, 1, hex("0028000a 0000 02c328 06646972656374 00 00000000"));
    await a.next();
  },
};
/** The header `L` is written with that letter, which clients may use for 64 bits too. */
function withLetterL(values: { [name: string]: Plain }): FieldTable {
  const { bytes } = FieldTable.of(values);
  bytes.write("L", bytes.indexOf("\x01Ll") + 2);
  return new FieldTable(bytes);
}

export default scenarios;
