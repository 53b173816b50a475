/** Each preset as real clients see it. */
import { describe, expect, test } from "bun:test";
import presets from "../../src/rules/presets/index.ts";
import { failure, until, World } from "../faults/world.ts";

const partition = (world: World, topic = "t") => world.havoq.control.topics().find(({ name }) => name === topic)!.partitions[0]!;

describe("presets", () => {
  test("rolling-upgrade: every broker is away once, one at a time, and nothing acknowledged is lost", async () => {
    await using world = await World.start({ kafka: { default_replication_factor: 3 } });
    const producer = await world.producer();
    await producer.send({ topic: "t", messages: [{ value: "0" }] });
    const client = await world.mqtt();
    let connects = 0;
    client.on("connect", () => void connects++);
    world.rule({ preset: { "rolling-upgrade": { down: "60ms", pause: "30ms" } } });
    const done = () => world.havoq.journal.entries().map(({ action, detail }) => `${action} ${(detail as unknown[])[0]}`);
    let sent = 0;
    while (done().length < 10 || connects === 0) await producer.send({ topic: "t", messages: [{ value: `${++sent}` }] });
    expect(done()).toEqual([1, 2, 3, "mqtt", "amqp"].flatMap((broker) => [`killBroker ${broker}`, `restartBroker ${broker}`]));
    const read = await (await world.consumer("t", { groupId: "g" })).until(sent + 1);
    expect(new Set(read).size).toBe(sent + 1);
  }, 30_000);

  test("zone-outage: its brokers and its clients are gone, the others go on", async () => {
    await using world = await World.start({ kafka: { default_replication_factor: 2 } });
    const producer = await world.producer();
    await producer.send({ topic: "t", messages: [{ value: "1" }] });
    const inside = await world.mqtt({ clientId: "zone-a-1" });
    const rule = world.rule({ match: { client: "zone-a-*" }, preset: { "zone-outage": { brokers: [1], for: "60s" } } });
    await until(() => rule.fired >= 2);
    expect(
      world.havoq.control
        .brokers()
        .filter(({ up }) => !up)
        .map(({ broker }) => broker),
    ).toEqual([1]);
    const published = inside.publishAsync("t", "x", { qos: 1 }).then(() => "acknowledged");
    expect(await Promise.race([published, Bun.sleep(30).then(() => "silence")])).toBe("silence");
    await producer.send({ topic: "t", messages: [{ value: "2" }] });
    await world.havoq.clock.advance(61_000);
    expect(world.havoq.control.brokers().every(({ up }) => up)).toBe(true);
    expect(await published).toBe("acknowledged");
  }, 20_000);

  test("flapping-leader: leaders change and change back; the producer follows", async () => {
    await using world = await World.start();
    const producer = await world.producer();
    await producer.send({ topic: "t", messages: [{ value: "0" }] });
    const before = partition(world).leader;
    const leaders = new Set<number>();
    const rule = world.rule({ match: { topic: "t" }, preset: { "flapping-leader": { every: "100ms", for: "1h" } } });
    let sent = 0;
    while (rule.fired < 5) {
      await producer.send({ topic: "t", messages: [{ value: `${++sent}` }] });
      leaders.add(partition(world).leader);
    }
    expect(leaders.size).toBeGreaterThan(1);
    rule.remove();
    expect(partition(world).leader).toBe(before);
    expect((await (await world.consumer("t", { groupId: "g" })).until(sent + 1)).length).toBe(sent + 1);
  }, 20_000);

  test("slow-disk: acknowledgements of what is stored are late in all protocols, the rest is not", async () => {
    await using world = await World.start({ kafka: { brokers: 1 } });
    const [producer, client, connection] = [await world.producer(), await world.mqtt(), await world.amqp()];
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue("q");
    await producer.send({ topic: "t", messages: [{ value: "0" }] });
    world.rule({ preset: { "slow-disk": { from: "1h", to: "2h" } } });
    await until(() => world.havoq.rules.list().length === 1);
    await Bun.sleep(5);
    const acks = [
      producer.send({ topic: "t", acks: 1, timeout: 30_000, messages: [{ value: "1" }] }),
      client.publishAsync("t", "1", { qos: 1 }),
      client.publishAsync("t", "2", { qos: 2 }),
      new Promise((done) => channel.sendToQueue("q", Buffer.from("1"), {}, done)),
    ].map((one) => one.then(() => "acknowledged"));
    expect(await Promise.all(acks.map((one) => Promise.race([one, Bun.sleep(50).then(() => "late")])))).toEqual([
      "late",
      "late",
      "late",
      "late",
    ]);
    // Stored it is.
    await until(() => partition(world).end === 2 && world.havoq.amqp!.vhosts.get("/")!.queues.get("q")!.items.ready === 1);
    await client.publishAsync("t", "3", { qos: 0 });
    await world.havoq.clock.advance(7_200_000);
    expect(await Promise.all(acks)).toEqual(["acknowledged", "acknowledged", "acknowledged", "acknowledged"]);
  }, 20_000);

  test("split-brain: what the losing side wrote was acknowledged, and is nowhere", async () => {
    await using world = await World.start();
    const [loser, winner] = [await world.producer({ clientId: "side-b" }), await world.producer({ clientId: "side-a" })];
    await loser.send({ topic: "t", messages: [{ value: "before" }] });
    expect(() => world.rule({ preset: "split-brain" })).toThrow("losing side");
    const { leader } = partition(world);
    world.rule({ match: { client: "side-b", topic: "t" }, preset: { "split-brain": { for: "30s" } } });
    await until(() => partition(world).leader !== leader);
    expect((await loser.send({ topic: "t", messages: [{ value: "lost" }] }))[0]!.errorCode).toBe(0);
    await winner.send({ topic: "t", messages: [{ value: "kept" }] });
    await world.havoq.clock.advance(31_000);
    expect(partition(world).leader).toBe(leader);
    await loser.send({ topic: "t", messages: [{ value: "after" }] });
    expect(await (await world.consumer("t", { groupId: "g" })).until(3)).toEqual(["before", "kept", "after"]);
  }, 20_000);

  test("thundering-herd: everybody is cut at once and comes back at once, slowly", async () => {
    await using world = await World.start({ kafka: { brokers: 1 } });
    const clients = await Promise.all(Array.from({ length: 20 }, (_, i) => world.mqtt({ clientId: `c${i}` })));
    let [closed, back] = [0, 0];
    for (const client of clients) client.on("close", () => void closed++).on("connect", () => void back++);
    const rule = world.rule({ preset: { "thundering-herd": { down: "50ms", slow: "1h", ms: "200ms" } } });
    await until(() => back === 20);
    expect(closed).toBeGreaterThanOrEqual(20);
    expect(rule.fired).toBeGreaterThan(20);
  }, 20_000);

  test("poison-pill: once, one message that nobody can parse lies before another one", async () => {
    await using world = await World.start({ kafka: { brokers: 1 } });
    const producer = await world.producer();
    world.rule({ match: { topic: "orders" }, preset: { "poison-pill": { payload: "{not json" } } });
    for (const id of [1, 2]) await producer.send({ topic: "orders", messages: [{ value: JSON.stringify({ id }) }] });
    const read = await (await world.consumer("orders", { groupId: "g" })).until(3);
    expect(read).toEqual(["{not json", '{"id":1}', '{"id":2}']);
  }, 20_000);

  test("token-expiry: cut, refused, and let in again", async () => {
    await using world = await World.start();
    const client = await world.mqtt({ reconnectPeriod: 10 });
    const refusals: string[] = [];
    let back = 0;
    client.on("error", (error) => void refusals.push(error.message)).on("connect", () => void back++);
    const connection = await world.amqp();
    const closed = new Promise<void>((done) => connection.once("close", () => done()));
    world.rule({ preset: { "token-expiry": { for: "60s" } } });
    await closed;
    expect((await failure(world.amqp())).message).toMatch(/403|ACCESS.REFUSED/);
    await until(() => refusals.some((text) => text.includes("Not authorized")));
    expect(back).toBe(0);
    await world.havoq.clock.advance(60_000);
    // MQTT.js gives up when it is told that it may not come in; a client with a new token comes anew.
    await world.mqtt();
    await world.amqp();
  }, 20_000);

  test("token-expiry of one user alone leaves the others connected", async () => {
    await using world = await World.start();
    const [alice, bob] = await Promise.all(["alice", "bob"].map((username) => world.mqtt({ username, password: "x", reconnectPeriod: 0 })));
    const cut = new Promise<void>((resolve) => alice!.once("close", () => resolve()));
    world.rule({ match: { user: "alice" }, preset: { "token-expiry": { for: "60s" } } });
    await cut;
    expect(bob!.connected).toBe(true);
    await bob!.publishAsync("still", "here", { qos: 1 });
  }, 20_000);

  test("each is tried above, and is in the documentation", async () => {
    const [tests, docs] = [await Bun.file(import.meta.path).text(), await Bun.file(`${import.meta.dir}/../../docs/CHAOS.md`).text()];
    for (const { name } of presets) {
      expect(tests).toContain(`test("${name}`);
      expect(docs).toContain(`\`${name}\``);
    }
  });
});
