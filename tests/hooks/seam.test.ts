import type { ControlSurface } from "../../src/hooks/surface.ts";
import { describe, expect, test } from "bun:test";
import { DecodeError } from "../../src/bytes/reader.ts";
import { canonical, formatLine, parseJournal, type JournalLine } from "../../src/journal/journal.ts";
import { close, delay, drop, duplicate, hold, replace, type At } from "../../src/hooks/plugin.ts";
import { Replay } from "../../src/journal/replay.ts";
import { journalFormat } from "../../src/journal/file.ts";
import { echoHouse } from "../support/echo.ts";
import { settled } from "../support/memory.ts";

const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => `m${i}`);

/** A control surface of these actions, whose arguments always fit. */
const surface = (actions: Record<string, (...args: any[]) => unknown>): ControlSurface =>
  ({ ...actions, actions: new Set(Object.keys(actions)), read: (_: string, args: readonly unknown[]) => [...args] }) as never;

describe("verdicts", () => {
  test("nothing returned passes", async () => {
    const house = echoHouse();
    house.plug({ request: () => undefined });
    const client = house.connect();
    client.send("a", "b");
    expect(await client.take(2)).toEqual(["a", "b"]);
    expect(house.journal.fired).toBe(0);
  });

  test("delays add up, and what comes behind waits, so order holds", async () => {
    const house = echoHouse();
    house.plug({
      request: [
        (event: any) => (event.text === "a" ? delay(600_000) : undefined),
        (event: any) => (event.text === "a" ? delay(400_000) : undefined),
      ],
    });
    const client = house.connect();
    client.send("a", "b");
    await settled();
    await house.clock.advance(999_000);
    expect(house.server.seen).toEqual([]);
    await house.clock.advance(2_000);
    expect(await client.take(2)).toEqual(["a", "b"]);
  });

  test("a delayed answer holds back the answers behind it, but not the requests", async () => {
    const house = echoHouse();
    house.plug({ response: (event: any) => (event.text === "a" ? delay(60_000) : undefined) });
    const client = house.connect();
    client.send("a", "b");
    await settled();
    expect(house.server.seen).toEqual(["a", "b"]);
    expect(client.wire.readNow().length).toBe(0);
    await house.clock.advance(60_000);
    expect(await client.take(2)).toEqual(["a", "b"]);
  });

  test("replace feeds the next hook; drop ends the chain", async () => {
    const house = echoHouse();
    const later: string[] = [];
    house.plug({
      request: [
        (event: any) => replace({ text: `${event.text}!` }),
        (event: any) => (event.text === "a!" ? drop() : undefined),
        (event: any) => void later.push(event.text),
      ],
    });
    const client = house.connect();
    client.send("a", "b");
    expect(await client.take(1)).toEqual(["b!"]);
    expect(later).toEqual(["b!"]);
  });

  test("hold waits for its promise; close cuts", async () => {
    const house = echoHouse();
    const gate = Promise.withResolvers<void>();
    house.plug({ request: (event: any) => (event.text === "a" ? hold(gate.promise) : close({ reset: true })) });
    const client = house.connect();
    client.send("a", "b");
    await settled();
    expect(house.server.seen).toEqual([]);
    gate.resolve();
    expect(await client.take(1)).toEqual([]); // the reset takes the unsent answer with it
    expect(await client.wire.closed()).toBe("reset");
    expect(house.server.seen).toEqual(["a"]);
  });

  test.each([false, true])("what cannot be read is its sender's fault, not the plugin's that looked at it (async: %p)", async (isAsync) => {
    const house = echoHouse();
    const look = (): void => {
      throw new DecodeError("short read");
    };
    house.plug({ request: (event: any) => (event.text === "bad" ? (isAsync ? Promise.resolve().then(look) : look()) : undefined) });
    const client = house.connect();
    client.send("good", "bad");
    expect(await client.take(1)).toEqual(["good"]);
    expect(await client.wire.closed()).toBe("end");
    expect(house.net.counts.mqtt.failed).toBe(1);
    expect(house.seam.record("p").errors).toBe(0);
  });

  test("nothing that comes after a close is handled, although answers before it are still to go out", async () => {
    const house = echoHouse();
    house.plug({ response: () => delay(1000), request: (event: any) => (event.text === "end" ? close() : undefined) });
    const client = house.connect();
    client.send("a", "end", "b");
    client.send("c");
    await settled();
    await house.clock.advance(2000);
    expect(await client.take(2)).toEqual(["a"]);
    expect(house.server.seen).toEqual(["a"]);
    expect(client.wire.closedBy).toBe("end");
  });

  test("a verdict that the hook point does not take is a failure of the plugin and passes", async () => {
    const house = echoHouse();
    house.plug({ request: () => duplicate() as never });
    const client = house.connect();
    client.send("a");
    expect(await client.take(1)).toEqual(["a"]);
    expect(house.printed.join()).toContain("request takes delay, hold, drop, fail, reply, replace, hang, close, not duplicate");
  });
});

