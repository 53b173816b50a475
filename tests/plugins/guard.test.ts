import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { TimedGuard } from "../../src/loader/guard.ts";
import type { At, Plugin } from "../../src/hooks/plugin.ts";
import type { ControlSurface } from "../../src/hooks/surface.ts";
import { HookTimeout, type InstalledHook } from "../../src/hooks/seam.ts";
import { echoHouse } from "../support/echo.ts";
import { settled } from "../support/memory.ts";
import { pluginHouse } from "./folder.ts";

/** For what hangs, and for what does not: a busy machine must not make it late. */
const LIMIT = 100,
  LONG = 20_000;

/** The toy protocol with one guarded plugin that was given as an object. */
function guardedHouse(plugin: Plugin, limit = LONG) {
  const house = echoHouse({ guard: new TimedGuard(limit) });
  house.plug(plugin);
  return house;
}

const forever = (): never => {
  for (;;);
};

describe("a call", () => {
  const guard = new TimedGuard(LONG),
    brief = new TimedGuard(LIMIT);
  const at = {} as At;

  test("gets its arguments and gives its answer", () => {
    expect(guard.call((event, other) => [event, other], 1, at)).toEqual([1, at]);
    const promise = Promise.resolve(2);
    expect(guard.call(() => promise, 1, at)).toBe(promise);
  });

  test("throws what it throws", () => {
    const error = new Error("mine");
    expect(() =>
      guard.call(
        () => {
          throw error;
        },
        1,
        at,
      ),
    ).toThrow(error);
    let thrown: unknown;
    try {
      guard.call(
        () => {
          throw "a word";
        },
        1,
        at,
      );
    } catch (it) {
      thrown = it;
    }
    expect(thrown).toBe("a word");
    expect(() =>
      guard.call(
        function deeper(): unknown {
          return [deeper()];
        },
        1,
        at,
      ),
    ).toThrow(RangeError);
  });

  test("is interrupted when it does not come back, whatever it catches", () => {
    const stubborn = (): void => {
      for (;;)
        try {
          forever();
        } catch {
          /* goes on */
        } finally {
        }
    };
    for (const run of [
      forever,
      stubborn,
      () => {
        for (;;) [2, 1].sort();
      },
      () => /^(a+)+$/.test(`${"a".repeat(40)}b`),
    ]) {
      expect(() => brief.call(run, 1, at)).toThrow(HookTimeout);
      expect(brief.call(() => "well", 1, at)).toBe("well");
    }
  });

  test("within a call: the inner one is interrupted alone, and the outer one keeps its limit", () => {
    const roomy = new TimedGuard(800),
      outcome: unknown[] = [];
    const inner = (): void => {
      try {
        roomy.call(forever, 1, at);
      } catch (error) {
        outcome.push(error);
      }
    };
    expect(
      roomy.call(
        () => {
          inner();
          return "outer goes on";
        },
        1,
        at,
      ),
    ).toBe("outer goes on");
    expect(outcome[0]).toBeInstanceOf(HookTimeout);
    expect(() =>
      roomy.call(
        () => {
          inner();
          forever();
        },
        1,
        at,
      ),
    ).toThrow(HookTimeout);
    expect(guard.call(() => guard.call(() => guard.call(() => 3, 1, at), 1, at), 1, at)).toBe(3);
  });

  test("the broker's own work is not begun when there is too little time to end it", () => {
    let begun = 0;
    expect(() =>
      brief.call(
        () => {
          for (;;) {
            brief.admit();
            begun++;
          }
        },
        1,
        at,
      ),
    ).toThrow(HookTimeout);
    expect(begun).toBeGreaterThan(0);
    brief.admit();
  });

  test("what must not be cut runs after the call, or at once when there is none", () => {
    const order: string[] = [];
    guard.call(
      () => {
        guard.outside(() => void order.push("outside"));
        order.push("inside");
      },
      1,
      at,
    );
    guard.outside(() => void order.push("at once"));
    expect(() =>
      brief.call(
        () => {
          brief.outside(() => void order.push("although it was interrupted"));
          forever();
        },
        1,
        at,
      ),
    ).toThrow(HookTimeout);
    expect(order).toEqual(["inside", "outside", "at once", "although it was interrupted"]);
  });
});

