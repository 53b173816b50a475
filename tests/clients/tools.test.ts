/** The command-line tools kcat, mosquitto_pub and mosquitto_sub. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Kafka, logLevel } from "kafkajs";
import { startBinary, type RunningBinary } from "../support/binary.ts";
import { isAbsent, skipVisibly } from "./program.ts";

const count = 10_000;
const seconds = 60_000;

let broker: RunningBinary;
beforeAll(async () => {
  broker = await startBinary();
}, 60_000);
afterAll(async () => {
  await broker?.stop();
});

describe("kcat", () => {
  if (!Bun.which("kcat")) return skipVisibly("kcat not found: run tests/clients/install apt");
  if (isAbsent("kafka")) return skipVisibly("HAVOQ_TEST_EXTERNAL names no kafka", { evenInCi: true });

  const kcat = (args: string[], stdin?: string) => run(["kcat", "-b", broker.kafka.brokers, ...args], stdin);
  const produce = (topic: string, lines: string[], ...args: string[]) =>
    kcat(["-P", "-t", topic, "-K", ":", ...args], `${lines.join("\n")}\n`);
  const records = keyedLines();

  test(
    "10,000 keyed records reach a group once, in order per partition",
    async () => {
      const topic = await createTopic("kcat", 6);
      await produce(topic, records);
      const group = unique("group");
      // -c ends kcat at the last record; a second member of the group then finds nothing left
      const consume = (...args: string[]) =>
        kcat(["-G", group, "-q", "-X", "auto.offset.reset=earliest", "-f", "%p %o %k:%s\\n", ...args, topic]);
      const received = lines(await consume("-c", String(count))).map(parse);

      expectSame(received.map((record) => record.line).sort(), records.toSorted());
      expectOrder(received);
      expect(new Set(received.map((record) => record.partition)).size).toBeGreaterThan(1);
      expect(lines(await consume("-e"))).toEqual([]);
    },
    seconds,
  );

  test(
    "10,000 records of a topic made by producing, read partition by partition",
    async () => {
      const topic = unique("kcat-auto");
      await produce(topic, records);
      const received = lines(await kcat(["-C", "-t", topic, "-o", "beginning", "-e", "-q", "-f", "%p %o %k:%s\\n"])).map(parse);
      expectSame(received.map((record) => record.line).sort(), records.toSorted());
      expectOrder(received);
    },
    seconds,
  );

  for (const codec of ["gzip", "snappy", "lz4", "zstd"]) {
    test(
      `${codec} round trip`,
      async () => {
        const topic = await createTopic(`kcat-${codec}`, 1);
        await produce(topic, records.slice(0, 1000), "-z", codec);
        const received = lines(await kcat(["-C", "-t", topic, "-e", "-q", "-K", ":"]));
        expectSame(received, records.slice(0, 1000));
      },
      seconds,
    );
  }

  test(
    "headers and null values arrive as sent",
    async () => {
      const topic = await createTopic("kcat-contents", 1);
      await produce(topic, ["key:"], "-Z", "-H", "a=1", "-H", "b=2");
      const received = await kcat(["-C", "-t", topic, "-e", "-q", "-J"]);
      expect(JSON.parse(received)).toMatchObject({ topic, key: "key", payload: null, headers: ["a", "1", "b", "2"] });
    },
    seconds,
  );

  test(
    "offsets are found by timestamp, metadata lists the partitions",
    async () => {
      const topic = await createTopic("kcat-query", 2);
      const before = Date.now();
      await produce(topic, ["a:1", "b:2"], "-p", "1");
      expect(lines(await kcat(["-Q", "-t", `${topic}:1:${before - 1000}`]))).toEqual([`${topic} [1] offset 0`]);
      expect(lines(await kcat(["-Q", "-t", `${topic}:1:-1`]))).toEqual([`${topic} [1] offset 2`]);
      const metadata = JSON.parse(await kcat(["-L", "-J", "-t", topic]));
      expect(metadata.topics[0].partitions.map((one: { partition: number }) => one.partition)).toEqual([0, 1]);
    },
    seconds,
  );

  function keyedLines(): string[] {
    return Array.from({ length: count }, (_, i) => `key-${i % 97}:value-${i}`);
  }

  function parse(line: string) {
    const [, partition, offset, record] = /^(\d+) (\d+) (.*)$/.exec(line)!;
    return { partition: Number(partition), offset: Number(offset), line: record, number: Number(record.split("-").at(-1)) };
  }

  /** In each partition the offsets have no gap, and the records the order in which they were sent. */
  function expectOrder(received: ReturnType<typeof parse>[]) {
    for (const records of Map.groupBy(received, (record) => record.partition).values()) {
      expect(records.map((record) => record.offset)).toEqual(records.map((_, index) => index));
      const numbers = records.map((record) => record.number);
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    }
  }

  /** kcat cannot create topics with a number of partitions. */
  async function createTopic(name: string, partitions: number): Promise<string> {
    const topic = unique(name);
    const admin = new Kafka({ brokers: broker.kafka.brokers.split(","), logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic, numPartitions: partitions, replicationFactor: 1 }], waitForLeaders: true });
    await admin.disconnect();
    return topic;
  }
});

