/** `havoq amqp`: every command and option against the binary; rabbitmq-client looks at what they did. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Connection, type Channel, type Publisher } from "rabbitmq-client";
import { startBinary, type RunningBinary } from "../support/binary.ts";
import { ok, run, start, unused } from "./support.ts";

let broker: RunningBinary;
let rabbit: Connection;
let channel: Channel;
let publisher: Publisher;
let login: string[];
let lists: string[];

beforeAll(async () => {
  broker = await startBinary({ env: { HAVOQ_AMQP_VHOSTS: "/,team" } });
  login = ["--server", new URL(broker.amqp.url).host, "--username", "guest", "--password", "guest", "--vhost", "/"];
  lists = ["--admin", broker.admin.url, "--token", "unneeded", "--username", "guest", "--password", "guest"];
  rabbit = new Connection(broker.amqp.url);
  channel = await rabbit.acquire();
  publisher = rabbit.createPublisher({ confirm: true });
}, 60_000);

afterAll(async () => {
  await publisher?.close();
  await channel?.close();
  await rabbit?.close();
  await broker?.stop();
}, 30_000);

/** What a passive declaration says: null when it is not there. */
async function queue(name: string): Promise<{ messages: number; consumers: number } | null> {
  const one = await rabbit.acquire();
  try {
    const { messageCount, consumerCount } = await one.queueDeclare({ queue: name, passive: true });
    return { messages: messageCount, consumers: consumerCount };
  } catch {
    return null;
  } finally {
    await one.close().catch(() => undefined);
  }
}

async function exchangeIs(
  name: string,
  type: string,
  flags: { durable?: boolean; autoDelete?: boolean; arguments?: Record<string, unknown> },
): Promise<boolean> {
  const one = await rabbit.acquire();
  try {
    await one.exchangeDeclare({ exchange: name, type, ...flags } as never);
    return true;
  } catch {
    return false;
  } finally {
    await one.close().catch(() => undefined);
  }
}

describe("exchange", () => {
  test("declare, list, delete", async () => {
    const made = await ok([
      "amqp",
      "exchange",
      "declare",
      "--name",
      "news",
      "--type",
      "topic",
      "--durable",
      "--auto-delete",
      "--argument",
      "alternate-exchange=amq.fanout",
      "--json",
      ...login,
    ]);
    expect(made.json).toEqual({
      exchange: "news",
      type: "topic",
      durable: true,
      autoDelete: true,
      arguments: { "alternate-exchange": "amq.fanout" },
    });
    expect(await exchangeIs("news", "topic", { durable: true, autoDelete: true, arguments: { "alternate-exchange": "amq.fanout" } })).toBe(
      true,
    );
    expect(await exchangeIs("news", "topic", { durable: false })).toBe(false);
    for (const type of ["direct", "fanout", "headers"]) {
      expect((await ok(["amqp", "exchange", "declare", "--name", type, "--type", type, ...login])).out).toBe(
        `✓ exchange ${type} declared: ${type}\n`,
      );
      expect(await exchangeIs(type, type, { durable: false })).toBe(true);
    }
    const listed = (await ok(["amqp", "exchange", "list", "--vhost", "/", "--json", ...lists])).json;
    expect(listed).toContainEqual(expect.objectContaining({ name: "news", vhost: "/", type: "topic", durable: true, autoDelete: true }));
    expect((await ok(["amqp", "exchanges", "list", ...lists])).out).toMatch(/^news +\/ +topic +true +true$/m);

    expect((await ok(["amqp", "exchange", "delete", "--name", "fanout", "--if-unused", "--json", ...login])).json).toEqual({
      deleted: "fanout",
    });
    expect(await exchangeIs("fanout", "direct", {})).toBe(true);
    expect(await run(["amqp", "exchange", "delete", "--name", "gone", ...login])).toMatchObject({
      code: 1,
      err: "havoq: the broker says NOT_FOUND - no exchange 'gone' in vhost '/'\n",
    });
  }, 60_000);

  test("one that is there otherwise is not changed", async () => {
    const ran = await run(["amqp", "exchange", "declare", "--name", "amq.topic", "--type", "fanout", ...login]);
    expect(ran.code).toBe(1);
    expect(ran.err).toContain("PRECONDITION_FAILED");
    expect((await run(["amqp", "exchange", "declare", "--name", "x", "--type", "topc", ...login])).code).toBe(2);
  }, 60_000);
});

