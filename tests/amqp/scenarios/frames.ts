import { BODY, HEADER, METHOD } from "../../../src/amqp/v091/frames.ts";
import type { Scenarios } from "./index.ts";

/** What is wrong below the level of methods. */
const scenarios: Scenarios = {
  "header: HTTP": async (stage) => {
    const raw = await stage.raw();
    raw.bytes(Buffer.from("GET / HTTP/1.1\r\n\r\n"));
    await raw.next();
  },
  "header: AMQP 0-10": async (stage) => {
    const raw = await stage.raw();
    raw.bytes("414d5150 01 01 00 0a");
    await raw.next();
  },
  "frame: end octet is wrong": async (stage) => {
    const a = await stage.client();
    a.raw.bytes("01 0001 00000005 0014000a 00 00");
    await a.next();
  },
  "frame: longer than frame-max": async (stage) => {
    const a = await stage.client({ frameMax: 4096 });
    a.raw.bytes("01 0001 00010000 0014000a");
    await a.next();
  },
  "frame: unknown type": async (stage) => {
    const a = await stage.client();
    a.raw.frame(5, 1, Buffer.from("x"));
    await a.next();
  },
  "frame: heartbeat on a channel": async (stage) => {
    const a = await stage.client();
    a.raw.frame(8, 1, Buffer.alloc(0));
    a.declareQueue("q");
    await a.next();
  },
  "frame: heartbeat": async (stage) => {
    const a = await stage.client();
    a.raw.frame(8, 0, Buffer.alloc(0));
    a.declareQueue("q");
    await a.next();
  },
  "method: unknown class": async (stage) => {
    const a = await stage.client();
    a.raw.frame(METHOD, 1, Buffer.from("03e7000a", "hex"));
    await a.next();
  },
  "method: unknown method": async (stage) => {
    const a = await stage.client();
    a.raw.frame(METHOD, 1, Buffer.from("003c0063", "hex"));
    await a.next();
  },
  "method: one that only servers send": async (stage) => {
    const a = await stage.client();
    a.raw.frame(METHOD, 1, Buffer.from("003c0015 0163".replace(" ", ""), "hex"));
    await a.next();
  },
  "method: arguments cut short": async (stage) => {
    const a = await stage.client();
    a.raw.frame(METHOD, 1, Buffer.from("0032000a00000271", "hex"));
    await a.next();
  },
  "method: arguments too long": async (stage) => {
    const a = await stage.client();
    a.raw.frame(METHOD, 1, Buffer.from("0014000a0000", "hex"));
    await a.next();
  },
  "method: a name that is not UTF-8": async (stage) => {
    const a = await stage.client();
    a.raw.frame(METHOD, 1, Buffer.from("0032000a 0000 01ff 00 00000000".replaceAll(" ", ""), "hex"));
    await a.next();
  },
  "method: of a channel, on channel 0": async (stage) => {
    const a = await stage.client();
    a.raw.send(0, "channel.open", {});
    await a.next();
  },
  "method: of the connection, on a channel": async (stage) => {
    const a = await stage.client();
    a.raw.send(1, "connection.close", { replyCode: 200, replyText: "", classId: 0, methodId: 0 });
    await a.next();
  },
  "method: out of turn in the handshake": async (stage) => {
    const raw = await stage.raw();
    raw.begin();
    await raw.expect("connection.start");
    raw.send(0, "connection.open", { virtualHost: "/" });
    await raw.next();
  },
  "method: start-ok on an open connection": async (stage) => {
    const a = await stage.client();
    a.raw.send(0, "connection.tune-ok", { channelMax: 1, frameMax: 4096, heartbeat: 0 });
    await a.next();
  },
  "content: method instead of the header": async (stage) => {
    const a = await stage.client();
    a.raw.send(1, "basic.publish", { exchange: "", routingKey: "q", mandatory: false, immediate: false });
    a.declareQueue("q");
    await a.next();
  },
  "content: body instead of the header": async (stage) => {
    const a = await stage.client();
    a.raw.send(1, "basic.publish", { exchange: "", routingKey: "q", mandatory: false, immediate: false });
    a.raw.frame(BODY, 1, Buffer.from("x"));
    await a.next();
  },
  "content: method instead of the body": async (stage) => {
    const a = await stage.client();
    a.raw.send(1, "basic.publish", { exchange: "", routingKey: "q", mandatory: false, immediate: false });
    a.raw.header(1, 5);
    a.declareQueue("q");
    await a.next();
  },
  "content: header instead of the body": async (stage) => {
    const a = await stage.client();
    a.raw.send(1, "basic.publish", { exchange: "", routingKey: "q", mandatory: false, immediate: false });
    a.raw.header(1, 5);
    a.raw.header(1, 5);
    await a.next();
  },
  "content: header without a publish": async (stage) => {
    const a = await stage.client();
    a.raw.header(1, 5);
    await a.next();
  },
  "content: body without a publish": async (stage) => {
    const a = await stage.client();
    a.raw.frame(BODY, 1, Buffer.from("x"));
    await a.next();
  },
  "content: header of another class": async (stage) => {
    const a = await stage.client();
    a.raw.send(1, "basic.publish", { exchange: "", routingKey: "q", mandatory: false, immediate: false });
    a.raw.header(1, 5, {}, 50);
    await a.next();
  },
  "content: header cut short": async (stage) => {
    const a = await stage.client();
    a.raw.send(1, "basic.publish", { exchange: "", routingKey: "q", mandatory: false, immediate: false });
    a.raw.frame(HEADER, 1, Buffer.from("003c0000", "hex"));
    await a.next();
  },
  "content: on channel 0": async (stage) => {
    const a = await stage.client();
    a.raw.header(0, 5);
    await a.next();
  },
  "content: longer than the limit": async (stage) => {
    const a = await stage.client();
    a.raw.send(1, "basic.publish", { exchange: "", routingKey: "q", mandatory: false, immediate: false });
    a.raw.header(1, 1024 * 1024 * 1024);
    a.raw.frame(BODY, 1, Buffer.from("x"));
    try {
      await a.raw.next(5000);
    } catch (error) {
      a.raw.end(); // who reads on answers no close either
      throw error;
    }
  },
  "content: empty, in one frame, in many": async (stage) => {
    const a = await stage.client();
    await a.queue("q");
    a.publish("", "q", "");
    a.publish("", "q", "one");
    a.raw.send(1, "basic.publish", { exchange: "", routingKey: "q", mandatory: false, immediate: false });
    a.raw.header(1, 12, { contentType: "text/plain" });
    for (const part of ["in", "", " ", "pieces", "..", "."]) a.raw.frame(BODY, 1, Buffer.from(part));
    for (let i = 0; i < 3; i++) await a.get("q");
  },
  "content: with another channel in between": async (stage) => {
    const a = await stage.client();
    const b = await a.on(2).open();
    await a.queue("q");
    a.raw.send(1, "basic.publish", { exchange: "", routingKey: "q", mandatory: false, immediate: false });
    b.publish("", "q", "meanwhile");
    a.raw.header(1, 6);
    b.publish("", "q", "and again");
    await b.settle();
    a.raw.frame(BODY, 1, Buffer.from("lat"));
    a.raw.frame(BODY, 1, Buffer.from("est"));
    for (let i = 0; i < 3; i++) await a.get("q");
  },
  "content: larger than frame-max": async (stage) => {
    const a = await stage.client({ frameMax: 4096 });
    await a.queue("q");
    a.raw.publish(1, { routingKey: "q" }, "0123456789".repeat(1000), {}, 4096);
    await a.get("q");
  },
};
export default scenarios;
