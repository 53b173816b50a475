import { expect, test } from "bun:test";
import { DEFAULTS } from "../../src/config/config.ts";
import { addressesOf } from "../../src/config/addresses.ts";
import { listenersOf } from "../../src/config/listeners.ts";
import { type ListenerRow, Listeners } from "../../src/net/listeners.ts";
import { echoHouse } from "../support/echo.ts";

const HOST = "127.0.0.1";
const row = (protocol: string, node?: number): ListenerRow => ({
  protocol,
  name: "plain",
  transport: "tcp",
  host: HOST,
  port: 0,
  ...(node === undefined ? {} : { node }),
});

/** Whether anybody takes a connection there. */
async function isTaken(port: number): Promise<boolean> {
  try {
    (await Bun.connect({ hostname: HOST, port, socket: { data: () => undefined } })).end();
    return true;
  } catch {
    return false;
  }
}

test("the table of a configuration: a row for each port, brokers count up from the first one's", () => {
  const config = { ...DEFAULTS, kafka: { ...DEFAULTS.kafka, brokers: 2, tls_port: 9192 }, mqtt: { ...DEFAULTS.mqtt, tls_port: 0 } };
  const rows = listenersOf(config, { cert: "c", key: "k" });
  expect(rows.map(({ protocol, node, name, transport, port }) => [protocol, node, name, transport, port])).toEqual([
    ["kafka", 1, "plain", "tcp", 9092],
    ["kafka", 1, "tls", "tls", 9192],
    ["kafka", 2, "plain", "tcp", 9093],
    ["kafka", 2, "tls", "tls", 9193],
    ["mqtt", undefined, "plain", "tcp", 1883],
    ["mqtt", undefined, "tls", "tls", 0],
    ["amqp", undefined, "plain", "tcp", 5672],
    ["admin", undefined, "http", "http", 9080],
    ["mqtt", undefined, "websocket", "websocket", 9001],
  ]);
  expect(() => listenersOf(config, null)).toThrow("a tls_port needs tls: { cert, key }");
  const off = { ...DEFAULTS, kafka: { ...DEFAULTS.kafka, enabled: false }, admin: { ...DEFAULTS.admin, enabled: false } };
  expect(new Set(listenersOf(off, null).map(({ protocol }) => protocol))).toEqual(new Set(["mqtt", "amqp"]));
  expect(addressesOf(new Listeners(listenersOf(off, null)), 1)).toMatchObject({ kafka: null, admin: null, amqp: { host: HOST } });
});

test("listeners are found by their fields; closed ones open again on the port they had", async () => {
  const { server, net } = echoHouse();
  const listeners = new Listeners([row("mqtt", 1), row("mqtt", 2), row("amqp")]);
  listeners.open();
  listeners.serve(server, net);
  const [one, two] = [listeners.port({ protocol: "mqtt", node: 1 })!, listeners.port({ protocol: "mqtt", node: 2 })!];
  expect(new Set([one, two, listeners.port({ protocol: "amqp" })]).size).toBe(3);
  expect(listeners.port({ protocol: "mqtt", name: "tls" })).toBeNull();
  listeners.close({ protocol: "mqtt", node: 2 });
  expect([await isTaken(one), await isTaken(two)]).toEqual([true, false]);
  expect(listeners.isOpen({ protocol: "mqtt", node: 2 })).toBe(false);
  expect(listeners.isOpen({ protocol: "mqtt" })).toBe(true);
  expect(listeners.port({ protocol: "mqtt", node: 2 })).toBe(two);
  listeners.reopen({ protocol: "mqtt" }, server, net);
  expect([await isTaken(one), await isTaken(two)]).toEqual([true, true]);
  listeners.close();
  expect([await isTaken(one), await isTaken(two)]).toEqual([false, false]);
});

test("a port that is taken is told with its listener", () => {
  const first = new Listeners([row("kafka", 1)]);
  first.open();
  const port = first.port({})!;
  expect(() => new Listeners([{ ...row("kafka", 1), port }]).open()).toThrow(
    `kafka cannot listen on ${HOST}:${port} (1 plain): the port is taken; choose another, or 0 for a free one`,
  );
  first.close();
});
