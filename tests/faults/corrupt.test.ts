import { describe, expect, test } from "bun:test";
import { PROTOCOLS, World } from "../support/chaos.ts";

const bits = (a: Buffer, b: Buffer): number =>
  [...a].reduce((sum, byte, i) => sum + (byte ^ b[i]!).toString(2).replaceAll("0", "").length, 0);

describe.each(PROTOCOLS)("%s", (protocol) => {
  /** What arrives of a message under `corrupt` with these options. */
  async function arrives(sent: string | Buffer, options: object, match: object = { client: "producer" }): Promise<Buffer> {
    await using world = await World.under([{ match: { protocol, ...match }, fault: { corrupt: options } }]);
    const peer = await world.peer(protocol);
    await peer.send(sent);
    return (await peer.take(1))[0]!.payload!;
  }

  test("bits are flipped, the same with the same seed", async () => {
    const sent = Buffer.from("thirty-two bytes of good content");
    const once = await arrives(sent, { how: "bit-flip" });
    expect([once.length, bits(once, sent)]).toEqual([32, 1]);
    expect(await arrives(sent, {})).toEqual(once);
    expect(bits(await arrives(sent, { bits: 9 }), sent)).toBe(9);
  }, 15_000);

  test("what is cut off is lost", async () => {
    expect((await arrives("0123456789", { how: "truncate", bytes: 4 })).toString()).toBe("0123");
    const drawn = (await arrives("0123456789", { how: "truncate" })).toString();
    expect("0123456789".startsWith(drawn) && drawn.length < 10).toBe(true);
  }, 15_000);

  test("the schema id is another one, what has none stays", async () => {
    const framed = Buffer.from([0, 0, 0, 1, 2, 77, 88]);
    expect(await arrives(framed, { how: "wrong-schema-id", id: 9 })).toEqual(Buffer.from([0, 0, 0, 0, 9, 77, 88]));
    const drawn = await arrives(framed, { how: "wrong-schema-id" });
    expect([drawn[0], drawn.subarray(5)]).toEqual([0, framed.subarray(5)]);
    expect(drawn.readUInt32BE(1)).not.toBe(258);
    expect((await arrives("plain", { how: "wrong-schema-id" })).toString()).toBe("plain");
  }, 15_000);

  test("JSON is none any more, what was none stays", async () => {
    for (const json of ['{"a":[1,2]}', "17", "true", '"x"']) {
      const got = (await arrives(json, { how: "invalid-json" })).toString();
      expect(() => JSON.parse(got)).toThrow();
    }
    expect((await arrives("no {JSON", { how: "invalid-json" })).toString()).toBe("no {JSON");
  }, 15_000);

  test("one consumer gets it spoilt, while what is stored is whole", async () => {
    await using world = await World.under([
      {
        match: { protocol, client: "consumer", direction: "out" },
        when: { once: true },
        fault: { corrupt: { how: "truncate", bytes: 1 } },
      },
    ]);
    const peer = await world.peer(protocol);
    await peer.send("whole");
    expect((await peer.take(1))[0]!.text).toBe("w");
    expect(world.reasons).toEqual(["corrupt: 1 of 5 bytes"]);
  }, 15_000);
});

describe("a wrong checksum", () => {
  const NOTICED = /CRC|checksum|Bad message/i;

  test("on the way in is refused by the broker, and the producer told so", async () => {
    await using world = await World.under([
      { match: { protocol: "kafka", topic: "orders" }, when: { once: true }, fault: { corrupt: { how: "wrong-crc" } } },
    ]);
    const producer = await world.producer();
    const send = () => producer.send({ topic: "orders", messages: [{ value: "x" }] });
    expect(await send().catch((error) => error.cause?.type ?? error.type)).toBe("CORRUPT_MESSAGE");
    await send();
    expect(world.havoq.kafka!.topics.get("orders")!.partitions[0]!.highWatermark).toBe(1);
  }, 15_000);

  test.skipIf(Bun.which("kcat") === null)(
    "on the way out is noticed by consumers that look (kcat), and the log is whole",
    async () => {
      await using world = await World.under([
        { name: "crc", match: { protocol: "kafka", client: "rdkafka", direction: "out" }, fault: { corrupt: { how: "wrong-crc" } } },
      ]);
      await (await world.producer()).send({ topic: "orders", messages: [{ value: "precious" }] });
      const consume = async (...more: string[]) => {
        const cmd = [
          "kcat",
          "-C",
          "-b",
          `127.0.0.1:${world.kafkaPort}`,
          "-t",
          "orders",
          "-o",
          "beginning",
          "-e",
          "-X",
          "check.crcs=true",
          ...more,
        ];
        const child = Bun.spawn({ cmd, stdout: "pipe", stderr: "pipe" });
        const payloads = new Response(child.stdout).text();
        let complaints = "";
        for await (const chunk of child.stderr) {
          complaints += Buffer.from(chunk).toString();
          if (NOTICED.test(complaints)) child.kill(); // it would try again and again
        }
        await child.exited;
        return (await payloads) + complaints;
      };
      const said = await consume();
      expect(said).not.toContain("precious");
      expect(said).toMatch(NOTICED);
      world.havoq.rules.remove("crc");
      expect(await consume()).toContain("precious");
    },
    15_000,
  );

  test("is not for MQTT and AMQP", async () => {
    await using world = await World.under([]);
    for (const protocol of ["mqtt", "amqp"] as const) {
      expect(() => world.havoq.rules.add({ match: { protocol }, fault: { corrupt: { how: "wrong-crc" } } })).toThrow(
        "only Kafka's record batches have a checksum",
      );
    }
    expect(() => world.havoq.rules.add({ fault: { corrupt: { how: "truncate", id: 4 } } })).toThrow("only wrong-schema-id takes an id");
  });
});
