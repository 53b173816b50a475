/** A web page must not drive the API, and who is not on this machine needs the token. Asked with raw requests. */
import { describe, expect, test } from "bun:test";
import { isLoopback } from "../../src/admin/security.ts";
import { house, type Changes, type House } from "./house.ts";

/** What a request with exactly these headers is answered: its status and body. */
async function raw(
  { havoq }: House,
  request: string,
  headers: Record<string, string>,
  body = "",
): Promise<{ status: number; body: string }> {
  const lines = [
    `${request} HTTP/1.1`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    "Connection: close",
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  const { promise, resolve } = Promise.withResolvers<string>();
  let answer = "";
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: havoq.addresses().admin!.port,
    socket: { data: (_, data) => void (answer += data.toString()), close: () => resolve(answer), error: () => resolve(answer) },
  });
  socket.write(`${lines.join("\r\n")}\r\n\r\n${body}`);
  const text = await promise;
  return { status: Number(text.split(" ")[1]), body: text.slice(text.indexOf("\r\n\r\n") + 4) };
}

const JSON_TYPE = { "Content-Type": "application/json" };
const TOPIC = JSON.stringify({ name: "made" });
const create = (h: House, headers: Record<string, string>) =>
  raw(h, "POST /api/kafka/topics", { Host: "127.0.0.1", ...JSON_TYPE, ...headers }, TOPIC);
const made = (h: House): boolean => h.havoq.kafka!.topics.delete("made");

/** Listens on every address; the tests still come over this machine's own. */
const OPEN: Changes = { admin: { host: "0.0.0.0" } as never };
const GUARDED: Changes = { admin: { host: "0.0.0.0", token: "s3cret" } as never };

describe("on loopback, without a token", () => {
  test("whoever is here may do everything", async () => {
    await using h = await house();
    for (const Host of ["127.0.0.1:1", "localhost", "LOCALHOST:9080", "[::1]:9080", "havoq", "host.docker.internal:80", "app.localhost"]) {
      expect([Host, (await create(h, { Host })).status, made(h)]).toEqual([Host, 200, true]);
    }
  });

  test("a name that somebody bent to point here is not answered to, for reading neither", async () => {
    await using h = await house();
    for (const Host of ["evil.example", "evil.example:9080", "127.0.0.1.evil.example", "localhost.evil.example", ""]) {
      expect([Host, (await create(h, { Host })).status, made(h)]).toEqual([Host, 421, false]);
      expect([Host, (await raw(h, "GET /api/kafka/topics", { Host })).status]).toEqual([Host, 421]);
    }
  });

  test("pages of other origins are refused, those of this one are not", async () => {
    await using h = await house();
    for (const Origin of ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost"]) {
      expect([Origin, (await create(h, { Origin })).status, made(h)]).toEqual([Origin, 403, false]);
      expect([Origin, (await raw(h, "GET /api/status", { Host: "127.0.0.1", Origin })).status]).toEqual([Origin, 403]);
    }
    expect((await create(h, { Host: "127.0.0.1:9080", Origin: "http://127.0.0.1:9080" })).status).toBe(200);
  });

  test("a form or an image of another site does nothing", async () => {
    await using h = await house();
    expect((await create(h, { "Sec-Fetch-Site": "cross-site" })).status).toBe(403);
    expect((await raw(h, "POST /api/kafka/topics", { Host: "127.0.0.1", "Content-Type": "text/plain" }, TOPIC)).status).toBe(415);
    expect((await raw(h, "POST /api/kafka/topics", { Host: "127.0.0.1" }, TOPIC)).status).toBe(415);
    expect(made(h)).toBe(false);
  });

  test("no preflight is ever granted", async () => {
    await using h = await house();
    const { status } = await raw(h, "OPTIONS /api/kafka/topics", {
      Host: "127.0.0.1",
      Origin: "https://evil.example",
      "Access-Control-Request-Method": "POST",
    });
    expect(status).toBe(403);
  });
});

describe("on other addresses", () => {
  test("without a token nothing can be changed, and the answer says what to set", async () => {
    await using h = await house(OPEN);
    const { status, body } = await create(h, {});
    expect([status, made(h)]).toEqual([403, false]);
    expect(JSON.parse(body).error).toContain("admin.token");
    expect(JSON.parse(body).error).toContain("HAVOQ_ADMIN_TOKEN");
    expect((await raw(h, "DELETE /api/rules", { Host: "127.0.0.1" })).status).toBe(403);
    expect((await raw(h, "GET /api/kafka/topics", { Host: "127.0.0.1" })).status).toBe(200);
    expect((await raw(h, "GET /metrics", { Host: "havoq:9080" })).status).toBe(200);
    const waited = await raw(h, "POST /api/await", { Host: "127.0.0.1", ...JSON_TYPE }, '{"connections":{},"count":0}');
    expect(waited.status).toBe(200);
  });

  test("the token opens it, another one does not", async () => {
    await using h = await house(GUARDED);
    for (const Authorization of ["Bearer wrong", "Bearer s3cret2", "Bearer ", "Basic s3cret", "s3cret"]) {
      expect([Authorization, (await create(h, { Authorization })).status, made(h)]).toEqual([Authorization, 401, false]);
    }
    expect([(await create(h, {})).status, made(h)]).toEqual([401, false]);
    expect([(await create(h, { Authorization: "Bearer s3cret" })).status, made(h)]).toEqual([200, true]);
    // No page knows it: with it, any name will do.
    expect([(await create(h, { Host: "broker.example.com", Authorization: "Bearer s3cret" })).status, made(h)]).toEqual([200, true]);
  });

  test("a token is asked for on loopback too where there is one", async () => {
    await using h = await house({ admin: { token: "s3cret" } as never });
    expect((await create(h, {})).status).toBe(401);
    expect((await create(h, { Authorization: "bearer s3cret" })).status).toBe(200);
  });
});

test("bodies are bounded, whether or not their length is announced", async () => {
  await using h = await house();
  const large = JSON.stringify({ name: "x".repeat(17 * 1024 * 1024) });
  expect((await raw(h, "POST /api/kafka/topics", { Host: "127.0.0.1", ...JSON_TYPE }, large)).status).toBe(413);
  const chunks = new ReadableStream({
    start(controller) {
      for (let i = 0; i < 17; i++) controller.enqueue(Buffer.alloc(1024 * 1024, 32));
      controller.close();
    },
  });
  const response = await fetch(`${h.url}/api/kafka/topics`, { method: "POST", body: chunks, headers: JSON_TYPE });
  expect(response.status).toBe(413);
});

test("which addresses only this machine can reach", () => {
  expect(["127.0.0.1", "127.1.2.3", "localhost", "::1"].map(isLoopback)).toEqual([true, true, true, true]);
  expect(["0.0.0.0", "::", "10.0.0.1", "127.evil.example", "192.168.1.2"].map(isLoopback)).toEqual([false, false, false, false, false]);
});
