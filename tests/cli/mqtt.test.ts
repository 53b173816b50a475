/** `havoq mqtt`: every command and option against the binary; another client looks at what they did. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import mqtt, { type IClientOptions, type MqttClient } from "mqtt";
import { startBinary, type RunningBinary } from "../support/binary.ts";
import { ok, run, start, unused } from "./support.ts";

let broker: RunningBinary;
let server: string[];
let client: MqttClient;
const opened: MqttClient[] = [];

async function connect(options: IClientOptions = {}): Promise<MqttClient> {
  const one = await mqtt.connectAsync(broker.mqtt.url, { protocolVersion: 5, reconnectPeriod: 0, ...options });
  opened.push(one);
  return one;
}

/** The next message of a topic. */
async function next(topic: string) {
  const { promise, resolve } = Promise.withResolvers<{ payload: string; qos: number; retain: boolean }>();
  const reader = await connect();
  reader.on("message", (_topic, payload, { qos, retain }) => resolve({ payload: payload.toString(), qos, retain }));
  await reader.subscribeAsync(topic, { qos: 2 });
  return promise.finally(() => reader.end());
}

beforeAll(async () => {
  broker = await startBinary();
  server = ["--server", broker.mqtt.url.replace("mqtt://", "")];
  client = await connect({ clientId: "observer", username: "watcher" });
}, 60_000);

afterAll(async () => {
  await Promise.all(opened.map((one) => one.endAsync(true).catch(() => undefined)));
  await broker?.stop();
});

describe("publish", () => {
  test.each([0, 1, 2])(
    "in QoS %d, retained",
    async (qos) => {
      const sent = await ok([
        "mqtt",
        "publish",
        "--topic",
        `kept/${qos}`,
        "--payload",
        "21.5",
        "--qos",
        String(qos),
        "--retain",
        "--json",
        ...server,
      ]);
      expect(sent.json).toMatchObject({ topic: `kept/${qos}`, qos, retain: true, messages: 1 });
      expect(await next(`kept/${qos}`)).toEqual({ payload: "21.5", qos, retain: true });
    },
    60_000,
  );

  test("to who is there, each line of standard input a message", async () => {
    const got: string[] = [];
    const { promise: both, resolve } = Promise.withResolvers<void>();
    client.on("message", (topic, payload) => topic === "lines" && got.push(payload.toString()) === 2 && resolve());
    await client.subscribeAsync("lines", { qos: 1 });
    expect((await ok(["mqtt", "publish", "--topic", "lines", "--qos", "1", ...server], { stdin: "a\nb\n" })).out).toBe(
      "✓ 2 messages → lines\n",
    );
    await both;
    expect(got).toEqual(["a", "b"]);
    expect((await ok(["mqtt", "publish", "--topic", "lines/nobody", "--payload", "x", "--qos", "1", ...server])).out).toContain(
      "nobody is subscribed",
    );
  }, 60_000);

  test("as the client and in the version that one asks for", async () => {
    const ids: string[] = [];
    const connected = start([
      "mqtt",
      "subscribe",
      "--topic",
      "who",
      "-v",
      "--count",
      "1",
      "--client-id",
      "me",
      "--username",
      "u",
      "--password",
      "p",
      "--mqtt-version",
      "3.1.1",
      ...server,
    ]);
    // The HTTP API's own view of who is there.
    for (;;) {
      const { json } = await ok(["mqtt", "clients", "list", "--json", "--admin", broker.admin.url]);
      const found = json.find(({ clientId }: { clientId: string }) => clientId === "me");
      if (found?.subscriptions.length !== 1) continue;
      ids.push(found.clientId);
      expect(found).toMatchObject({ connected: true, version: "3.1.1", user: "u", subscriptions: [{ filter: "who", qos: 0 }] });
      break;
    }
    await client.publishAsync("who", "you");
    expect(await connected.done).toMatchObject({ code: 0, out: "who you\n" });
    expect(
      (
        await ok([
          "mqtt",
          "publish",
          "--topic",
          "x",
          "--payload",
          "x",
          "--client-id",
          "other",
          "--username",
          "u",
          "--password",
          "p",
          "--mqtt-version",
          "3.1.1",
          ...server,
        ])
      ).code,
    ).toBe(0);
  }, 60_000);

  test.each([
    [["--topic", "a/#", "--payload", "x"], 2, "a/# is a filter"],
    [["--topic", "a", "--payload", "x", "--qos", "3"], 2, "3 is not a whole number from 0 to 2"],
    [["--payload", "x"], 2, "required option '--topic <topic>' not specified"],
    [["--topic", "a", "--payload", "x", "--mqtt-version", "4"], 2, "It is 5 or 3.1.1"],
  ] as const)(
    "%j exits with %d and says why",
    async (args, code, message) => {
      const ran = await run(["mqtt", "publish", ...args, ...server]);
      expect(ran.err).toContain(message);
      expect(ran.code).toBe(code);
    },
    60_000,
  );
});

