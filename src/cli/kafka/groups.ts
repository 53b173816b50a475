import type { Admin, Group } from "@platformatic/kafka";
import pc from "picocolors";
import { nearest } from "../../core/nearest.ts";
import { CommandError, UsageError } from "../lib/errors.ts";
import type { Server } from "../lib/options.ts";
import { printDone, printJson, printTable } from "../lib/output.ts";
import { EARLIEST, errorName, indexes, knownTopic, LATEST, offsetsAt, withAdmin } from "./connect.ts";

interface Options {
  server: Server;
  json?: boolean;
}

export async function listGroups({ server, json }: Options): Promise<void> {
  const found = await withAdmin(server, (admin) => admin.listGroups());
  const groups = [...found.values()]
    .map(({ id, state, protocolType }) => ({ group: id, state, protocolType }))
    .sort((a, b) => (a.group < b.group ? -1 : 1));
  if (json === true) printJson(groups);
  else
    printTable(
      ["group", "state", "protocol"],
      groups.map((one) => [one.group, one.state, one.protocolType || null]),
    );
}

/** A group that is there; else an error that names those that are. */
async function knownGroup(admin: Admin, name: string): Promise<Group> {
  const group = await admin.describeGroups({ groups: [name] }).then(
    (found) => found.get(name),
    (error) => {
      if (errorName(error) === "GROUP_ID_NOT_FOUND") return undefined;
      throw error;
    },
  );
  if (group !== undefined && group.state !== "DEAD" && String(group.state) !== "Dead") return group;
  const all = [...(await admin.listGroups()).keys()];
  const near = nearest(name, all);
  throw new CommandError(
    `there is no group ${name}: ${near === null ? '"havoq kafka consumer-groups list" lists those that are' : `did you mean ${near}?`}`,
  );
}

export async function describeGroup({ server, group: name, json }: Options & { group: string }): Promise<void> {
  const found = await withAdmin(server, async (admin) => {
    const group = await knownGroup(admin, name);
    const members = [...group.members.values()].map(({ id, clientId, clientHost, assignments }) => ({
      id,
      clientId,
      host: clientHost,
      assigned: [...(assignments?.values() ?? [])].flatMap(({ topic, partitions }) =>
        partitions.map((partition) => ({ topic, partition })),
      ),
    }));
    const committed = new Map<string, bigint>();
    const [offsets] = await admin.listConsumerGroupOffsets({ groups: [name] });
    for (const topic of offsets?.topics ?? [])
      for (const one of topic.partitions) committed.set(`${topic.name} ${one.partitionIndex}`, one.committedOffset);
    for (const { assigned } of members)
      for (const { topic, partition } of assigned) if (!committed.has(`${topic} ${partition}`)) committed.set(`${topic} ${partition}`, -1n);

    const ends = await endOffsets(admin, [...committed.keys()]);
    const partitions = [...committed].map(([place, offset]) => {
      const [topic, partition] = split(place);
      const end = ends.get(place) ?? null;
      const member = members.find(({ assigned }) => assigned.some((one) => one.topic === topic && one.partition === partition));
      const known = offset >= 0n;
      return {
        topic,
        partition,
        offset: known ? offset : null,
        end,
        lag: known && end !== null ? end - offset : null,
        member: member?.clientId ?? null,
      };
    });
    partitions.sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1));
    return {
      group: name,
      state: group.state,
      protocol: group.protocol,
      members: members.map(({ assigned, ...rest }) => ({ ...rest, partitions: assigned.length })),
      partitions,
    };
  });
  if (json === true) return printJson(found);
  console.log(`${pc.bold(name)}: ${found.state}, members ${found.members.length}`);
  printTable(
    ["topic", "partition", "offset", "end", "lag", "member"],
    found.partitions.map((one) => [one.topic, one.partition, one.offset, one.end, one.lag, one.member]),
  );
}

