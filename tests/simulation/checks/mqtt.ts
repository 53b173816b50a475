import { meets, type MqttPeer } from "../clients/mqtt-peer.ts";
import { count, type Fate, type Fates, idOf, must } from "../ledger.ts";
import { BEGINNING, type World } from "../world.ts";

export function checkMqtt(world: World, fates: Fates): void {
  for (const peer of world.peers) {
    checkCopies(world, fates, peer);
    checkOrder(world, fates, peer);
    checkExpired(world, fates, peer);
  }
  checkDue(world, fates);
  checkBroker(world);
}

const isMqtt =
  (topic: string) =>
  (to: any): boolean =>
    to.protocol === "mqtt" && to.topic === topic;

/** Nothing invented; nothing twice that is not marked, explained, or retained. */
function checkCopies(world: World, fates: Fates, peer: MqttPeer): void {
  /** Copies that are not marked as sent before, by session. */
  const fresh = new Map<string, number>();
  const exact = new Map<string, number>();
  for (const { payload, topic, qos, dup, retain, incarnation } of peer.received) {
    const message = world.ledger.origin(payload);
    must(
      payload === message.id || fates.about(payload, "message replace", "delivery replace", "request").length > 0,
      () => `${peer.name} got ${payload}, which nobody wrote`,
    );
    const own = message.protocol === "mqtt" && message.to.startsWith(`${topic} `);
    must(
      own || fates.rerouted(message.id, isMqtt(topic)) > 0,
      () => `${peer.name} got ${payload} on ${topic}, which was sent to ${message.to}`,
    );
    if (retain) continue;
    if (!dup) count(fresh, `${message.id} ${incarnation}`);
    if (qos === 2) count(exact, `${message.id} ${incarnation}`);
  }
  const most = (id: string, transmissions: number): number =>
    transmissions + fates.doubled(id) + fates.rerouted(id, (to) => to.protocol === "mqtt");
  for (const [key, found] of fresh) {
    const [id] = key.split(" ") as [string];
    const doubled = fates.about(id, "delivery duplicate").reduce((sum, { entry }) => sum + (entry.detail as { times: number }).times, 0);
    // A copy that is sent again in QoS 0 cannot say so.
    const lowered = fates.about(id, "delivery replace").filter((fate) => fate.client === peer.name && isLowered(fate)).length;
    const allowed = most(id, world.ledger.origin(id).attempts) + doubled + lowered;
    must(found <= allowed, () => `${peer.name} got ${id} ${found} times without DUP, ${allowed} can be explained`);
  }
  for (const [key, found] of exact) {
    const [id] = key.split(" ") as [string];
    const { to, attempts } = world.ledger.origin(id);
    // What was published in QoS 2 is passed on once, however often it was sent.
    const allowed = most(id, to.endsWith(" 2") ? 1 : attempts);
    must(found <= allowed, () => `${peer.name} got ${id} ${found} times in QoS 2, ${allowed} can be explained`);
  }
}

/** Messages of one publisher, topic and QoS come in the order in which they were sent [MQTT-4.6.0-6]. */
function checkOrder(world: World, fates: Fates, peer: MqttPeer): void {
  const latest = new Map<string, { n: number; id: string }>();
  const seen = new Set<string>();
  for (const { payload, retain } of peer.received) {
    const message = world.ledger.origin(payload);
    if (message.protocol !== "mqtt" || retain || seen.has(message.id)) continue;
    seen.add(message.id);
    const key = `${message.by} ${message.to}`;
    const before = latest.get(key);
    if (before !== undefined && before.n > message.n) {
      const excused = fates.about(message.id, "message", "delivery", "request").length > 0 || fates.of(peer.name, "bytes drop").length > 0;
      must(excused, () => `${peer.name} got ${message.id} after ${before.id}`);
    } else latest.set(key, { n: message.n, id: message.id });
  }
}

/** What expired on its way to a client does not come again, where it was the only copy and its turn came at once. */
function checkExpired(world: World, fates: Fates, { name, received }: MqttPeer): void {
  const waits = ["delivery delay", "delivery hold", "response delay", "response hold"];
  const ends = ["delivery close", "delivery hang", "response close", "response hang", "bytes close", "bytes hang"];
  if (fates.of(name, ...waits).length > 0) return;
  for (const { entry } of fates.of(name, "delivery expire")) {
    const { id, protocol, attempts } = world.ledger.origin(entry.reason!);
    if (protocol !== "mqtt" || attempts > 1 || world.peers.some(({ retained }) => retained.has(id))) continue;
    if (fates.doubled(id) + fates.rerouted(id, (to) => to.protocol === "mqtt") > 0) continue;
    // Where the connection ended first it did not expire.
    if (fates.of(name, ...ends).some((fate) => fate.entry.at === entry.at)) continue;
    const again = received.some(({ payload, at }) => idOf(payload) === id && at > BEGINNING + entry.at);
    must(!again, () => `${name} got ${id}, which had expired`);
  }
}

/** A hook made QoS 0 of it: then it may be lost. */
function isLowered({ entry }: Fate): boolean {
  return (entry.detail as { changes: { qos?: number } }).changes.qos === 0;
}

/** Whoever had to get a message got it. */
function checkDue(world: World, fates: Fates): void {
  for (const { message, to, incarnation } of world.due) {
    if (to.incarnation !== incarnation) continue;
    if (to.received.some(({ payload }) => idOf(payload) === message.id)) continue;
    const taken =
      fates.about(message.id, "message drop", "message reroute", "request reply").length > 0 ||
      fates.about(message.id, "message replace").some(isLowered) ||
      fates
        .about(message.id, "delivery reroute", "delivery expire", "delivery replace")
        .some((fate) => fate.client === to.name && (fate.kind !== "replace" || isLowered(fate)));
    must(taken, () => `${to.name} never got ${message.id}, sent to ${message.to} and acknowledged`);
  }
}

/** Nothing is left on the way, and the broker's sums agree with its parts. */
function checkBroker(world: World): void {
  const broker = world.havoq.mqtt!;
  let subscriptions = 0;
  for (const session of broker.sessions.values()) {
    subscriptions += session.subscriptions.size;
    must(
      session.queued === 0 && session.unacknowledged === 0,
      () => `${session.queued} messages wait for ${session.clientId}, ${session.unacknowledged} are not acknowledged`,
    );
    must(session.received.size === 0, () => `packets ${[...session.received]} of ${session.clientId} are not released`);
  }
  must(broker.subscriptions.size === subscriptions, () => `${broker.subscriptions.size} subscriptions, and sessions have ${subscriptions}`);
  must(
    broker.queuedBytes === 0 && broker.backlog === 0,
    () => `${broker.queuedBytes} bytes are queued and ${broker.backlog} in backlogs, of nothing`,
  );
  must(broker.connected === world.peers.length, () => `${broker.connected} clients are connected, not ${world.peers.length}`);
  for (const topic of broker.retained.topics()) {
    const payload = broker.retained.get(topic, world.now())!.payload.toString();
    must(meets("#", topic) && world.ledger.origin(payload) !== undefined, () => `${payload} is retained on ${topic}`);
  }
}
