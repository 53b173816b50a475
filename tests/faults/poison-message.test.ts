import { describe, expect, test } from "bun:test";
import { PROTOCOLS, texts, World } from "../support/chaos.ts";

describe.each(PROTOCOLS)("%s", (protocol) => {
  async function arrives(options: object, n = 1) {
    await using world = await World.under([{ match: { protocol, client: "producer" }, fault: { "poison-message": options } }]);
    const peer = await world.peer(protocol);
    await peer.send('{"good":1}');
    const got = await peer.take(n);
    return { got, reasons: world.reasons };
  }

  test("takes the place of a message", async () => {
    const { got, reasons } = await arrives({});
    expect(got[0]!.text).toContain("\ufffd");
    expect(() => JSON.parse(got[0]!.text)).toThrow();
    expect(reasons).toEqual(["poison-message: garbage"]);
    expect((await arrives({ as: "wrong-type" })).got[0]!.text).toBe("[]");
    expect((await arrives({ as: "empty" })).got[0]!.payload).toEqual(Buffer.alloc(0));
    expect((await arrives({ as: "null" })).got[0]!.payload).toEqual(protocol === "kafka" ? null : Buffer.alloc(0));
    expect((await arrives({ as: "huge", size: "100KiB" })).got[0]!.payload!.length).toBe(100 * 1024);
    const deep = (await arrives({ as: "deep-json" })).got[0]!.text;
    expect([deep.length, deep.startsWith("[[[["), deep.endsWith("]]]]")]).toEqual([200_000, true, true]);
    expect((await arrives({ payload: "mine" })).got[0]!.text).toBe("mine");
  }, 20_000);

  test("comes right before it", async () => {
    const { got, reasons } = await arrives({ payload: "poison", beside: true }, 2);
    expect(texts(got)).toEqual(["poison", '{"good":1}']);
    expect(reasons).toEqual(["publish", "poison-message: payload"]);
  }, 15_000);

  test("one consumer gets it, while what is stored is whole", async () => {
    await using world = await World.under([
      { match: { protocol, client: "consumer", direction: "out" }, fault: { "poison-message": { as: "wrong-type" } } },
    ]);
    const peer = await world.peer(protocol);
    await peer.send("good");
    expect(texts(await peer.take(1))).toEqual(["[]"]);
  }, 15_000);
});