describe("queue", () => {
  test("declare, bind, unbind, purge, delete, list", async () => {
    const made = await ok([
      "amqp",
      "queue",
      "declare",
      "--name",
      "mail",
      "--durable",
      "--argument",
      "x-max-length=2",
      "--argument",
      "x-overflow=reject-publish",
      "--json",
      ...login,
    ]);
    expect(made.json).toMatchObject({
      queue: "mail",
      durable: true,
      messages: 0,
      arguments: { "x-max-length": 2, "x-overflow": "reject-publish" },
    });
    await channel.queueDeclare({ queue: "mail", durable: true, arguments: { "x-max-length": 2, "x-overflow": "reject-publish" } });
    expect((await ok(["amqp", "queue", "declare", "--auto-delete", ...login])).out).toMatch(/^✓ queue amq\.gen-\S+ declared, auto-delete/);

    await channel.exchangeDeclare({ exchange: "post", type: "topic" });
    const bound = ["--exchange", "post", "--queue", "mail", "--routing-key", "a.*"];
    expect((await ok(["amqp", "queue", "bind", ...bound, "--json", ...login])).json).toEqual({
      exchange: "post",
      queue: "mail",
      routingKey: "a.*",
      arguments: {},
    });
    await publisher.send({ exchange: "post", routingKey: "a.b" }, "one");
    expect(await queue("mail")).toEqual({ messages: 1, consumers: 0 });

    expect(
      (await ok(["amqp", "bindings", "list", "--queue", "mail", "--exchange", "post", "--vhost", "/", "--json", ...lists])).json,
    ).toEqual([{ vhost: "/", source: "post", destination: "mail", destinationType: "queue", routingKey: "a.*", arguments: {} }]);
    expect((await ok(["amqp", "bindings", "list", "--exchange", "post", ...lists])).out).toBe(
      "from  to    routing key  arguments\npost  mail  a.*          -\n",
    );
    expect((await ok(["amqp", "queue", "list", "--vhost", "/", "--json", ...lists])).json).toContainEqual(
      expect.objectContaining({ name: "mail", vhost: "/", durable: true, messages: 1, ready: 1, unacked: 0, consumers: 0 }),
    );
    expect((await ok(["amqp", "queue", "list", ...lists])).out).toMatch(/^mail +\/ +true +false +1 +0 +0$/m);

    expect((await ok(["amqp", "queue", "unbind", ...bound, "--json", ...login])).json).toMatchObject({ queue: "mail" });
    await publisher.send({ exchange: "post", routingKey: "a.b" }, "nowhere");
    expect(await queue("mail")).toEqual({ messages: 1, consumers: 0 });

    expect((await ok(["amqp", "queue", "purge", "--name", "mail", "--json", ...login])).json).toEqual({ queue: "mail", messages: 1 });
    expect(await queue("mail")).toEqual({ messages: 0, consumers: 0 });
    expect((await ok(["amqp", "queue", "delete", "--name", "mail", "--if-unused", "--if-empty", "--json", ...login])).json).toEqual({
      deleted: "mail",
      messages: 0,
    });
    expect(await queue("mail")).toBeNull();
  }, 60_000);

  test("arguments bind to a headers exchange", async () => {
    await channel.queueDeclare({ queue: "matched" });
    const bound = ["--exchange", "amq.headers", "--queue", "matched", "--argument", "x-match=all", "--argument", "kind=1"];
    await ok(["amqp", "queue", "bind", ...bound, ...login]);
    await ok(["amqp", "publish", "--exchange", "amq.headers", "--body", "yes", "--header", "kind=1", ...login]);
    expect((await run(["amqp", "publish", "--exchange", "amq.headers", "--body", "no", "--header", "kind=2", ...login])).code).toBe(1);
    await ok(["amqp", "queue", "unbind", ...bound, ...login]);
    expect((await run(["amqp", "publish", "--exchange", "amq.headers", "--body", "no", "--header", "kind=1", ...login])).code).toBe(1);
    expect(await queue("matched")).toEqual({ messages: 1, consumers: 0 });
  }, 60_000);

  test.each([
    [["purge", "--name", "none"], "NOT_FOUND - no queue 'none'"],
    [["delete", "--name", "none"], "NOT_FOUND - no queue 'none'"],
    [["bind", "--exchange", "none", "--queue", "matched"], "NOT_FOUND - no exchange 'none'"],
    [["unbind", "--exchange", "none", "--queue", "matched"], "NOT_FOUND - no exchange 'none'"],
    [["declare", "--name", "matched", "--durable"], "PRECONDITION_FAILED"],
    [["delete", "--name", "full", "--if-empty"], "PRECONDITION_FAILED"],
  ] as const)(
    "%j fails and says why",
    async (args, message) => {
      await channel.queueDeclare({ queue: "matched" });
      await channel.queueDeclare({ queue: "full" });
      await publisher.send("full", "x");
      const ran = await run(["amqp", "queue", ...args, ...login]);
      expect([ran.code, ran.out]).toEqual([1, ""]);
      expect(ran.err).toContain(message);
    },
    60_000,
  );
});

