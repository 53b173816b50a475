import { describe, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { PROTOCOLS, within, World } from "../support/chaos.ts";

describe.each(PROTOCOLS)("%s", (protocol) => {
  /** The socket of a client that is about to leave. */
  async function leaving(world: World): Promise<Socket> {
    if (protocol === "mqtt") {
      const client = await world.mqtt("leaver");
      return client.stream as unknown as Socket;
    }
    if (protocol === "amqp") return ((await world.amqp("leaver")) as any).connection.stream;
    // KafkaJS destroys its socket: one that waits for the broker's end shows more.
    const socket = connect({ port: world.kafkaPort, host: "127.0.0.1" });
    socket.write(Buffer.from("0000000d" + "00120000" + "00000001" + "0003" + "616263", "hex"));
    await new Promise((resolve) => socket.once("data", resolve));
    return socket;
  }

  test("the broker's end of the socket stays open", async () => {
    await using world = await World.under([{ match: { protocol }, fault: { "slow-close": { ms: "20s" } } }]);
    const socket = await leaving(world);
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.resume();
    socket.end();
    await world.havoq.control.waitFor(() => world.reasons.length === 1);
    expect(await within(100, closed)).toBe("silence");
    expect(world.havoq.net.connections({ protocol })).toEqual([]); // for the broker it is over
    await world.havoq.clock.advance(20_000);
    await closed;
    expect(world.reasons).toEqual(["slow-close"]);
  }, 15_000);

  test("also when the broker is the one who leaves", async () => {
    await using world = await World.under([{ match: { protocol }, fault: { "slow-close": { ms: "20s" } } }]);
    const socket = await leaving(world);
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.resume();
    world.havoq.control.disconnect({ protocol });
    expect(await within(100, closed)).toBe("silence");
    await world.havoq.clock.advance(20_000);
    await closed;
  }, 15_000);
});
