import { expect, test } from "bun:test";
import { hold } from "../../src/hooks/plugin.ts";
import { browse } from "../../src/kafka/broker/inspect.ts";
import { writeBatch } from "../../src/kafka/wire/records.ts";
import { settled } from "../support/memory.ts";
import { batchOf, produceBody, TestCluster, type TestClient, valuesOf } from "./client.ts";

/** Sends what the client would in two chunks: the frame is gathered in memory that is used again. */
function split(client: TestClient, send: () => void): void {
  const whole = client.wire.send.bind(client.wire);
  client.wire.send = (bytes) => {
    whole(bytes.subarray(0, 100));
    whole(bytes.subarray(100));
  };
  send();
  client.wire.send = whole;
}

const batch = (text: string, size: number): Buffer => writeBatch(batchOf([text.repeat(size)])).bytes;

test("a batch that waits for its hook stays as it came, though another one of its request has left the log", async () => {
  using house = new TestCluster();
  const client = house.connect();
  await client.createTopic("held");
  await client.createTopic("brief", 1, { "retention.bytes": "1000" });
  const gate = Promise.withResolvers<void>();
  house.house.install({ message: { match: { topic: "held" }, run: () => hold(gate.promise) } });
  const body = produceBody("brief", 0, batch("b", 150_000));
  body.topicData.push(produceBody("held", 0, batch("h", 20_000)).topicData[0]!);
  split(client, () => client.send("Produce", body, 12));
  await settled();
  // What was large is let go of, and its memory taken for the next one.
  const other = house.connect();
  await other.produce("brief", 0, batch("c", 2000));
  for (let i = 0; i < 4; i++) split(other, () => other.send("Produce", produceBody("brief", 0, batch("d", 180_000)), 12));
  await settled();
  gate.resolve();
  const { responses } = await client.answer("Produce", 12);
  expect(responses.map(({ partitionResponses: [one] }) => one!.errorCode)).toEqual([0, 0]);
  expect(valuesOf((await client.fetch("held", 0, 0)).found)).toEqual(["h".repeat(20_000)]);
});

test("whoever looks through a partition sees what lay there, though it is let go of meanwhile", async () => {
  using house = new TestCluster();
  const client = house.connect();
  await client.createTopic("t", 1, { "retention.bytes": "900000" });
  await client.createTopic("other");
  const fill = async (topic: string, text: string, times: number): Promise<void> => {
    for (let i = 0; i < times; i++) await client.produce(topic, 0, [text.repeat(9000)]);
  };
  await fill("t", "t", 90);
  const seen: string[] = [];
  for (const { offset, value } of browse(house.cluster.partition("t", 0)!, 0)) {
    seen.push(`${value!.toString("utf8", 0, 3)} ${offset}`);
    if (seen.length !== 2) continue;
    await fill("t", "u", 90);
    await fill("other", "o", 90);
  }
  expect(seen.slice(0, 90)).toEqual(Array.from({ length: 90 }, (_, i) => `ttt ${i}`));
});

test("a topic that is deleted keeps nothing, though a producer that sent to it still knows it", async () => {
  using house = new TestCluster();
  const client = house.connect();
  await client.createTopic("t");
  const { log } = house.cluster.topics.get("t")!.partitions[0]!;
  for (let i = 0; i < 20; i++) await client.produce("t", 0, ["x".repeat(1000)]);
  expect(log.bytes).toBeGreaterThan(20_000);
  house.cluster.deleteTopic(house.cluster.topics.get("t")!);
  expect([log.bytes, log.start, log.end, [...log], log["rows"].length]).toEqual([0, 20, 20, [], 0]);
  expect((await client.produce("t", 0, ["y"])).error).toBe("UNKNOWN_TOPIC_OR_PARTITION");
});
