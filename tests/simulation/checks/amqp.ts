import type { AmqpQueue } from "../../../src/amqp/model/queue.ts";
import type { Port } from "../../../src/amqp/broker/port.ts";
import type { AmqpConnection } from "../../../src/amqp/v091/connection.ts";
import type { Connection } from "../../../src/net/connection.ts";
import type { AmqpConsumer, Delivered } from "../clients/amqp-consumer.ts";
import { QUEUES, queuesFor } from "../clients/amqp-wire.ts";
import { count, type Fates, idOf, must, type Sent } from "../ledger.ts";
import type { World } from "../world.ts";

export function checkAmqp(world: World, fates: Fates): void {
  for (const queue of Object.keys(QUEUES)) checkQueue(world, fates, queue);
  for (const consumer of world.consumers) checkOrder(world, fates, consumer);
}

/** The session of a connection, once there is one. */
function sessionOf(connection: Connection): AmqpConnection | null | undefined {
  return (connection["session"] as Port | null)?.["session"] as AmqpConnection | null | undefined;
}

/** Deliveries that wait for their verdict, or their turn. */
export function undecidedOf(connection: Connection): number {
  let sum = 0;
  for (const { consumers } of sessionOf(connection)?.["channels"].values() ?? []) {
    for (const consumer of consumers.values()) sum += consumer["waiting"];
  }
  return sum;
}

/** At any time: what a queue thinks is with consumers is what their channels hold. */
export function inspectQueues(world: World): void {
  const held = new Map<AmqpQueue, number>();
  for (const connection of world.havoq.net.connections({ protocol: "amqp" })) {
    for (const { isOpen, unacked, untagged, transaction } of sessionOf(connection)?.["channels"].values() ?? []) {
      if (!isOpen) continue;
      const settled = transaction?.["settled"].flatMap(({ deliveries }) => deliveries) ?? [];
      for (const { entry, queue, isSettled } of [...unacked["list"], ...untagged]) if (entry !== null && !isSettled) count(held, queue);
      for (const { entry, queue } of settled) if (entry !== null) count(held, queue);
    }
  }
  for (const queue of world.havoq.amqp!.vhosts.get("/")!.queues.values()) {
    must(
      queue.items.unacked === (held.get(queue) ?? 0),
      () => `${queue.name} thinks that ${queue.items.unacked} messages are with consumers, and they have ${held.get(queue) ?? 0}`,
    );
    const bytes = [...queue.items].reduce((sum, { size }) => sum + size, 0);
    must(queue.items.readyBytes === bytes, () => `${queue.name} thinks that it has ${queue.items.readyBytes} bytes, and it has ${bytes}`);
  }
}

/** Queues that a message was sent to. */
function homes(message: Sent): string[] {
  if (message.protocol !== "amqp") return [];
  const [exchange, key] = message.to.split("→") as [string, string];
  return queuesFor(exchange, key);
}

/** How often a message may have come into a queue: sent there, doubled, moved there, or as a dead letter. */
function mayHaveCome(world: World, fates: Fates, queue: string, id: string): number {
  const message = world.ledger.origin(id);
  const moved = fates.rerouted(id, (to) => to.protocol === "amqp" && queuesFor(to.exchange ?? "", to.routingKey ?? "").includes(queue));
  const sent = homes(message).includes(queue) ? 1 : 0;
  const dead = queue === "q.dead" ? rejections(world, id) + expiries(fates, "q.rejecting", id) : 0;
  return sent + (sent > 0 ? fates.doubled(id) : 0) + moved + dead;
}

function rejections(world: World, id: string): number {
  return world.consumers
    .flatMap(({ settled }) => settled)
    .filter((one) => one.queue === "q.rejecting" && one.id === id && one.how === "reject").length;
}

/** How often a hook let a message expire that was on its way out of a queue. */
function expiries(fates: Fates, queue: string, id: string): number {
  return fates.about(id, "delivery expire").filter(({ entry }) => entry.name === queue).length;
}