describe("publish", () => {
  test("with properties and headers", async () => {
    await channel.queueDeclare({ queue: "in" });
    const properties = [
      "contentType=text/plain",
      "message-id=m1",
      "delivery_mode=2",
      "expiration=60000",
      "priority=3",
      "correlationId=c",
    ].flatMap((one) => ["--property", one]);
    const sent = await ok([
      "amqp",
      "publish",
      "--routing-key",
      "in",
      "--body",
      "hello",
      ...properties,
      "--header",
      "n=1",
      "--header",
      "s=text",
      "--json",
      ...login,
    ]);
    expect(sent.json).toEqual({ exchange: "", routingKey: "in", messages: 1 });
    const message = await channel.basicGet({ queue: "in", noAck: true });
    expect(message).toMatchObject({
      contentType: "text/plain",
      messageId: "m1",
      durable: true,
      expiration: "60000",
      priority: 3,
      correlationId: "c",
      headers: { n: 1, s: "text" },
    });
    expect(String(message!.body)).toBe("hello");
  }, 60_000);

  test("each line of standard input is a message", async () => {
    await channel.queueDeclare({ queue: "lines" });
    await channel.queueBind({ exchange: "amq.direct", queue: "lines", routingKey: "l" });
    expect((await ok(["amqp", "publish", "--exchange", "amq.direct", "--routing-key", "l", ...login], { stdin: "a\nb\n" })).out).toBe(
      "✓ 2 messages → exchange amq.direct with l\n",
    );
    expect(await queue("lines")).toEqual({ messages: 2, consumers: 0 });
  }, 60_000);

  test.each([
    [["--routing-key", "nobody", "--body", "x"], 1, 'no queue is called "nobody", so the message is gone'],
    [["--exchange", "amq.direct", "--routing-key", "k", "--body", "x"], 1, 'exchange amq.direct leads nowhere with routing key "k"'],
    [["--exchange", "none", "--body", "x"], 1, "NOT_FOUND - no exchange 'none'"],
    [["--routing-key", "in", "--body", "x", "--property", "contenttype=a"], 2, "did you mean contentType?"],
    [["--routing-key", "in", "--body", "x", "--property", "priority=high"], 2, "priority is a number, not high"],
  ] as const)(
    "%j exits with %d and says why",
    async (args, code, message) => {
      const ran = await run(["amqp", "publish", ...args, ...login]);
      expect(ran.err).toContain(message);
      expect([ran.code, ran.out]).toEqual([code, ""]);
    },
    60_000,
  );
});

