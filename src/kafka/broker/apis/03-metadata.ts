import type { Call } from "../call.ts";
import { Errors } from "../../wire/errors.ts";
import { CLUSTER_OPERATIONS, NOT_ASKED, TOPIC_OPERATIONS } from "../operations.ts";
import { api } from "../api.ts";
import { array, bool, type Draft, int16, int32, string, uuid, ZERO_UUID } from "../../wire/schema.ts";
import { nameProblem, NO_LEADER, type Partition, Topic } from "../topics.ts";

const request = () => ({
  topics: array(
    {
      topicId: uuid("10+"),
      name: string("0+", { nullable: "10+" }),
    },
    "0+",
    { nullable: "1+" },
  ),
  allowAutoTopicCreation: bool("4+", { default: true }),
  includeClusterAuthorizedOperations: bool("8-10"),
  includeTopicAuthorizedOperations: bool("8+"),
});

const response = () => ({
  throttleTimeMs: int32("3+", { default: 0 }),
  brokers: array({
    nodeId: int32(),
    host: string(),
    port: int32(),
    rack: string("1+", { nullable: "1+", default: null }),
  }),
  clusterId: string("2+", { nullable: "2+", default: null }),
  controllerId: int32("1+", { default: -1 }),
  topics: array({
    errorCode: int16(),
    name: string("0+", { nullable: "12+" }),
    topicId: uuid("10+"),
    isInternal: bool("1+", { default: false }),
    partitions: array({
      errorCode: int16(),
      partitionIndex: int32(),
      leaderId: int32(),
      leaderEpoch: int32("7+", { default: -1 }),
      replicaNodes: array(int32()),
      isrNodes: array(int32()),
      offlineReplicas: array(int32(), "5+"),
    }),
    topicAuthorizedOperations: int32("8+", { default: -2147483648 }),
  }),
  clusterAuthorizedOperations: int32("8-10", { default: -2147483648 }),
  errorCode: int16("13+", { default: 0 }),
});

/** Topics can be asked for by id. */
const IDS_FROM = 12;

export default api({
  key: 3,
  name: "Metadata",
  versions: "0-13",
  flexible: "9+",
  needs: ["Describe Topic", "Create Topic"],
  request,
  response,
  handle(call, body) {
    const { cluster } = call;
    // Ids stand in the table before they can be asked for (KIP-516).
    if (call.version < IDS_FROM && body.topics?.some(({ name, topicId }) => name === null || topicId !== ZERO_UUID)) {
      return { brokers: [], topics: refused(body.topics, Errors.INVALID_REQUEST) };
    }
    const all = body.topics === null || (call.version === 0 && body.topics.length === 0);
    const topics = all
      ? [...cluster.topics.values()].map((topic) => describe(call, topic))
      : once(body.topics!).map((asked) => find(call, asked, body.allowAutoTopicCreation));
    const operations = body.includeTopicAuthorizedOperations ? TOPIC_OPERATIONS : NOT_ASKED;
    return {
      ...call.about(),
      topics: topics.map((topic) => ({ ...topic, topicAuthorizedOperations: operations })),
      clusterAuthorizedOperations: body.includeClusterAuthorizedOperations ? CLUSTER_OPERATIONS : NOT_ASKED,
    };
  },
  refuse: (body, error, asker) => ({
    ...asker.about(),
    topics: refused(body.topics ?? [], error),
    errorCode: error,
  }),
});

type Described = Draft<ReturnType<typeof response>>["topics"][number];

/** Not every version has an answer without a name. */
function refused(topics: readonly { name: string | null; topicId: string }[], errorCode: number): Described[] {
  return topics.map(({ name, topicId }) => ({ errorCode, name: name ?? "", topicId, partitions: [] }));
}

/** A topic that is asked for twice is told once. */
function once<T extends { name: string | null; topicId: string }>(topics: readonly T[]): T[] {
  return [...new Map(topics.map((topic) => [`${topic.topicId} ${topic.name}`, topic])).values()];
}

function find(call: Call, { name, topicId }: { name: string | null; topicId: string }, mayCreate: boolean): Described {
  if (topicId !== ZERO_UUID) {
    const topic = call.cluster.topicsById.get(topicId);
    return topic === undefined ? { errorCode: Errors.UNKNOWN_TOPIC_ID, name: null, topicId, partitions: [] } : describe(call, topic);
  }
  if (name === null) return { errorCode: Errors.INVALID_REQUEST, name, topicId, partitions: [] };
  const topic = mayCreate ? call.cluster.autoCreate(name) : (call.cluster.topics.get(name) ?? unknown(name));
  return topic instanceof Topic ? describe(call, topic) : { errorCode: Errors[topic], name, topicId: ZERO_UUID, partitions: [] };
}

function unknown(name: string): "UNKNOWN_TOPIC_OR_PARTITION" | "INVALID_TOPIC_EXCEPTION" {
  return nameProblem(name) === null ? "UNKNOWN_TOPIC_OR_PARTITION" : "INVALID_TOPIC_EXCEPTION";
}

function describe(call: Call, { name, id, partitions }: Topic): Described {
  return { errorCode: Errors.NONE, name, topicId: id, partitions: partitions.map((one) => describePartition(call, one)) };
}

function describePartition({ cluster }: Call, partition: Partition): Described["partitions"][number] {
  const { leader, leaderEpoch } = partition.shown;
  return {
    errorCode: leader === NO_LEADER ? Errors.LEADER_NOT_AVAILABLE : Errors.NONE,
    partitionIndex: partition.index,
    leaderId: leader,
    leaderEpoch,
    replicaNodes: partition.replicas,
    isrNodes: partition.isr,
    offlineReplicas: partition.replicas.filter((id) => !cluster.nodes.isUp(id)),
  };
}