describe("a hook", () => {
  test("that hangs costs its limit, is reported and counted, and the request goes on", async () => {
    const house = guardedHouse({ request: (event: any) => (event.text === "hang" ? forever() : undefined) }, LIMIT);
    const client = house.connect();
    client.send("a", "hang", "b");
    expect(await client.take(3)).toEqual(["a", "hang", "b"]);
    expect(house.printed.join()).toContain(`request failed: did not come back within ${LIMIT} ms`);
    expect(house.seam.record("p")).toMatchObject({ errors: 1, timeouts: 1, off: false });
  });

  test("that hangs after an await of the clock is interrupted too, and its pending answer is given up", async () => {
    const house = guardedHouse(
      {
        request: async (_event, at) => {
          await at.clock.sleep(1000);
          return forever();
        },
      },
      LIMIT,
    );
    const client = house.connect();
    client.send("a");
    await settled();
    await house.clock.advance(1000);
    expect(await client.take(1)).toEqual(["a"]);
    expect(house.seam.record("p")).toMatchObject({ errors: 1, timeouts: 1 });
  });

  test("that hangs in a function it left to the clock is interrupted too", async () => {
    const house = guardedHouse({ request: (_event, at) => void at.clock.after(1000, forever) }, LIMIT);
    const client = house.connect();
    client.send("a");
    expect(await client.take(1)).toEqual(["a"]);
    await house.clock.advance(1000);
    expect(house.seam.record("p")).toMatchObject({ errors: 1, timeouts: 1 });
  });

  test("that answers late is answered for in order, outside of its own time", async () => {
    const house = guardedHouse({
      request: async (event: any, at) => {
        await at.clock.sleep(event.text === "a" ? 2000 : 1000);
        return { kind: "replace", changes: { text: `${event.text}!` } } as const;
      },
    });
    const client = house.connect();
    client.send("a", "b");
    await settled();
    await house.clock.advance(2000);
    await settled();
    await house.clock.advance(1000);
    expect(await client.take(2)).toEqual(["a!", "b!"]);
  });

  test("that throws or rejects is reported with what it threw, and taken as silent", async () => {
    const house = guardedHouse({
      request: (event: any) => {
        if (event.text === "a") throw new TypeError("thrown");
        return Promise.reject("just words");
      },
    });
    const client = house.connect();
    client.send("a", "b");
    expect(await client.take(2)).toEqual(["a", "b"]);
    expect(house.printed).toEqual(["plugin p: request failed: TypeError: thrown", 'plugin p: request failed: "just words"']);
  });

  test("whose hold never ends well goes on all the same", async () => {
    const house = guardedHouse({ request: () => ({ kind: "hold", until: Promise.reject(new Error("no")) }) as const });
    const client = house.connect();
    client.send("a");
    expect(await client.take(1)).toEqual(["a"]);
  });

  test("that hangs in the state it waits for is interrupted too", async () => {
    const house = guardedHouse({ request: (_event, at) => void at.broker.waitFor(forever).catch(() => undefined) }, LIMIT);
    house.seam.control = {
      actions: new Set<string>(),
      waitFor: async (state: () => boolean) => void state(),
    } as Partial<ControlSurface> as ControlSurface;
    const client = house.connect();
    client.send("a");
    expect(await client.take(1)).toEqual(["a"]);
    expect(house.seam.record("p").timeouts).toBeGreaterThan(0);
  });
});