const split = (place: string): [string, number] => {
  const [topic, partition] = place.split(" ");
  return [topic!, Number(partition)];
};

/** Of partitions given as `topic 0`; a topic that is gone has none. */
async function endOffsets(admin: Admin, places: readonly string[]): Promise<Map<string, bigint>> {
  const ends = new Map<string, bigint>();
  const existing = new Set(await admin.listTopics({ includeInternals: true }));
  for (const topic of new Set(places.map((place) => split(place)[0]))) {
    if (!existing.has(topic)) continue;
    const partitions = places
      .map(split)
      .filter(([name]) => name === topic)
      .map(([, partition]) => partition);
    for (const [partition, end] of await offsetsAt(admin, topic, partitions, LATEST)) ends.set(`${topic} ${partition}`, end);
  }
  return ends;
}

export async function resetOffsets({
  server,
  group: name,
  topic,
  to,
  partition,
  json,
}: Options & { group: string; topic: string; to: string; partition?: number }): Promise<void> {
  const wanted = target(to);
  const moved = await withAdmin(server, async (admin) => {
    // A group that is not there yet comes to be by it, as with Kafka's own tool.
    const group = (await admin.listGroups()).has(name) ? await knownGroup(admin, name) : null;
    if (group !== null && group.members.size > 0) {
      throw new CommandError(
        `group ${name} has ${group.members.size} member${group.members.size === 1 ? "" : "s"}: stop them first, they would overwrite it`,
      );
    }
    const { partitionsCount } = await knownTopic(admin, topic);
    if (partition !== undefined && partition >= partitionsCount)
      throw new CommandError(`topic ${topic} has partitions 0 to ${partitionsCount - 1}, not ${partition}`);
    const partitions = partition === undefined ? indexes(partitionsCount) : [partition];
    const [first, last] = [await offsetsAt(admin, topic, partitions, EARLIEST), await offsetsAt(admin, topic, partitions, LATEST)];
    const at = wanted.timestamp === undefined ? new Map<number, bigint>() : await offsetsAt(admin, topic, partitions, wanted.timestamp);
    const offsets = partitions.map((one) => {
      // No message at that time or later: the end. An offset beyond what is there: its nearest end.
      const asked = wanted.offset ?? (at.get(one)! < 0n ? last.get(one)! : at.get(one)!);
      const [least, most] = [first.get(one)!, last.get(one)!];
      return { partition: one, offset: asked < least ? least : asked > most ? most : asked };
    });
    await admin.alterConsumerGroupOffsets({ groupId: name, topics: [{ name: topic, partitionOffsets: offsets }] });
    return offsets;
  });
  if (json === true) printJson({ group: name, topic, partitions: moved });
  else
    printTable(
      ["topic", "partition", "offset"],
      moved.map((one) => [topic, one.partition, one.offset]),
    );
}

function target(to: string): { offset?: bigint; timestamp?: bigint } {
  if (to === "beginning" || to === "earliest") return { timestamp: EARLIEST };
  if (to === "end" || to === "latest") return { timestamp: LATEST };
  if (/^\d+$/.test(to)) return { offset: BigInt(to) };
  const time = /^\d{4}-\d\d-\d\d/.test(to) ? Date.parse(to) : NaN;
  if (Number.isNaN(time)) throw new UsageError(`--to is beginning, end, an offset or a time such as 2026-01-31T12:00:00Z, not ${to}`);
  return { timestamp: BigInt(time) };
}

export async function deleteGroup({ server, group: name, json }: Options & { group: string }): Promise<void> {
  await withAdmin(server, async (admin) => {
    const group = await knownGroup(admin, name);
    if (group.members.size > 0)
      throw new CommandError(`group ${name} has ${group.members.size} member${group.members.size === 1 ? "" : "s"}: stop them first`);
    await admin.deleteGroups({ groups: [name] });
  });
  if (json === true) printJson({ deleted: name });
  else printDone(`group ${name} deleted`);
}
