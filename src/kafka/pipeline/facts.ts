import { ZERO_UUID } from "../wire/schema.ts";

/** What a request names: the tables spell lists of topics, partitions and groups in a few ways. */
export const TOPICS = ["topics", "topicData", "topicNames"] as const;
const PARTITIONS = ["partitions", "partitionData", "partitionIndexes"] as const;
export const GROUPS = ["groups", "groupsNames", "coordinatorKeys"] as const;

type Body = any;

/** Topics that a request body names, by id where the version says no name. */
export function topicsOf(body: Body, byId: ReadonlyMap<string, { readonly name: string }>): string | string[] {
  // Most requests that carry records name one: nothing needs to be made for it.
  const records: Body[] | undefined = body.topicData;
  if (records?.length === 1 && records[0].name) return records[0].name;
  const names = topicEntries(body).map((topic) => {
    if (typeof topic === "string") return topic;
    const name = topic.name ?? topic.topic;
    return name || (topic.topicId && topic.topicId !== ZERO_UUID ? byId.get(topic.topicId)?.name : undefined);
  });
  return unique(names);
}

export function partitionsOf(body: Body): number[] {
  return unique(
    topicEntries(body).flatMap((topic) =>
      PARTITIONS.flatMap((list) => topic[list] ?? []).map((one: Body) =>
        typeof one === "number" ? one : (one.index ?? one.partition ?? one.partitionIndex),
      ),
    ),
  );
}

export function groupsOf(body: Body): string[] {
  // FindCoordinator asks for transactions and share groups too.
  if (body.keyType > 0) return [];
  const listed = GROUPS.flatMap((list) => body[list] ?? []).map((one: Body) => (typeof one === "string" ? one : one.groupId));
  return unique([body.groupId, body.coordinatorKeys === undefined ? undefined : body.key, ...listed]);
}

/** Ids of topics that a request body names, in versions that have them (KIP-516). */
export function topicIdsOf(body: Body): string[] {
  return unique(topicEntries(body).map((topic) => (topic.topicId === ZERO_UUID ? undefined : topic.topicId)));
}

/** Topics stand at the top, or under each group. */
function topicEntries(body: Body): Body[] {
  const entries: Body[] = [];
  for (const list of TOPICS) if (body[list] != null) entries.push(...body[list]);
  for (const group of body.groups ?? [])
    if (typeof group !== "string") for (const list of TOPICS) if (group[list] != null) entries.push(...group[list]);
  return entries;
}

function unique<T>(values: (T | undefined)[]): T[] {
  // Most requests name one.
  if (values.length === 1) return values[0] === undefined || values[0] === "" ? [] : (values as T[]);
  return [...new Set(values.filter((value) => value !== undefined && value !== ""))] as T[];
}
