import { describe, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { outcome, PROTOCOLS, texts, within, World } from "../support/chaos.ts";

describe.each(PROTOCOLS)("%s", (protocol) => {
  test("from one message on the connection is open and dead, others are not", async () => {
    await using world = await World.under([{ match: { protocol, client: "producer" }, when: { nth: 2 }, fault: "hang" }]);
    const peer = await world.peer(protocol);
    await peer.send("1");
    const sent = peer.send("2");
    await world.havoq.control.waitFor(() => world.reasons.length === 1);
    expect(await within(100, sent)).toBe("silence");
    expect(await within(100, peer.send("3"))).toBe("silence");
    expect(texts(await peer.take(1))).toEqual(["1"]);
    expect(peer.got.length).toBe(1);
    expect(world.reasons).toEqual(["hang"]);
    expect(world.havoq.net.connections({ client: "producer" }).length).toBeGreaterThan(0);
  }, 15_000);

  test("and is cut when its time is over", async () => {
    await using world = await World.under([{ match: { protocol, client: "producer" }, fault: { hang: { ms: "20s" } } }]);
    const peer = await world.peer(protocol);
    const sent = peer.send("1");
    await world.havoq.control.waitFor(() => world.reasons.length === 1);
    expect(await within(50, sent)).toBe("silence");
    await world.havoq.clock.advance(20_000);
    expect(await outcome(sent)).not.toBe("answered");
  }, 15_000);

  test("a consumer gets nothing any more", async () => {
    await using world = await World.under([{ match: { protocol, client: "consumer", direction: "out" }, when: { nth: 2 }, fault: "hang" }]);
    const peer = await world.peer(protocol);
    await peer.send("1");
    await peer.take(1);
    await peer.send("2");
    await peer.send("3");
    expect(await within(150, peer.take(2))).toBe("silence");
  }, 15_000);

  test("when the client leaves, the broker notices", async () => {
    await using world = await World.under([{ match: { protocol, client: "leaver" }, fault: "hang" }]);
    const gone = world.havoq.control.waitFor(
      () => world.reasons.length === 1 && world.havoq.net.connections({ client: "leaver" }).length === 0,
    );
    if (protocol === "mqtt") {
      const client = await world.mqtt("leaver");
      void client.publishAsync("a", "b", { qos: 1 }).catch(() => undefined);
      await world.havoq.control.waitFor(() => world.reasons.length === 1);
      await client.endAsync(true);
    } else if (protocol === "kafka") {
      const sockets: Socket[] = [];
      const socketFactory = ({ host, port, onConnect }: { host: string; port: number; onConnect: () => void }) => {
        sockets.push(connect({ host, port }, onConnect));
        return sockets.at(-1)!;
      };
      const producer = world.kafka("leaver", { socketFactory }).producer({ retry: { retries: 0 } });
      await producer.connect();
      const sent = producer.send({ topic: "a", messages: [{ value: "b" }] }).catch(() => undefined);
      await world.havoq.control.waitFor(() => world.reasons.length === 1);
      for (const socket of sockets) socket.destroy();
      await sent;
      await producer.disconnect();
    } else {
      const connection = await world.amqp("leaver");
      (await connection.createChannel()).publish("", "q", Buffer.from("b"));
      await world.havoq.control.waitFor(() => world.reasons.length === 1);
      (connection as any).connection.stream.destroy();
    }
    await gone;
  }, 15_000);
});
