import { describe, expect, test } from "bun:test";
import { join, resolve } from "node:path";
import { DEFAULTS } from "../../src/config/config.ts";
import { ConfigError, parseConfig } from "../../src/config/file.ts";
import { schema } from "../../src/config/schema.ts";
import { parseDuration, parseSize } from "../../src/core/units.ts";

const root = resolve(import.meta.dirname, "../..");

/** The message of the error that a configuration brings; null when it is taken. */
function refused(text: string): string | null {
  try {
    parseConfig(text, "havoq.yaml");
    return null;
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
}

describe("havoq.yaml", () => {
  test("an empty one holds the defaults", () => {
    expect(parseConfig("", "havoq.yaml")).toEqual(DEFAULTS);
    expect(schema.parse({})).toEqual(DEFAULTS);
  });

  test("the page that describes it shows the defaults, and every key", async () => {
    const page = await Bun.file(join(root, "docs/CONFIGURATION.md")).text();
    const shown = /```yaml\n([^]*?)```/.exec(page)![1]!;
    expect(parseConfig(shown, "docs")).toEqual(DEFAULTS);
    // What has no default stands there as a comment.
    const all = shown.replace(/^( *)# (\w+:)/gm, "$1$2");
    expect(refused(all)).toBeNull();
    const named = new Set([...all.matchAll(/(\w+):/g)].map((match) => match[1]));
    const missing = Object.entries(schema.shape).flatMap(([name, part]) => {
      let inner: any = part;
      while (inner.def?.innerType !== undefined) inner = inner.def.innerType;
      return [name, ...Object.keys(inner.shape ?? {})].filter((key) => !named.has(key));
    });
    expect(missing).toEqual([]);
  });

  test.each([
    ["kafka:\n  brokesr: 3\n", "havoq.yaml:2: unknown key kafka.brokesr: did you mean brokers?"],
    ["kafak: {}\n", "havoq.yaml:1: unknown key kafak: did you mean kafka?"],
    ["kafka:\n  topics:\n    orders: { partitons: 6 }\n", "havoq.yaml:3: unknown key kafka.topics.orders.partitons: did you mean partitions?"],
    ["host: a\n\nmqtt:\n  max_packet_size: 12 parsecs\n", 'havoq.yaml:4: mqtt.max_packet_size: expected a size such as "512KiB" or "1MiB"'],
    ["amqp: { port: 99999 }\n", "havoq.yaml:1: amqp.port: Too big"],
    ["amqp: { vhosts: [] }\n", "havoq.yaml:1: amqp.vhosts: Too small"],
    ["admin: { zzz: 1 }\n", "havoq.yaml:1: unknown key admin.zzz: known keys: enabled, port"],
    ["kafka: [\n", "havoq.yaml:2: "],
  ])("%j is an error with line and key", (text, message) => expect(refused(text)).toStartWith(message));

  test("every problem is told at once", () => expect(refused("a: 1\nb: 2\n")!.split("\n").length).toBe(2));
});

describe("units", () => {
  test.each([["500ms", 500], ["30s", 30_000], ["5m", 300_000], ["1.5h", 5_400_000], ["7d", 604_800_000], ["2w", 1_209_600_000], ["40", 40], [40, 40], ["soon", null], ["5y", null], ["-1s", null]] as const)(
    "duration %p is %p ms", (text, ms) => expect(parseDuration(text)).toBe(ms),
  );
  test.each([["1MiB", 1_048_576], ["64KiB", 65_536], ["10MB", 10_000_000], ["1gib", 1_073_741_824], ["12", 12], ["big", null]] as const)(
    "size %p is %p bytes", (text, bytes) => expect(parseSize(text)).toBe(bytes),
  );
});