describe("matching", () => {
  test("a hook is called only where its match holds", async () => {
    const house = echoHouse();
    const calls: string[] = [];
    house.plug({
      request: [
        { match: { protocol: "kafka" }, run: () => void calls.push("kafka") },
        { match: { operation: "OTHER" }, run: () => void calls.push("operation") },
        { match: { client: "nobody-*" }, run: () => void calls.push("client") },
        { match: { topic: "a/+" }, run: () => void calls.push("topic") },
        { match: { protocol: ["mqtt", "amqp"], operation: "*", client: /^t/ }, run: () => void calls.push("all") },
      ],
    });
    const client = house.connect();
    client.send("a/b", "a/b/c");
    await client.take(2);
    expect(calls).toEqual(["topic", "all", "all"]);
  });

  test("nobody interested leaves the hook point null", () => {
    const house = echoHouse();
    expect(house.seam.mqtt.request).toBeNull();
    house.plug({ request: { match: { protocol: "kafka" }, run: () => undefined } });
    expect(house.seam.mqtt.request).toBeNull();
    expect(house.seam.kafka.request).not.toBeNull();
    house.seam.install([]);
    expect(house.seam.kafka.request).toBeNull();
  });
});

describe("failures", () => {
  test("a throw and a rejected promise pass, are counted, and switch the plugin off after ten in a row", async () => {
    const house = echoHouse();
    let calls = 0;
    house.plug({
      request: (event: any) => {
        calls++;
        if (event.text.endsWith("1")) return Promise.reject(new Error("later"));
        throw new Error("now");
      },
    });
    const client = house.connect();
    client.send(...numbers(15));
    expect(await client.take(15)).toEqual(numbers(15));
    expect(calls).toBe(10);
    expect(house.seam.record("p")).toMatchObject({ errors: 10, off: true });
    expect(house.printed.at(-1)).toStartWith("PLUGIN SWITCHED OFF: p");
    expect(house.seam.mqtt.request).toBeNull();
    house.plug({ request: () => undefined });
    expect(house.seam.record("p").off).toBeFalse();
  });

  test("an answer in between starts the count again", async () => {
    const house = echoHouse();
    house.plug({
      request: (event: any) => {
        if (event.text !== "m9") throw new Error("now");
        return undefined;
      },
    });
    const client = house.connect();
    client.send(...numbers(19));
    await client.take(19);
    expect(house.seam.record("p")).toMatchObject({ errors: 18, off: false });
  });
});