describe("a plugin file that fails", () => {
  test("is named with file and line, by the loop, the throw or the definition", async () => {
    using house = await pluginHouse(
      {
        "bad.ts": `import { definePlugin } from "havoq";

interface Op { text: string }
const spin = (n: number): number => {
  while (n > 0) {
    n += Math.sqrt(n);
  }
  return n;
};
export default definePlugin({
  request(op: unknown) {
    const { text } = op as Op;
    if (text === "loop") {
      while (true) {}
    }
    if (text === "deep") spin(1);
    if (text === "throw") throw new Error("thrown on line 17");
    if (text === "verdict") return 5 as never;
  },
});
`,
      },
      { limit: LIMIT },
    );
    const file = join(house.folder.path, "bad.ts");
    const said = async (text: string): Promise<string> => {
      house.printed.length = 0;
      expect(await house.echo(text)).toBe(text);
      return house.printed[0]!;
    };
    expect(await said("throw")).toBe(`plugin bad: request failed: ${file}:17: thrown on line 17`);
    expect(await said("verdict")).toBe(
      `plugin bad: request failed: ${file}:11: TypeError: request takes delay, hold, drop, fail, reply, replace, hang, close, not 5`,
    );
    expect(await said("loop")).toBe(
      `plugin bad: request failed: ${file}:11: did not come back within ${LIMIT} ms; is it the loop in line 14?`,
    );
    // From the second time on it is watched.
    expect(await said("loop")).toBe(`plugin bad: request failed: ${file}:14: did not come back within ${LIMIT} ms`);
    // The line is where it was seen, in the worst case the call that led there.
    expect(await said("deep")).toMatch(new RegExp(`bad\\.ts:(4|5|6|16): did not come back within ${LIMIT} ms$`));
    // Of optimized code the samples may tell the function alone.
    const hook = { plugin: house.seam.record("bad"), run: () => {} } as unknown as InstalledHook;
    expect(house.guard.locate(new HookTimeout("late", null, "spin"), hook)).toBe(`${file}:4: late`);
    expect(house.guard.locate(new HookTimeout("late", null, "elsewhere"), hook)).toBe(`${file}: late; it is stuck in elsewhere`);
  });

  test("ten times in a row is switched off with a loud line, and on again when it is saved", async () => {
    const source = (limit: number): string => `
      let n = 0;
      export default { request() { if (++n <= ${limit}) throw new Error("again"); } };`;
    using house = await pluginHouse({ "bad.ts": source(1000), "good.ts": "export default { request() {} };" });
    const client = house.connect();
    const texts = Array.from({ length: 12 }, (_, i) => `m${i}`);
    client.send(...texts);
    expect(await client.take(12)).toEqual(texts);
    expect(house.printed.filter((line) => line.endsWith(": again")).length).toBe(10);
    expect(house.printed.at(-1)).toBe(
      `PLUGIN SWITCHED OFF: bad (${join(house.folder.path, "bad.ts")}) after 10 failures in a row; save the file to try again`,
    );
    expect(house.plugins.status().map(({ state }) => state)).toEqual(["off", "on"]);

    // Another plugin's reload is no reason to try this one again.
    house.folder.write("good.ts", "export default { request() { return undefined; } };");
    await house.prints("plugin good: reloaded");
    expect(house.plugins.status().map(({ state }) => state)).toEqual(["off", "on"]);

    house.folder.write("bad.ts", source(1000));
    await house.prints("plugin bad: reloaded");
    expect(house.plugins.status()[0]).toMatchObject({ state: "on", errors: 10 });
    expect(await house.echo("x")).toBe("x");
    expect(house.plugins.status()[0]).toMatchObject({ state: "on", errors: 11 });
  });

  test("to come back three times is switched off, even with answers between", async () => {
    using house = await pluginHouse({ "bad.ts": `export default { request(op) { while (op.text === "hang") {} } };` }, { limit: LIMIT });
    const client = house.connect();
    client.send("hang", "a", "hang", "b", "hang", "c", "hang");
    expect(await client.take(7)).toEqual(["hang", "a", "hang", "b", "hang", "c", "hang"]);
    expect(house.printed.length).toBe(4);
    expect(house.printed.at(-1)).toContain("after 3 time-outs");
    expect(house.plugins.status()[0]).toMatchObject({ state: "off", errors: 3 });
  });

  test("in a promise that it does not await is counted, and known from the broker's own errors", async () => {
    using house = await pluginHouse({
      "bad.ts": `export default {\n  request() {\n    (globalThis as any).stray = new Error("in the air");\n  },\n};`,
    });
    await house.echo("x");
    expect(house.plugins.claim((globalThis as any).stray)).toBe(true);
    expect(house.printed).toEqual([`plugin bad: nobody caught ${join(house.folder.path, "bad.ts")}:3: Error: in the air`]);
    expect(house.seam.record("bad").errors).toBe(1);
    expect(house.plugins.claim(new Error("the broker's"))).toBe(false);
    expect(house.plugins.claim("a word")).toBe(true);
  });
});