describe("consume and get", () => {
  const fill = async (name: string, count: number): Promise<void> => {
    await channel.queueDeclare({ queue: name });
    for (let i = 0; i < count; i++) await publisher.send({ routingKey: name, contentType: "text/plain", headers: { i } }, `m${i}`);
  };

  test("consume acknowledges what it prints, and no more", async () => {
    await fill("some", 5);
    expect((await ok(["amqp", "consume", "--queue", "some", "--count", "2", ...login])).out).toBe("m0\nm1\n");
    expect(await queue("some")).toEqual({ messages: 3, consumers: 0 });
    expect((await ok(["amqp", "consume", "--queue", "some", "--count", "1", "--json", ...login])).lines).toEqual([
      {
        queue: "some",
        exchange: "",
        routingKey: "some",
        redelivered: false,
        body: "m2",
        properties: expect.objectContaining({ contentType: "text/plain", headers: { i: 2 } }),
      },
    ]);
    expect((await ok(["amqp", "consume", "--queue", "some", "--count", "1", "--verbose", ...login])).out).toMatch(
      /^\(default\) {2}some {2}m3 {2}\{/,
    );
    expect(await run(["amqp", "consume", "--queue", "some", "--count", "2", "--timeout", "1s", ...login])).toMatchObject({
      code: 1,
      out: "m4\n",
      err: "havoq: 1 of 2 messages came\n",
    });
    expect(await queue("some")).toEqual({ messages: 0, consumers: 0 });
  }, 60_000);

  test("--auto-ack has the broker take all it sends for acknowledged", async () => {
    await fill("auto", 3);
    expect((await ok(["amqp", "consume", "--queue", "auto", "--auto-ack", "--timeout", "1s", ...login])).out).toBe("m0\nm1\nm2\n");
    expect(await queue("auto")).toEqual({ messages: 0, consumers: 0 });
  }, 60_000);

  test("consume ends when it is stopped, and when the queue goes", async () => {
    await fill("left", 1);
    const stopped = start(["amqp", "consume", "--queue", "left", ...login]);
    await stopped.printed("m0\n");
    stopped.child.kill("SIGINT");
    expect((await stopped.done).code).toBe(0);
    await fill("left", 1);
    const cancelled = start(["amqp", "consume", "--queue", "left", ...login]);
    await cancelled.printed("m0\n");
    await channel.queueDelete({ queue: "left" });
    expect(await cancelled.done).toMatchObject({ code: 1, err: "havoq: the broker has cancelled the consumer: queue left is gone\n" });
  }, 60_000);

  test("get looks, and takes only with --auto-ack", async () => {
    await fill("first", 3);
    expect((await ok(["amqp", "get", "--queue", "first", "--count", "2", ...login])).out).toBe("m0\nm1\n");
    expect(
      (await ok(["amqp", "get", "--queue", "first", "--count", "9", "--json", ...login])).lines.map(({ body, redelivered }) => [
        body,
        redelivered,
      ]),
    ).toEqual([
      ["m0", true],
      ["m1", true],
      ["m2", false],
    ]);
    expect(await queue("first")).toEqual({ messages: 3, consumers: 0 });
    expect((await ok(["amqp", "get", "--queue", "first", "--auto-ack", "--verbose", ...login])).out).toContain("m0  redelivered");
    expect(await queue("first")).toEqual({ messages: 2, consumers: 0 });
    await channel.queuePurge({ queue: "first" });
    expect(await ok(["amqp", "get", "--queue", "first", ...login])).toMatchObject({ out: "", err: "queue first is empty\n" });
    expect((await run(["amqp", "get", "--queue", "none", ...login])).err).toContain("NOT_FOUND - no queue 'none'");
  }, 60_000);
});

describe("the wrong place", () => {
  test("is told for what it is", async () => {
    const purge = (server: string) => run(["amqp", "queue", "purge", "--name", "q", "--server", server]);
    expect((await purge("127.0.0.1:1")).err).toContain("nothing listens on 127.0.0.1:1");
    expect((await purge(broker.kafka.brokers)).err).toContain('is a Kafka broker, not an AMQP broker; "havoq kafka" talks to it');
    expect((await purge(new URL(broker.mqtt.url).host)).err).toContain("is an MQTT broker");
  }, 60_000);

  test("vhosts are places of their own, and one that is not there is told", async () => {
    const server = login.slice(0, 2);
    await ok(["amqp", "queue", "declare", "--name", "theirs", "--vhost", "team", ...server]);
    expect(await queue("theirs")).toBeNull();
    expect(
      (await ok(["amqp", "queue", "list", "--vhost", "team", "--json", "--admin", broker.admin.url])).json.map(
        ({ name }: { name: string }) => name,
      ),
    ).toEqual(["theirs"]);
    const ran = await run(["amqp", "queue", "declare", "--name", "x", "--vhost", "none", ...server]);
    expect(ran.code).toBe(1);
    expect(ran.err).toContain("check --vhost");
  }, 60_000);

  test("what lists need is told", async () => {
    expect((await run(["amqp", "queue", "list", "--admin", "http://127.0.0.1:1"])).err).toContain("asked over the HTTP API of havoq");
    const rabbitmq = await run(["amqp", "bindings", "list", "--management", "http://127.0.0.1:1"]);
    expect([rabbitmq.code, rabbitmq.err]).toEqual([
      1,
      'havoq: http://127.0.0.1:1: nothing listens there; it takes RabbitMQ\'s management plugin there: "rabbitmq-plugins enable rabbitmq_management"\n',
    ]);
  }, 60_000);

  test("lists come from RabbitMQ's management plugin where one asks for that", async () => {
    // What the plugin answers, in the words of its own documentation.
    const rows: Record<string, unknown[]> = {
      "/api/queues/%2F": [
        {
          name: "q",
          vhost: "/",
          durable: true,
          auto_delete: false,
          exclusive: false,
          messages: 3,
          messages_ready: 2,
          messages_unacknowledged: 1,
          consumers: 1,
          arguments: {},
        },
      ],
      "/api/exchanges": [{ name: "e", vhost: "/", type: "topic", durable: true, auto_delete: false, internal: false, arguments: {} }],
      "/api/bindings": [{ source: "e", vhost: "/", destination: "q", destination_type: "queue", routing_key: "k", arguments: {} }],
    };
    const asked: string[] = [];
    using server = Bun.serve({
      port: 0,
      fetch(request) {
        asked.push(Buffer.from(request.headers.get("authorization")!.slice(6), "base64").toString());
        const { pathname } = new URL(request.url);
        return rows[pathname] === undefined ? new Response("", { status: 404 }) : Response.json(rows[pathname]);
      },
    });
    const from = ["--management", `http://127.0.0.1:${server.port}`, "--username", "u", "--password", "p", "--json"];
    expect((await ok(["amqp", "queue", "list", "--vhost", "/", ...from])).json).toEqual([
      {
        name: "q",
        vhost: "/",
        durable: true,
        autoDelete: false,
        exclusive: false,
        messages: 3,
        ready: 2,
        unacked: 1,
        consumers: 1,
        arguments: {},
      },
    ]);
    expect((await ok(["amqp", "exchange", "list", ...from])).json).toMatchObject([{ name: "e", type: "topic", autoDelete: false }]);
    expect((await ok(["amqp", "bindings", "list", ...from])).json).toMatchObject([
      { source: "e", destination: "q", destinationType: "queue", routingKey: "k" },
    ]);
    expect(new Set(asked)).toEqual(new Set(["u:p"]));
  }, 60_000);
});

test("no command or option of havoq amqp is left out", () =>
  expect(unused("amqp").filter((one) => !one.includes(" fixtures"))).toEqual([]));
