import { describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { PROTOCOLS, texts, within, World } from "../support/chaos.ts";

describe.each(PROTOCOLS)("%s", (protocol) => {
  test("what a client sends is answered when it is read again", async () => {
    await using world = await World.under([]);
    const peer = await world.peer(protocol);
    await peer.send("1");
    world.havoq.rules.add({ match: { protocol, client: "producer" }, when: { once: true }, fault: { "pause-reading": { ms: "20s" } } });
    const sent = [peer.send("2"), peer.send("3")];
    await world.havoq.control.waitFor(() => world.reasons.length === 1);
    expect(await within(100, Promise.race(sent))).toBe("silence");
    await world.havoq.clock.advance(20_000);
    await Promise.all(sent);
    expect(texts(await peer.take(3)).toSorted()).toEqual(["1", "2", "3"]);
    expect(world.reasons).toEqual(["pause-reading"]);
  }, 15_000);
});

test("the client's own buffers fill: its socket takes no more", async () => {
  await using world = await World.under([{ match: { protocol: "mqtt" }, fault: { "pause-reading": { ms: "1h" } } }]);
  const socket = connect({ port: world.mqttPort, host: "127.0.0.1" });
  socket.on("error", () => undefined);
  const block = Buffer.alloc(1024 * 1024);
  let written = 0;
  // The kernel takes some megabytes on both sides, then nothing drains any more.
  for (let i = 0; i < 64; i++) {
    if (socket.write(block, () => void (written += block.length))) continue;
    if ((await within(150, new Promise((resolve) => socket.once("drain", resolve)))) === "silence") break;
  }
  expect(written).toBeLessThan(64 * block.length);
  socket.destroy();
}, 15_000);

test("bytes belong to no topic", async () => {
  await using world = await World.under([]);
  expect(() => world.havoq.rules.add({ match: { topic: "orders" }, fault: { "pause-reading": { ms: 1 } } })).toThrow("nothing can match");
});
