import { describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { PROTOCOLS, texts, World } from "../support/chaos.ts";

describe.each(PROTOCOLS)("%s", (protocol) => {
  test("all is cut into pieces, both ways, and all arrives", async () => {
    await using world = await World.under([{ match: { protocol }, fault: { slice: { size: 7, pause: 0 } } }]);
    const peer = await world.peer(protocol);
    const sent = Array.from({ length: 5 }, (_, i) => `${i} ${"x".repeat(200)}`);
    for (const text of sent) await peer.send(text);
    expect(texts(await peer.take(5))).toEqual(sent);
    const ways = new Set(world.havoq.journal.entries().map(({ name, reason }) => `${name} ${reason}`));
    expect(ways).toEqual(new Set(["in slice", "out slice"]));
  }, 15_000);
});

test("the client gets the pieces one by one", async () => {
  await using world = await World.under([{ match: { protocol: "amqp", direction: "out" }, fault: { slice: { size: 50, pause: "20s" } } }]);
  const sizes: number[] = [];
  const socket = connect({ port: world.amqpPort, host: "127.0.0.1" }, () => void socket.write("AMQP\0\0\x09\x01", "latin1"));
  await new Promise<void>((resolve) => {
    socket.on("data", (data) => {
      sizes.push(data.length);
      if (data.at(-1) === 0xce)
        resolve(); // the end of connection.start
      else void world.havoq.clock.advance(20_000);
    });
  });
  socket.destroy();
  expect(sizes.length).toBeGreaterThan(2);
  expect(new Set(sizes.slice(0, -1))).toEqual(new Set([50]));
}, 15_000);
