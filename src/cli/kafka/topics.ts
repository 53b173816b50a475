import { ConfigResourceTypes, ConfigSources } from "@platformatic/kafka";
import pc from "picocolors";
import type { Server } from "../lib/options.ts";
import { printDone, printJson, printTable } from "../lib/output.ts";
import { EARLIEST, indexes, knownTopic, LATEST, offsetsAt, withAdmin } from "./connect.ts";

interface Options {
  server: Server;
  json?: boolean;
}

export async function listTopics({ server, json }: Options): Promise<void> {
  const topics = await withAdmin(server, async (admin) => {
    const names = (await admin.listTopics()).sort();
    const found = names.length === 0 ? new Map<string, never>() : (await admin.metadata({ topics: names })).topics;
    return names.map((name) => ({
      name,
      partitions: found.get(name)?.partitionsCount ?? 0,
      replicationFactor: found.get(name)?.partitions[0]?.replicas.length ?? 0,
    }));
  });
  if (json === true) printJson(topics);
  else
    printTable(
      ["topic", "partitions", "replication factor"],
      topics.map((one) => [one.name, one.partitions, one.replicationFactor]),
    );
}

export async function createTopic(
  name: string,
  {
    server,
    partitions = -1,
    replicationFactor = -1,
    config = {},
    json,
  }: Options & { partitions?: number; replicationFactor?: number; config?: Record<string, string> },
): Promise<void> {
  const topic = await withAdmin(server, async (admin) => {
    const configs = Object.entries(config).map(([key, value]) => ({ name: key, value }));
    await admin.createTopics({ topics: [name], partitions, replicas: replicationFactor, configs });
    return knownTopic(admin, name);
  });
  const made = { name, partitions: topic.partitionsCount, replicationFactor: topic.partitions[0]!.replicas.length };
  if (json === true) printJson(made);
  else printDone(`topic ${name} created: partitions ${made.partitions}, replication factor ${made.replicationFactor}`);
}

export async function describeTopic(name: string, { server, json }: Options): Promise<void> {
  const topic = await withAdmin(server, async (admin) => {
    const { partitions } = await knownTopic(admin, name);
    const all = indexes(partitions.length);
    const [start, end] = [await offsetsAt(admin, name, all, EARLIEST), await offsetsAt(admin, name, all, LATEST)];
    const [resource] = await admin.describeConfigs({
      resources: [{ resourceType: ConfigResourceTypes.TOPIC, resourceName: name, configurationKeys: null }],
    } as never);
    return {
      name,
      partitions: partitions.map(({ leader, replicas, isr }, partition) => ({
        partition,
        leader,
        replicas,
        isr,
        start: start.get(partition)!,
        end: end.get(partition)!,
      })),
      config: resource!.configs.map(({ name, value, configSource }) => ({
        name,
        value: value ?? null,
        set: configSource !== ConfigSources.DEFAULT_CONFIG,
      })),
    };
  });
  if (json === true) return printJson(topic);
  console.log(
    `${pc.bold(name)}: partitions ${topic.partitions.length}, messages ${topic.partitions.reduce((sum, { start, end }) => sum + end - start, 0n)}`,
  );
  printTable(
    ["partition", "leader", "replicas", "in sync", "first offset", "next offset"],
    topic.partitions.map(({ partition, leader, replicas, isr, start, end }) => [
      partition,
      leader,
      replicas.join(","),
      isr.join(","),
      start,
      end,
    ]),
  );
  const set = topic.config.filter((one) => one.set);
  if (set.length > 0)
    printTable(
      ["config", "value"],
      set.map((one) => [one.name, one.value]),
    );
}

export async function deleteTopic(name: string, { server, json }: Options): Promise<void> {
  await withAdmin(server, async (admin) => {
    await knownTopic(admin, name);
    await admin.deleteTopics({ topics: [name] });
  });
  if (json === true) printJson({ deleted: name });
  else printDone(`topic ${name} deleted`);
}