describe("mosquitto_pub and mosquitto_sub", () => {
  const absent = ["mosquitto_pub", "mosquitto_sub"].filter((command) => !Bun.which(command));
  if (absent.length) return skipVisibly(`${absent.join(", ")} not found: run tests/clients/install apt`);
  if (isAbsent("mqtt")) return skipVisibly("HAVOQ_TEST_EXTERNAL names no mqtt", { evenInCi: true });

  const address = () => {
    const { hostname, port } = new URL(broker.mqtt.url);
    return ["-h", hostname, "-p", port];
  };
  const publish = (args: string[], stdin?: string) => run(["mosquitto_pub", ...address(), ...args], stdin);

  for (const version of ["mqttv311", "mqttv5"]) {
    for (const qos of ["0", "1", "2"]) {
      test(
        `10,000 messages at QoS ${qos}, in order (${version})`,
        async () => {
          const topic = unique("many");
          const messages = Array.from({ length: count }, (_, i) => `message ${i}`);
          const common = ["-V", version, "-t", topic, "-q", qos];
          // mosquitto_sub 2.0 loses count of its own receive maximum of 20 at QoS 2 and hangs up
          const window = version === "mqttv5" ? ["-D", "connect", "receive-maximum", "65535"] : [];
          const subscriber = await subscribe("%p", count, [...common, ...window]);
          await publish([...common, "-l"], `${messages.join("\n")}\n`);
          expectSame(await subscriber.lines, messages);
        },
        seconds,
      );
    }
  }

  test(
    "a retained message reaches a late subscriber until it is cleared",
    async () => {
      const topic = unique("retained");
      const end = `${topic}/end`;
      await publish(["-t", end, "-r", "-m", "nothing before"]);
      await publish(["-t", topic, "-r", "-m", "first"]);
      await publish(["-t", topic, "-r", "-m", "last"]);
      // The retained messages of one filter come before those of the next.
      const read = () => run(["mosquitto_sub", ...address(), "-t", topic, "-t", end, "-F", "%r %p", "-C", "1", "-W", "40"]);
      expect(await read()).toBe("1 last\n");
      await publish(["-t", topic, "-r", "-n"]);
      expect(await read()).toBe("1 nothing before\n");
    },
    seconds,
  );

  test(
    "wildcards match as the specification says",
    async () => {
      const base = unique("wild");
      const ends = ["", "/a", "/a/b", "/x/b", "/a/b/c"];
      const expected: Record<string, string[]> = {
        [`${base}/#`]: ends,
        [`${base}/+/b`]: ["/a/b", "/x/b"],
        [`${base}/a/#`]: ["/a", "/a/b", "/a/b/c"],
      };
      const end = unique("end");
      const subscribers = await Promise.all(
        Object.entries(expected).map(([filter, ends]) => subscribe("%t", ends.length + 1, ["-q", "1", "-t", filter, "-t", end])),
      );
      for (const topic of [...ends.map((end) => base + end), end]) await publish(["-q", "1", "-t", topic, "-m", "x"]);
      for (const [index, ends] of Object.values(expected).entries()) {
        expect(await subscribers[index].lines).toEqual([...ends.map((end) => base + end), end]);
      }
    },
    seconds,
  );

  test(
    "a persistent session keeps messages while offline",
    async () => {
      const [topic, id] = [unique("offline"), unique("sleeper")];
      const sleeper = ["mosquitto_sub", ...address(), "-i", id, "-c", "-q", "1", "-t", topic];
      await run([...sleeper, "-E"]); // ends when subscribed
      const messages = Array.from({ length: 100 }, (_, i) => `message ${i}`);
      await publish(["-q", "1", "-t", topic, "-l"], `${messages.join("\n")}\n`);
      expect(lines(await run([...sleeper, "-C", "100", "-W", "40"]))).toEqual(messages);
    },
    seconds,
  );

  test(
    "the will is sent when the client is killed",
    async () => {
      const topic = unique("will");
      const watcher = await subscribe("%p", 1, ["-q", "1", "-t", topic]);
      const victim = await subscribe("%p", 1, ["-t", unique("other"), "--will-topic", topic, "--will-payload", "gone", "--will-qos", "1"]);
      victim.child.kill("SIGKILL");
      expect(await watcher.lines).toEqual(["gone"]);
    },
    seconds,
  );

  test(
    "properties of a publication arrive (mqttv5)",
    async () => {
      const topic = unique("properties");
      const subscriber = await subscribe("%C %D %P %R", 1, ["-V", "mqttv5", "-t", topic]);
      await publish([
        "-V",
        "mqttv5",
        "-t",
        topic,
        "-m",
        "x",
        "-D",
        "publish",
        "content-type",
        "text/plain",
        "-D",
        "publish",
        "correlation-data",
        "id",
        "-D",
        "publish",
        "response-topic",
        "reply",
        "-D",
        "publish",
        "user-property",
        "colour",
        "red",
      ]);
      expect(await subscriber.lines).toEqual(["text/plain id colour:red reply"]);
    },
    seconds,
  );

  /**
   * Starts mosquitto_sub, waits until its subscription stands, and ends it after so many messages;
   * `lines` are these messages in the given format.
   */
  async function subscribe(format: string, count: number, args: string[]) {
    // mosquitto_sub prints nothing when it has subscribed, so a retained message has to say it
    const ready = unique("ready");
    await publish(["-t", ready, "-r", "-m", "ready"]);
    const child = Bun.spawn(["mosquitto_sub", ...address(), "-F", format, "-C", String(count + 1), "-W", "40", "-t", ready, ...args], {
      stdout: "pipe",
      stderr: "ignore",
    });
    const output = await afterFirstLine(child.stdout);
    return { child, lines: output.rest.then(lines) };
  }
});