describe("seed and replay", () => {
  const chaos = {
    request: (_event: unknown, at: At) =>
      at.random.chance(0.3) ? drop("unlucky") : at.random.chance(0.2) ? delay(at.random.int(1, 5)) : undefined,
    response: (_event: unknown, at: At) => (at.random.chance(0.1) ? drop() : undefined),
  };

  async function run(options: Parameters<typeof echoHouse>[0], plugin: object | null) {
    const house = echoHouse(options);
    const lines: JournalLine[] = [];
    if (plugin !== null) house.plug(plugin as never);
    house.journal.listen((line) => void lines.push(line));
    const client = house.connect();
    client.send(...numbers(200));
    while (house.server.seen.at(-1) !== "m199" && house.journal.entries().at(-1)?.ordinal !== 199) {
      await house.clock.advance(5);
      if (house.server.seen.length + house.journal.entries().filter((e) => e.verdict === "drop" && e.rule === "p/request").length === 200)
        break;
    }
    return { seen: house.server.seen, entries: house.journal.entries(), lines, house };
  }

  test("one seed, one journal; another seed, another journal", async () => {
    const [a, b, c] = [await run({ seed: 7 }, chaos), await run({ seed: 7 }, chaos), await run({ seed: 8 }, chaos)];
    expect(a.entries.length).toBeGreaterThan(50);
    expect(canonical(b.entries)).toEqual(canonical(a.entries));
    expect(b.seen).toEqual(a.seen);
    expect(canonical(c.entries)).not.toEqual(canonical(a.entries));
  });

  test("a journal given back fires the same verdicts without the plugin and without drawing", async () => {
    const first = await run({ seed: 7 }, chaos);
    const replay = new Replay(parseJournal(first.lines.map(formatLine).join("\n")));
    expect(replay.seed).toBe(7);
    const again = await run({ seed: 99, replay }, null);
    expect(canonical(again.entries)).toEqual(canonical(first.entries));
    expect(again.seen).toEqual(first.seen);
  });

  test("what failed at the control surface, and was caught by the hook, does not keep its verdict from being replayed", async () => {
    const refuse = (): never => {
      throw new RangeError("nobody there");
    };
    const house = echoHouse();
    house.seam.control = surface({ killBroker: refuse });
    const lines: JournalLine[] = [];
    house.plug({
      request: (event: any, at) => {
        try {
          at.broker.killBroker(9);
        } catch {
          return event.text === "a" ? drop() : undefined;
        }
      },
    });
    house.journal.listen((line) => void lines.push(line));
    const client = house.connect();
    client.send("a", "b");
    expect(await client.take(1)).toEqual(["b"]);
    const second = echoHouse({ replay: new Replay(parseJournal(lines.map(formatLine).join("\n"))) });
    second.seam.control = surface({ killBroker: refuse });
    const other = second.connect();
    other.send("a", "b");
    expect(await other.take(1)).toEqual(["b"]);
    expect(canonical(second.journal.entries())).toEqual(canonical(house.journal.entries()));
    expect(second.seam.record("p").errors).toBe(0);
  });

  test("a hold is replayed from when the hook was asked", async () => {
    const house = echoHouse();
    const lines: JournalLine[] = [];
    house.plug({ request: async (_event, at) => (await at.clock.sleep(300), hold(at.clock.sleep(200))) });
    house.journal.listen((line) => void lines.push(line));
    house.connect().send("a");
    await settled();
    await house.clock.advance(600);
    const [entry] = house.journal.entries();
    expect(entry!.detail).toEqual({ ms: 500 });
  });

  test("what a hook did through the control surface is replayed too", async () => {
    const published: unknown[] = [];
    const house = echoHouse();
    house.seam.control = surface({ publish: (message: unknown) => void published.push(message) });
    const lines: JournalLine[] = [];
    house.plug({ request: (event: any, at) => at.broker.publish({ protocol: "kafka", topic: "t", payload: Buffer.from(event.text) }) });
    house.journal.listen((line) => void lines.push(line));
    const client = house.connect();
    client.send("a", "b");
    await client.take(2);
    const replayed: unknown[] = [];
    const second = echoHouse({ replay: new Replay(parseJournal(lines.map(formatLine).join("\n"))) });
    second.seam.control = surface({ publish: (message: unknown) => void replayed.push(message) });
    const again = second.connect();
    again.send("a", "b");
    await again.take(2);
    expect(published).toHaveLength(2);
    expect(replayed).toEqual(published);
  });

  test("a journal file is JSON lines or MessagePack, by its ending, and both hold the same", async () => {
    const house = echoHouse();
    const lines: JournalLine[] = [];
    house.plug({ request: { match: { topic: /^a/ }, run: () => replace({ text: "b", data: Buffer.from([0, 255]), big: 2n ** 60n }) } });
    house.journal.listen((line) => void lines.push(line));
    const client = house.connect();
    client.send("a");
    await client.take(1);
    expect(lines.length).toBe(2);
    for (const file of ["run.jsonl", "run.msgpack"]) {
      const format = journalFormat(file);
      expect(format.parse(Buffer.concat(lines.map((line) => format.line(line))))).toEqual(lines);
    }
  });

  test("a broken journal names its line", () => {
    expect(() => parseJournal('{"seed":1}\nnope')).toThrow("journal line 2");
  });
});
