import { describe, expect, test } from "bun:test";
import { close, delay, drop, replace } from "../../src/hooks/plugin.ts";
import { listenTcp, listenWebSocket } from "../../src/net/listen.ts";
import { echoHouse } from "../support/echo.ts";
import { settled } from "../support/memory.ts";

const frame = (text: string): Buffer => Buffer.from([text.length, ...Buffer.from(text)]);

describe("a connection in memory", () => {
  test("frames that arrive byte by byte are whole to the protocol", async () => {
    const house = echoHouse();
    const client = house.connect();
    for (const byte of frame("hello")) client.wire.send(Buffer.from([byte]));
    expect(await client.take(1)).toEqual(["hello"]);
  });

  test("what cannot be handled is answered, counted, and closes this connection only", async () => {
    const house = echoHouse();
    const [bad, good] = [house.connect(), house.connect()];
    bad.send("a", "boom", "never");
    expect((await bad.wire.read()).toString()).toContain("!boom");
    expect(await bad.wire.closed()).toBe("end");
    good.send("b");
    expect(await good.take(1)).toEqual(["b"]);
    expect(house.server.seen).toEqual(["a", "b"]);
    expect(house.net.counts.mqtt).toMatchObject({ failed: 1, active: 1 });
  });

  test("a peer that does not read stops being read from, and gets everything once it reads", async () => {
    const house = echoHouse();
    const client = house.connect();
    client.wire.window = 100_000;
    const text = "x".repeat(250);
    const many = Buffer.concat(Array.from({ length: 20_000 }, () => frame(text)));
    client.wire.send(many);
    await settled();
    const before = house.server.seen.length;
    expect(before).toBeGreaterThan(1000);
    expect(before).toBeLessThan(20_000);
    expect(client.wire.connection!.out.pending).toBeLessThan(1_200_000);
    let bytes = 0;
    while (bytes < many.length) bytes += (await client.wire.read()).length;
    expect(bytes).toBe(many.length);
    expect(house.server.seen.length).toBe(20_000);
  });

  test("more connections than allowed are refused", async () => {
    const house = echoHouse();
    house.server.maxConnections = 1;
    const first = house.connect();
    const second = house.connect();
    expect(await second.wire.closed()).toBe("end");
    first.send("a");
    expect(await first.take(1)).toEqual(["a"]);
    expect(house.net.counts.mqtt).toMatchObject({ active: 1, refused: 1 });
  });

  test("a frozen connection neither reads nor writes until it is thawed", async () => {
    const house = echoHouse();
    const client = house.connect();
    client.wire.connection!.block();
    client.send("a");
    await settled();
    expect(house.server.seen).toEqual([]);
    client.wire.connection!.unblock();
    expect(await client.take(1)).toEqual(["a"]);
  });
});

describe("the bytes hook", () => {
  test("slices, changes and drops chunks in either direction, in order", async () => {
    const house = echoHouse();
    house.plug({
      bytes: (chunk) => {
        if (chunk.direction === "in") return replace({ chunks: [...chunk.data].map((byte) => Buffer.from([byte])) });
        return replace({ data: Buffer.from(chunk.data.map((byte) => (byte === 0x61 ? 0x41 : byte))) });
      },
    });
    const client = house.connect();
    client.send("abc", "xya");
    expect(await client.take(2)).toEqual(["Abc", "xyA"]);
  });

  test("a late chunk holds back the chunks behind it", async () => {
    const house = echoHouse();
    let first = true;
    house.plug({ bytes: { match: { direction: "in" }, run: () => (first ? ((first = false), delay(60_000)) : undefined) } });
    const client = house.connect();
    client.send("a");
    client.send("b");
    await settled();
    expect(house.server.seen).toEqual([]);
    await house.clock.advance(60_000);
    expect(await client.take(2)).toEqual(["a", "b"]);
  });

  test("dropped and cut", async () => {
    const house = echoHouse();
    house.plug({
      bytes: (chunk) =>
        chunk.direction === "out"
          ? undefined
          : chunk.data.includes(0x7a)
            ? close({ reset: true })
            : chunk.data.includes(0x79)
              ? drop()
              : undefined,
    });
    const client = house.connect();
    client.send("y");
    client.send("a");
    expect(await client.take(1)).toEqual(["a"]);
    client.send("z");
    expect(await client.wire.closed()).toBe("reset");
  });
});

describe("listeners", () => {
  test("TCP echoes and survives a peer that resets", async () => {
    const house = echoHouse();
    const listener = listenTcp({ host: "127.0.0.1", port: 0 }).serve(house.server, house.net);
    const got = Promise.withResolvers<string>();
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port: listener.port,
      socket: { data: (_s, data) => got.resolve(data.toString()) },
    });
    const rude = await Bun.connect({ hostname: "127.0.0.1", port: listener.port, socket: { data: () => undefined } });
    rude.write(frame("x"));
    rude.terminate();
    socket.write(frame("hello"));
    expect(await got.promise).toBe("\x05hello");
    socket.end();
    listener.stop();
  });

  test("WebSocket wants the subprotocol and binary frames; a message may hold part of a frame", async () => {
    const house = echoHouse();
    const listener = listenWebSocket({ host: "127.0.0.1", port: 0 }, "mqtt").serve(house.server, house.net);
    const url = `ws://127.0.0.1:${listener.port}/`;
    const plain = await fetch(url.replace("ws:", "http:"));
    expect(plain.status).toBe(400);
    const socket = new WebSocket(url, "mqtt");
    socket.binaryType = "arraybuffer";
    await new Promise((resolve) => (socket.onopen = resolve));
    expect(socket.protocol).toBe("mqtt");
    const got = new Promise<string>(
      (resolve) => (socket.onmessage = (event) => resolve(Buffer.from(event.data as ArrayBuffer).toString())),
    );
    socket.send(frame("hello").subarray(0, 3));
    socket.send(frame("hello").subarray(3));
    expect(await got).toBe("\x05hello");
    const closed = new Promise((resolve) => (socket.onclose = resolve));
    socket.send("text");
    await closed;
    listener.stop();
  });
});