/** Waits until a line has been printed; `rest` is all that is printed after it. */
async function afterFirstLine(stream: ReadableStream<Uint8Array>): Promise<{ rest: Promise<string> }> {
  const firstLine = Promise.withResolvers<void>();
  const rest = (async () => {
    const decoder = new TextDecoder();
    let seen = "";
    for await (const chunk of stream) {
      seen += decoder.decode(chunk, { stream: true });
      if (seen.includes("\n")) firstLine.resolve();
    }
    firstLine.reject(new Error(`ended without a line: ${seen}`)); // has no effect when there was one
    return seen.slice(seen.indexOf("\n") + 1);
  })();
  await firstLine.promise;
  return { rest };
}

/** Runs a command to its end and answers with what it printed. */
async function run(cmd: string[], stdin?: string): Promise<string> {
  const child = Bun.spawn({
    cmd,
    stdin: stdin === undefined ? "ignore" : Buffer.from(stdin),
    stdout: "pipe",
    stderr: "pipe",
    timeout: 50_000,
  });
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  const code = await child.exited;
  if (code !== 0) throw new Error(`${cmd.join(" ")}: exit code ${code}\n${stderr}`);
  return stdout;
}

function lines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}

/** Names the first difference; a diff of thousands of lines helps nobody. */
function expectSame(actual: string[], expected: string[]): void {
  expect(actual.length).toBe(expected.length);
  const index = expected.findIndex((line, i) => actual[i] !== line);
  if (index >= 0) throw new Error(`line ${index}: expected ${expected[index]}, got ${actual[index]}`);
}

/** A name that no other run uses. */
function unique(name: string): string {
  return `${name}-${crypto.randomUUID().slice(0, 8)}`;
}
