import { batches } from "../../../src/kafka/wire/batch.ts";
import { records } from "../../../src/kafka/wire/records.ts";
import { PARTITIONS, indexOf, topicOf } from "../clients/kafka-map.ts";
import { GROUP } from "../clients/kafka-member.ts";
import type { Fetched, Reset } from "../clients/kafka-reader.ts";
import { count, type Fates, idOf, must, type Sent } from "../ledger.ts";
import type { World } from "../world.ts";

/** What lies in one partition, and what lay there before its log was cut. */
interface Stored {
  readonly start: number;
  readonly end: number;
  /** Payloads by offset. */
  readonly at: Map<number, string>;
  readonly sequences: Set<string>;
}

export function checkKafka(world: World, fates: Fates): void {
  const logs = new Map(PARTITIONS.map((partition) => [partition, readLog(world, partition)]));
  for (const [partition, stored] of logs) {
    checkLog(world, fates, partition, stored);
    checkCut(fates, partition, stored);
    for (const reader of world.readers) checkReading(fates, partition, stored, reader);
    checkGroup(world, fates, partition, stored);
  }
  checkProduced(world, fates, logs);
  checkAssignments(world);
}

function readLog(world: World, name: string): Stored {
  const { log } = world.havoq.kafka!.partition(topicOf(name), indexOf(name))!;
  const at = new Map<number, string>();
  const sequences = new Set<string>();
  let next = 0;
  for (const entry of [...world.cut.get(name)!, ...log.read(0, Infinity, true)]) {
    must(entry.base === next, () => `${name}: an entry begins at ${entry.base}, the one before ended at ${next}`);
    for (const batch of batches(entry.bytes)) {
      must(
        batch.intact && batch.baseOffset === next,
        () => `${name}: batch at ${batch.baseOffset} where ${next} is due, checksum ${batch.intact}`,
      );
      if (batch.producerId >= 0) {
        const sequence = `${batch.producerId} ${batch.producerEpoch} ${batch.baseSequence}`;
        must(!sequences.has(sequence), () => `${name}: sequence ${batch.baseSequence} of producer ${batch.producerId} is stored twice`);
        sequences.add(sequence);
      }
      for (const record of records(batch)) at.set(record.offset, String(record.value));
      next = batch.baseOffset + batch.lastOffsetDelta + 1;
    }
    must(entry.next === next, () => `${name}: an entry ends at ${entry.next}, its batch at ${next}`);
  }
  must(log.end === next, () => `${name}: the log ends at ${log.end}, its last batch at ${next}`);
  return { start: log.start, end: next, at, sequences };
}

/** Nothing invented, nothing doubled without a reason, no hole without one, in the order in which it was sent. */
function checkLog(world: World, fates: Fates, partition: string, { end, at }: Stored): void {
  const copies = new Map<string, number>();
  const latest = new Map<string, number>();
  for (const [offset, payload] of at) {
    const message = world.ledger.origin(payload);
    count(copies, message.id);
    if (message.by === "plugin") must(fates.published.has(message.id), () => `${partition} holds ${payload}, which no plugin published`);
    if (message.to !== partition) {
      const moved = fates.rerouted(message.id, (to) => to.protocol === "kafka" && to.topic === topicOf(partition));
      must(moved > 0 || message.by === "plugin", () => `${partition} holds ${payload}, which was sent to ${message.to}`);
      continue;
    }
    // What a hook sent here by another way, and attempts without idempotence, may overtake and be overtaken.
    if (fates.about(message.id, "message reroute", "delivery reroute").length > 0 || (message.attempts > 1 && message.by === "k-plain"))
      continue;
    const before = latest.get(message.by) ?? -1;
    must(
      message.n >= before || isLate(fates, message),
      () => `${partition}@${offset}: ${payload} comes after a later message of ${message.by}`,
    );
    latest.set(message.by, Math.max(before, message.n));
  }
  for (const [id, found] of copies) {
    const { by, attempts, to } = world.ledger.origin(id);
    const own = to === partition ? (by === "k-plain" ? attempts : 1) : 0;
    const moved = fates.rerouted(id, (target) => target.protocol === "kafka" && target.topic === topicOf(partition));
    const most = own + fates.doubled(id) + moved + (by === "plugin" ? 1 : 0);
    must(found <= most, () => `${partition} holds ${id} ${found} times, ${most} at most can be explained`);
  }
  const holes = end - at.size;
  const taken = fates.all.filter(
    ({ point, kind, entry }) =>
      point === "message" && (kind === "drop" || kind === "reroute") && entry.stream.startsWith(`kafka:${partition}:`),
  );
  must(holes <= taken.length, () => `${partition} has ${holes} holes, and hooks took ${taken.length} records`);
}

/** Retention passed the records that hooks say it did, and no others. */
function checkCut(fates: Fates, partition: string, { start, at }: Stored): void {
  const expired = (payload: string): boolean =>
    fates.about(payload, "delivery expire").some(({ entry }) => /^kafka:(.*?)[:→]/.exec(entry.stream)?.[1] === partition);
  const last = at.get(start - 1);
  must(
    start === 0 || (last !== undefined && expired(last)),
    () => `${partition} begins at ${start}, behind ${last}, which no hook let expire`,
  );
  const gone = new Set([...at].flatMap(([offset, payload]) => (offset < start ? [idOf(payload)] : [])));
  for (const [offset, payload] of at)
    must(
      gone.has(idOf(payload)) || !expired(payload),
      () => `${payload} at ${partition}@${offset} expired, and the log begins at ${start}`,
    );
}

