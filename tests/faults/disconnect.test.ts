import { describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { outcome, PROTOCOLS, texts, World } from "../support/chaos.ts";

describe.each(PROTOCOLS)("%s", (protocol) => {
  test.each([false, true])(
    "the connection is closed in place of an answer, reset: %p",
    async (reset) => {
      await using world = await World.under([
        { match: { protocol, client: "producer" }, when: { nth: 2 }, fault: { disconnect: { reset } } },
      ]);
      const peer = await world.peer(protocol);
      await peer.send("1");
      expect(await outcome(peer.send("2"))).not.toBe("answered");
      expect(texts(await peer.take(1))).toEqual(["1"]);
      expect(world.havoq.journal.entries()).toMatchObject([{ verdict: "close", detail: { reset }, reason: "disconnect" }]);
    },
    15_000,
  );

  test("at a byte: the client has got so many", async () => {
    await using world = await World.under([{ match: { protocol }, fault: { disconnect: { at: 3, reset: false } } }]);
    const port = { kafka: world.kafkaPort, mqtt: world.mqttPort, amqp: world.amqpPort }[protocol];
    const got: Uint8Array[] = [];
    await new Promise<void>((resolve) => {
      const socket = connect({ port, host: "127.0.0.1" }, () => void socket.write(HELLO[protocol]));
      socket.on("data", (data) => void got.push(data as Buffer));
      socket.on("close", () => resolve());
    });
    expect(Buffer.concat(got).length).toBe(3);
    expect(world.reasons).toEqual(["disconnect at byte 3"]);
  }, 15_000);

  test("a client that needs more than these bytes does not get in", async () => {
    await using world = await World.under([{ match: { protocol, direction: "in" }, fault: { disconnect: { at: 10, reset: true } } }]);
    const entered = protocol === "kafka" ? world.producer() : protocol === "mqtt" ? world.mqtt("m") : world.amqp("a");
    expect(await outcome(entered)).not.toBe("answered");
  }, 15_000);
});

/** The first thing that a client says. */
const HELLO = {
  kafka: Buffer.from("0000000d" + "00120000" + "00000001" + "0003" + "616263", "hex"), // ApiVersions v0
  mqtt: Buffer.from("100d00044d5154540402003c000161", "hex"), // CONNECT of 3.1.1
  amqp: Buffer.from("AMQP\0\0\x09\x01", "latin1"),
};

test("bytes are not counted for messages", async () => {
  await using world = await World.under([]);
  expect(() => world.havoq.rules.add({ match: { topic: "a" }, fault: { disconnect: { at: 10 } } })).toThrow(
    "fault.disconnect.at: bytes are counted for connections",
  );
});
