import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import mqtt, { type IClientOptions, type MqttClient } from "mqtt";
import { AdvanceableClock } from "../../src/hooks/clock.ts";
import { MqttBroker } from "../../src/mqtt/broker/broker.ts";
import { listenTcp, listenWebSocket, type Listener } from "../../src/net/listen.ts";
import { MemoryHouse } from "../support/memory.ts";

const house = new MemoryHouse(1, null, new AdvanceableClock());
const broker = new MqttBroker({}, house.host("mqtt"));
const listeners: Listener[] = [];
const urls = { tcp: "", websocket: "" };
const clients: MqttClient[] = [];

beforeAll(() => {
  const tcp = listenTcp({ host: "127.0.0.1", port: 0 }).serve(broker, house.net);
  const websocket = listenWebSocket({ host: "127.0.0.1", port: 0 }, "mqtt").serve(broker, house.net);
  listeners.push(tcp, websocket);
  urls.tcp = `mqtt://127.0.0.1:${tcp.port}`;
  urls.websocket = `ws://127.0.0.1:${websocket.port}`;
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.endAsync(true)));
  for (const listener of listeners) listener.stop();
});

async function connect(url: string, options: IClientOptions = {}): Promise<MqttClient> {
  const client = await mqtt.connectAsync(url, { reconnectPeriod: 0, ...options });
  clients.push(client);
  return client;
}

describe.each([
  ["tcp", 4],
  ["tcp", 5],
  ["websocket", 5],
] as const)("MQTT.js over %s, level %d", (transport, protocolVersion) => {
  test.each([0, 1, 2] as const)(
    "ten thousand messages arrive, exactly those and in order, in QoS %d",
    async (qos) => {
      const subscriber = await connect(urls[transport], { protocolVersion, clientId: `sub-${transport}-${protocolVersion}-${qos}` });
      const publisher = await connect(urls[transport], { protocolVersion, clientId: `pub-${transport}-${protocolVersion}-${qos}` });
      const topic = `exact/${transport}/${protocolVersion}/${qos}`;
      const got: number[] = [];
      const all = new Promise<void>((resolve) => {
        subscriber.on("message", (_topic, payload) => {
          if (got.push(Number(payload.toString())) === 10_000) resolve();
        });
      });
      await subscriber.subscribeAsync(topic, { qos });
      const sent: Promise<unknown>[] = [];
      for (let i = 0; i < 10_000; i++) {
        sent.push(publisher.publishAsync(topic, String(i), { qos }));
        if (i % 1000 === 999) await Promise.all(sent.splice(0));
      }
      await all;
      expect(got).toEqual(Array.from({ length: 10_000 }, (_, i) => i));
    },
    30_000,
  );
});

test("what 5.0 has: properties, aliases, shared subscriptions, reasons", async () => {
  const client = await connect(urls.tcp, { protocolVersion: 5, properties: { topicAliasMaximum: 5 } });
  const [message] = await Promise.all([
    new Promise<mqtt.IPublishPacket>((resolve) => client.on("message", (_topic, _payload, packet) => resolve(packet))),
    client
      .subscribeAsync("$share/g/props/#", { qos: 1, properties: { subscriptionIdentifier: 77 } })
      .then(() =>
        client.publishAsync("props/x", "y", { qos: 1, properties: { contentType: "text/plain", userProperties: { k: ["1", "2"] } } }),
      ),
  ]);
  expect(message.properties).toMatchObject({ contentType: "text/plain", subscriptionIdentifier: 77, userProperties: { k: ["1", "2"] } });
  const puback = new Promise<{ reasonCode?: number }>((resolve) => {
    client.on("packetreceive", (packet) => packet.cmd === "puback" && resolve(packet));
  });
  await client.publishAsync("nobody/listens", "x", { qos: 1 });
  expect((await puback).reasonCode).toBe(0x10);
});

test("a session is there when the client comes back", async () => {
  const options: IClientOptions = { clientId: "returns", clean: false, protocolVersion: 4 };
  const first = await connect(urls.tcp, options);
  await first.subscribeAsync("later", { qos: 2 });
  await first.endAsync();
  const publisher = await connect(urls.websocket);
  for (let i = 0; i < 100; i++) await publisher.publishAsync("later", String(i), { qos: 2 });
  const got: string[] = [];
  const second = mqtt.connect(urls.tcp, { ...options, reconnectPeriod: 0 });
  clients.push(second);
  await new Promise<void>((resolve) => {
    second.on("message", (_topic, payload) => {
      if (got.push(payload.toString()) === 100) resolve();
    });
  });
  expect(got).toEqual(Array.from({ length: 100 }, (_, i) => String(i)));
});