describe("subscribe", () => {
  test("prints what comes, until there is enough of it", async () => {
    await client.publishAsync("s/1", "one", { retain: true, qos: 1 });
    await client.publishAsync("s/2", Buffer.from([0xff, 0]), {
      retain: true,
      qos: 1,
      properties: { contentType: "raw", userProperties: { a: "b" } },
    });
    expect((await ok(["mqtt", "subscribe", "--topic", "s/1", "--count", "1", ...server])).out).toBe("one\n");
    expect((await ok(["mqtt", "subscribe", "--topic", "s/1", "--count", "1", "--verbose", ...server])).out).toBe("s/1 one\n");
    const { lines } = await ok(["mqtt", "subscribe", "--topic", "s/#", "--qos", "1", "--count", "2", "--json", ...server]);
    expect(lines.sort((a, b) => (a.topic < b.topic ? -1 : 1))).toEqual([
      { topic: "s/1", qos: 1, retain: true, payload: "one" },
      { topic: "s/2", qos: 1, retain: true, payloadBase64: "/wA=", contentType: "raw", userProperties: { a: "b" } },
    ]);
  }, 60_000);

  test("--timeout ends it; fewer than --count is a failure, and so is a connection that goes", async () => {
    expect(await run(["mqtt", "subscribe", "--topic", "quiet", "--timeout", "200ms", ...server])).toMatchObject({ code: 0, out: "" });
    expect(await run(["mqtt", "subscribe", "--topic", "quiet", "--count", "1", "--timeout", "200ms", ...server])).toMatchObject({
      code: 1,
      err: "havoq: 0 of 1 messages came\n",
    });
    // The time begins when something can come, however long the login takes.
    await client.publishAsync("kept/slow", "here", { retain: true, qos: 1 });
    await ok([
      "chaos",
      "add",
      "--fault",
      "latency",
      "--with",
      "ms=2500ms",
      "--match",
      "operation=CONNECT",
      "--name",
      "slow",
      "--server",
      broker.admin.url,
    ]);
    expect((await ok(["mqtt", "subscribe", "--topic", "kept/slow", "--count", "1", "--timeout", "2s", ...server])).out).toBe("here\n");
    await ok(["chaos", "remove", "slow", "--server", broker.admin.url]);
    const cut = start(["mqtt", "subscribe", "--topic", "taken", "--client-id", "twice", ...server]);
    await client.publishAsync("taken", "there", { retain: true });
    await cut.printed("there");
    await connect({ clientId: "twice" });
    expect(await cut.done).toMatchObject({ code: 1 });
    expect((await cut.done).err).toContain("closed the connection");
  }, 60_000);
});

describe("stats", () => {
  test("are those of $SYS", async () => {
    await client.publishAsync("stats/kept", "x", { retain: true, qos: 1 });
    const { json } = await ok(["mqtt", "stats", "--interval", "300ms", "--json", ...server]);
    expect(json.version).toStartWith("havoq ");
    expect(json.connected).toBeGreaterThanOrEqual(2);
    expect(json.retained).toBeGreaterThanOrEqual(1);
    expect([json.receivedPerSecond, json.sentPerSecond]).toEqual([0, 0]);
    const busy = start([
      "mqtt",
      "stats",
      "--interval",
      "1s",
      "--json",
      "--client-id",
      "counter",
      "--username",
      "u",
      "--password",
      "p",
      "--mqtt-version",
      "5",
      ...server,
    ]);
    let sent = 0;
    for (; busy.child.exitCode === null; sent++) await client.publishAsync("busy", "x", { qos: 1 });
    const counted = (await busy.done).json;
    expect(counted.receivedPerSecond).toBeGreaterThan(0);
    expect(counted.receivedPerSecond).toBeLessThan(sent + 1);
    expect((await ok(["mqtt", "stats", "--interval", "1ms", ...server])).out).toMatch(/^clients connected +\d+$/m);
  }, 60_000);
});

