import { expect, test } from "bun:test";
import { until, World } from "./world.ts";

test("verdict: exactly what a hook would answer, and do, at one event of one stream", async () => {
  await using world = await World.start({ kafka: { brokers: 1 } });
  const [producer, publisher, subscriber] = [await world.producer(), await world.mqtt(), await world.mqtt()];
  const got: string[] = [];
  subscriber.on("message", (_topic, payload) => void got.push(String(payload)));
  await subscriber.subscribeAsync("#", { qos: 1 });
  const channel = await (await world.amqp()).createConfirmChannel();
  await channel.assertQueue("q");
  const once = {
    stream: "mqtt:t",
    nth: 2,
    answer: { duplicate: { times: 2 } },
    actions: [{ action: "publish", args: [{ protocol: "mqtt", topic: "t", payload: "made" }] }],
  };
  world.rule({ match: { protocol: "mqtt", topic: "t" }, fault: { verdict: { point: "message", ...once } } });
  world.rule({
    match: { protocol: ["kafka", "amqp"] },
    fault: { verdict: { point: "message", answer: { replace: { changes: { payload: "changed" } } } } },
  });
  for (const value of ["1", "2", "3"]) await publisher.publishAsync("t", value, { qos: 1 });
  await producer.send({ topic: "k", messages: [{ value: "1" }] });
  channel.sendToQueue("q", Buffer.from("1"));
  await channel.waitForConfirms();
  await until(() => got.length >= 6);
  expect(got).toEqual(["1", "made", "2", "2", "2", "3"]);
  expect(await (await world.consumer("k", { groupId: "g" })).until(1)).toEqual(["changed"]);
  expect(((await channel.get("q")) as any).content.toString()).toBe("changed");
  expect(() => world.rule({ fault: { verdict: { point: "message", answer: { drup: {} } } } })).toThrow("there is no verdict drup");
}, 20_000);