function checkQueue(world: World, fates: Fates, queue: string): void {
  const { items, consumers } = world.havoq.amqp!.vhosts.get("/")!.queues.get(queue)!;
  must(
    items.ready === 0 && items.unacked === 0,
    () => `${queue}: ${items.ready} messages are ready and ${items.unacked} with consumers, and all were acknowledged`,
  );
  const expected = world.consumers.filter((one) => one.queues.includes(queue)).length;
  must(consumers.count === expected, () => `${queue} has ${consumers.count} consumers, not ${expected}`);

  const deliveries: Delivered[] = world.consumers.flatMap(({ delivered }) => delivered.filter((one) => one.queue === queue));
  const first = new Map<string, number>();
  const seen = new Set<string>();
  for (const { payload, redelivered } of deliveries) {
    const id = idOf(payload);
    must(
      payload === id || fates.about(payload, "message replace", "delivery replace").length > 0,
      () => `${queue} gave out ${payload}, which nobody wrote`,
    );
    seen.add(id);
    if (!redelivered) count(first, id);
  }
  for (const id of seen) {
    const come = mayHaveCome(world, fates, queue, id);
    must(come > 0, () => `${queue} gave out ${id}, which was sent to ${world.ledger.origin(id).to}`);
    const doubled = fates.about(id, "delivery duplicate").reduce((sum, { entry }) => sum + (entry.detail as { times: number }).times, 0);
    must(
      (first.get(id) ?? 0) <= come + doubled,
      () => `${queue} gave out ${id} ${first.get(id)} times as new, ${come + doubled} can be explained`,
    );
  }
  if (queue !== "q.auto") checkLoss(world, fates, queue, seen);
  if (isHeard(world, fates, queue)) checkSettled(world, fates, queue, deliveries);
}

/** No hook kept back what the consumers of a queue said about their deliveries. */
function isHeard(world: World, fates: Fates, queue: string): boolean {
  const about = (name: string): boolean =>
    fates.of(name, "request").some(({ entry }) => ["basic.ack", "basic.nack"].includes(entry.name)) ||
    fates.of(name, "bytes drop").length > 0;
  return !world.consumers.some(({ name, queues }) => queues.includes(queue) && about(name));
}

/** What was settled does not come again. */
function checkSettled(world: World, fates: Fates, queue: string, deliveries: readonly Delivered[]): void {
  for (const { payload, settledBefore } of deliveries) {
    const id = idOf(payload);
    const doubled = fates.about(id, "delivery duplicate").length;
    const come = mayHaveCome(world, fates, queue, id);
    must(
      settledBefore < come || doubled > 0,
      () => `${queue} gave out ${payload} after ${settledBefore} copies were settled, and there were ${come}`,
    );
  }
}

/** What was confirmed, or rejected towards it, was seen by somebody. */
function checkLoss(world: World, fates: Fates, queue: string, seen: ReadonlySet<string>): void {
  for (const message of world.ledger.sent.values()) {
    if (seen.has(message.id)) continue;
    const moved = fates.about(message.id, "delivery reroute").length > 0;
    const taken = moved || fates.about(message.id, "message drop", "message reroute").length > 0 || expiries(fates, queue, message.id) > 0;
    must(
      !message.isAcked || taken || !homes(message).includes(queue),
      () => `nobody got ${message.id} out of ${queue}, and it was confirmed`,
    );
    // What expired there, since nobody got it there, is a dead letter.
    if (queue !== "q.dead" || !message.isAcked || moved || expiries(fates, queue, message.id) > 0) continue;
    const expired =
      expiries(fates, "q.rejecting", message.id) > 0 &&
      !world.consumers.some(({ delivered }) => delivered.some((one) => one.queue === "q.rejecting" && idOf(one.payload) === message.id));
    must(!expired, () => `nobody got ${message.id} out of q.dead, and it expired in q.rejecting`);
  }
}

/** On one channel, what one publisher sent to one address comes in order, but for what comes again. */
function checkOrder(world: World, fates: Fates, { name, delivered }: AmqpConsumer): void {
  const latest = new Map<string, { n: number; id: string }>();
  for (const { payload, queue, redelivered, channel } of delivered) {
    const message = world.ledger.origin(payload);
    if (
      redelivered ||
      !homes(message).includes(queue) ||
      fates.about(message.id, "message reroute", "message reorder", "delivery reroute").length > 0
    )
      continue;
    if (fates.about(message.id, "delivery reorder").some(({ client, entry }) => client === name && entry.name === queue)) continue;
    const key = `${queue} ${channel} ${message.by} ${message.to}`;
    const before = latest.get(key);
    must(before === undefined || before.n <= message.n, () => `${name} got ${message.id} out of ${queue} after ${before!.id}`);
    latest.set(key, { n: message.n, id: message.id });
  }
}