describe("clients", () => {
  test("list", async () => {
    const { out } = await ok(["mqtt", "clients", "list", "--admin", broker.admin.url, "--token", "unneeded"]);
    expect(out).toMatch(/^observer +true +5\.0 +tcp +\S+ +watcher/m);
    expect((await ok(["mqtt", "clients", "list", "--json"], { env: { HAVOQ_ADMIN_URL: broker.admin.url } })).json).toContainEqual(
      expect.objectContaining({ clientId: "observer" }),
    );
  }, 60_000);

  test("what is needed is told", async () => {
    const ran = await run(["mqtt", "clients", "list", "--admin", "http://127.0.0.1:1"]);
    expect(ran.code).toBe(1);
    expect(ran.err).toContain("http://127.0.0.1:1: nothing listens there; this is asked over the HTTP API of havoq");
    expect((await run(["mqtt", "clients", "list", "--admin", broker.mqtt.wsUrl.replace("ws:", "http:")])).err).toContain(
      "is not havoq's HTTP API",
    );
  }, 60_000);
});

describe("topics", () => {
  test("list and clear-retained", async () => {
    await client.publishAsync("t/a", "1", { retain: true });
    await client.publishAsync("t/b", "2", { retain: true });
    await client.publishAsync("t/c", "3", { qos: 1 }); // once it is acknowledged, the broker has had them all
    const admin = ["--admin", broker.admin.url, "--token", "unneeded"];
    expect((await ok(["mqtt", "topics", "list", "--topic", "t/#", "--json", ...admin])).json).toEqual([
      { topic: "t/a", messages: 1, retained: true },
      { topic: "t/b", messages: 1, retained: true },
      { topic: "t/c", messages: 1, retained: false },
    ]);
    expect((await ok(["mqtt", "topics", "list", ...admin])).out).toMatch(/^t\/c +1 +false$/m);
    const login = ["--client-id", "c", "--username", "u", "--password", "p", "--mqtt-version", "3.1.1", ...server];
    expect((await ok(["mqtt", "topics", "list", "--retained", "--topic", "t/+", "--json", ...login])).json).toEqual([
      { topic: "t/a", qos: 0, payload: "1" },
      { topic: "t/b", qos: 0, payload: "2" },
    ]);
    expect((await ok(["mqtt", "topics", "list", "--retained", ...server])).out).toContain("t/a ");
    expect((await ok(["mqtt", "topics", "clear-retained", "--topic", "t/a", "--json", ...login])).json).toEqual({ cleared: ["t/a"] });
    expect((await ok(["mqtt", "topics", "list", "--retained", "--topic", "t/#", "--json", ...server])).json).toHaveLength(1);
    expect((await ok(["mqtt", "topics", "clear-retained", ...server])).out).toContain("t/b");
    const reader = await connect();
    const seen: string[] = [];
    reader.on("message", (topic) => void seen.push(topic));
    await reader.subscribeAsync("#");
    await reader.publishAsync("end", "", { qos: 1 });
    expect(seen).toEqual(["end"]);
  }, 60_000);
});

test("the wrong port is told for what it is", async () => {
  const kafka = await run(["mqtt", "publish", "--topic", "a", "--payload", "x", "--server", broker.kafka.brokers]);
  expect([kafka.code, kafka.err]).toEqual([
    1,
    `havoq: ${broker.kafka.brokers} is a Kafka broker, not an MQTT broker; "havoq kafka" talks to it; name the right port with --server\n`,
  ]);
  expect((await run(["mqtt", "subscribe", "--topic", "a", "--server", new URL(broker.amqp.url).host])).err).toContain("is an AMQP broker");
  expect((await run(["mqtt", "stats", "--server", "127.0.0.1:1"])).err).toContain("nothing listens on 127.0.0.1:1");
}, 60_000);

test("no command or option of havoq mqtt is left out", () =>
  expect(unused("mqtt").filter((one) => !one.includes(" fixtures"))).toEqual([]));
