import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureBinary, startBinary, type RunningBinary } from "../support/binary.ts";

const root = join(import.meta.dirname, "../..");
const shop = join(root, "examples/event-bus");

/** Runs one of the shop's scripts against a havoq that runs. */
async function run(broker: RunningBinary, script: string, args: string[] = [], folder = shop): Promise<{ code: number; text: string }> {
  const child = Bun.spawn([process.execPath, join(folder, "scripts", `${script}.ts`), ...args], {
    env: {
      ...process.env,
      KAFKA_BROKERS: broker.kafka.brokers,
      MQTT_URL: broker.mqtt.url,
      AMQP_URL: broker.amqp.url,
      HAVOQ_ADMIN_URL: broker.admin.url,
    },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, code] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
  return { code, text: out + err };
}

const open = (args: string[] = []): Promise<RunningBinary> => startBinary({ cwd: shop, args: ["--config", "havoq.yaml", ...args] });

let broker: RunningBinary;
beforeAll(async () => {
  await ensureBinary();
  broker = await open();
}, 120_000);
afterAll(async () => void (await broker.stop()));

describe("the shop's scripts pass", () => {
  test.each([
    ["happy-path", [], "group analytics has caught up"],
    ["out-of-stock", [], "an e-mail about the refund on email.queue"],
    ["temperature-alert", [], "an update of the dashboard on dashboard/updates"],
    ["load-test", ["--rate", "500", "--duration", "10"], "p99"],
    ["stress-test", ["--connections", "200"], "200 of 200 are open at once"],
  ])(
    "%s",
    async (script, args, says) => {
      const { code, text } = await run(broker, script, args);
      expect(text).toContain(says);
      // Whether a rate is held is up to this machine, and what else it does.
      const slow = /^✗ \d+ messages\/s are less than the 500 that were asked for$/;
      const wrong = text.match(/^✗ .*/gm) ?? [];
      expect(wrong.filter((line) => !slow.test(line))).toEqual([]);
      if (wrong.length > 0) return expect(code).toBe(1);
      expect(text).toContain("passed");
      expect(code).toBe(0);
    },
    120_000,
  );
});

describe("with a fault planted in a service they fail", () => {
  test.each([
    [
      "happy-path",
      "payment",
      'amount: order.amount, order };\n      await bus.emit("payments.processed"',
      'amount: order.amount + 1, order };\n      await bus.emit("payments.processed"',
      "no a payment of 59.8 on payments.processed",
    ],
    ["out-of-stock", "payment", 'event.status === "cancelled"', 'event.status === "canceled"', "no a refund of 396 on payments.refunded"],
    ["temperature-alert", "monitor", "celsius > LIMIT", "celsius > LIMIT + 10", "no an alert on alerts/critical"],
  ])(
    "%s: %s",
    async (script, service, right, wrong, says) => {
      const folder = mkdtempSync(join(tmpdir(), "havoq-shop-"));
      try {
        cpSync(shop, folder, { recursive: true });
        symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
        const file = join(folder, "services", `${service}.ts`);
        const source = readFileSync(file, "utf8");
        expect(source).toContain(right);
        writeFileSync(file, source.replace(right, wrong));
        const { code, text } = await run(broker, script, ["--patience", "6"], folder);
        expect(text).toContain(says);
        expect(code).toBe(1);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
    60_000,
  );
});

test("a load that cannot be, and what is no number, end with an error", async () => {
  expect((await run(broker, "load-test", ["--rate", "none"])).code).toBe(2);
  const nowhere = { ...broker, mqtt: { ...broker.mqtt, url: "mqtt://127.0.0.1:1" } };
  expect((await run(nowhere, "stress-test", ["--connections", "20"])).code).toBe(1);
}, 60_000);

test("chaos.yaml breaks the shop and heals it; the happy path passes all the same", async () => {
  const shaken = await open(["--chaos", "chaos.yaml"]);
  try {
    const { code, text } = await run(shaken, "happy-path", ["--orders", "20", "--patience", "40"]);
    expect([text.split("\n").slice(-3), code]).toEqual([expect.anything(), 0]);
  } finally {
    const code = await shaken.stop();
    expect([shaken.stderr, code]).toEqual([expect.stringContaining("scenario a bad minute passed"), 0]);
  }
}, 180_000);