/** A hook kept it back, or the connection it came on, and its producer did not wait for the answer. */
function isLate(fates: Fates, { id, by }: Sent): boolean {
  const waits = (point: string): string[] => [`${point} delay`, `${point} hold`];
  return (
    fates.about(id, ...waits("message"), "message reorder", ...waits("request")).length > 0 ||
    (by === "k-plain" && fates.of(by, ...waits("connect"), ...waits("bytes")).length > 0)
  );
}

/** What the broker acknowledged is where it said it would be, with the holes and the copies that hooks made. */
function checkProduced(world: World, fates: Fates, logs: ReadonlyMap<string, Stored>): void {
  for (const { produced } of world.producers) {
    for (const { partition, baseOffset, ids } of produced) {
      const { at } = logs.get(partition)!;
      const taken = (id: string): boolean => fates.about(id, "message drop", "message reroute").length > 0;
      if (ids.every((id) => world.ledger.origin(id).attempts === 1)) {
        let offset = baseOffset;
        // What stepped aside comes later, in this batch or behind it.
        const aside = new Set(ids.filter((id) => fates.about(id, "message reorder").length > 0));
        const stored = [...at.values()].map(idOf);
        for (const id of aside) must(stored.includes(id), () => `${partition} does not hold ${id}, which let others pass`);
        const holds = (id: string | null): void => {
          while (aside.delete(idOf(at.get(offset) ?? ""))) offset++;
          const found = at.get(offset);
          must(
            (found === undefined ? null : idOf(found)) === id,
            () => `${partition}@${offset} holds ${found ?? "nothing"}, not ${id ?? "nothing"}`,
          );
          offset++;
        };
        for (const id of ids.filter((one) => !aside.has(one)))
          for (let copies = fates.doubled(id); copies >= 0; copies--) holds(taken(id) ? null : id);
      } else {
        // Verdicts may have fallen on an attempt that came to nothing.
        const missing = ids.find((id) => !taken(id) && ![...at.values()].some((payload) => idOf(payload) === id));
        must(missing === undefined, () => `${partition} does not hold ${missing}, which was acknowledged`);
      }
    }
  }
}

interface Reading {
  readonly name: string;
  readonly fetched: readonly Fetched[];
  readonly resets: readonly Reset[];
}

/** The log had been cut behind its position, and this is one of those it then went past. */
function isPassed({ resets }: Reading, partition: string, offset: number): boolean {
  return resets.some((reset) => reset.partition === partition && offset >= reset.from && offset < reset.to);
}

/** A reader gets every record once, in order, and nothing else. */
function checkReading(fates: Fates, partition: string, { end, at }: Stored, reader: Reading): void {
  const { name, fetched } = reader;
  let next = 0;
  const due = (until: number): void => {
    for (; next < until; next++) if (!isPassed(reader, partition, next)) checkMissed(fates, partition, next, at.get(next), name);
  };
  for (const record of fetched) {
    if (record.partition !== partition) continue;
    must(record.offset >= next, () => `${name} got ${partition}@${record.offset} after ${next - 1}`);
    due(record.offset);
    checkContent(fates, record, at, name);
    next = record.offset + 1;
  }
  due(end);
}

function checkContent(fates: Fates, { partition, offset, payload }: Fetched, at: ReadonlyMap<number, string>, name: string): void {
  const stored = at.get(offset);
  must(stored !== undefined, () => `${name} got ${payload} at ${partition}@${offset}, where nothing is`);
  if (payload === stored) return;
  const replaced = fates.about(payload, "delivery replace").filter(({ client }) => client === name).length;
  must(
    idOf(payload) === idOf(stored) && payload.length - stored.length <= replaced,
    () => `${name} got ${payload} at ${partition}@${offset}, where ${stored} is`,
  );
}

function checkMissed(fates: Fates, partition: string, offset: number, payload: string | undefined, name: string): void {
  if (payload === undefined) return;
  const taken = fates.about(payload, "delivery drop", "delivery reroute").some(({ client }) => client === name);
  must(taken, () => `${name} never got ${payload} at ${partition}@${offset}`);
}

/** Everything before a committed position was seen by a member, and the group came to the end. */
function checkGroup(world: World, fates: Fates, partition: string, { end, at }: Stored): void {
  const { members } = world;
  const seen = new Set<number>();
  for (const { fetched, name } of members) {
    for (const record of fetched) {
      if (record.partition !== partition) continue;
      checkContent(fates, record, at, name);
      seen.add(record.offset);
    }
  }
  const committed = world.havoq.kafka!.groups.groups.get(GROUP)!.offsets.get(topicOf(partition), indexOf(partition))?.offset ?? 0;
  must(committed === end, () => `the group committed ${partition} up to ${committed}, and it ends at ${end}`);
  for (const [offset, payload] of at) {
    if (seen.has(offset) || members.some((member) => isPassed(member, partition, offset))) continue;
    const taken = fates
      .about(payload, "delivery drop", "delivery reroute")
      .some(({ client }) => members.some(({ name }) => name === client));
    must(taken, () => `no member got ${payload} at ${partition}@${offset}`);
  }
  const asked = members.flatMap(({ commits }) => commits.filter((one) => one.partition === partition).map(({ offset }) => offset));
  must(
    committed === 0 || asked.includes(committed),
    () => `the group committed ${partition} up to ${committed}, which no member asked for`,
  );
}

/** No partition has two owners in one generation. */
function checkAssignments(world: World): void {
  const owners = new Map<string, string>();
  for (const { assignments } of world.members) {
    for (const { member, generation, leader, partitions } of assignments) {
      for (const partition of partitions) {
        const key = `${generation} ${leader} ${partition}`;
        const owner = owners.get(key);
        must(
          owner === undefined || owner === member,
          () => `${partition} belongs to ${owner} and to ${member} in generation ${generation}`,
        );
        owners.set(key, member);
      }
    }
  }
}
