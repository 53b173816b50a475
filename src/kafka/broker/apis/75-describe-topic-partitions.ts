import type { Call } from "../call.ts";
import { Errors } from "../../wire/errors.ts";
import { TOPIC_OPERATIONS } from "../operations.ts";
import { api } from "../api.ts";
import { array, bool, type Draft, int16, int32, string, struct, uuid, ZERO_UUID } from "../../wire/schema.ts";
import { nameProblem, NO_LEADER, type Partition } from "../topics.ts";

const request = () => ({
  topics: array({
    name: string(),
  }),
  responsePartitionLimit: int32("0+", { default: 2000 }),
  cursor: struct(
    {
      topicName: string(),
      partitionIndex: int32(),
    },
    "0+",
    { nullable: "0+", default: null },
  ),
});

const response = () => ({
  throttleTimeMs: int32("0+", { default: 0 }),
  topics: array({
    errorCode: int16(),
    name: string("0+", { nullable: "0+" }),
    topicId: uuid(),
    isInternal: bool("0+", { default: false }),
    partitions: array({
      errorCode: int16(),
      partitionIndex: int32(),
      leaderId: int32(),
      leaderEpoch: int32("0+", { default: -1 }),
      replicaNodes: array(int32()),
      isrNodes: array(int32()),
      eligibleLeaderReplicas: array(int32(), "0+", { nullable: "0+", default: null }),
      lastKnownElr: array(int32(), "0+", { nullable: "0+", default: null }),
      offlineReplicas: array(int32()),
    }),
    topicAuthorizedOperations: int32("0+", { default: -2147483648 }),
  }),
  nextCursor: struct(
    {
      topicName: string(),
      partitionIndex: int32(),
    },
    "0+",
    { nullable: "0+", default: null },
  ),
});

/** `max.request.partition.size.limit`. */
const PARTITIONS_MOST = 2000;

export default api({
  key: 75,
  name: "DescribeTopicPartitions",
  versions: "0",
  flexible: "0+",
  needs: ["Describe Topic"],
  request,
  response,
  handle(call, body) {
    const { cursor } = body;
    if (
      cursor !== null &&
      (cursor.partitionIndex < 0 || (body.topics.length > 0 && !body.topics.some(({ name }) => name === cursor.topicName)))
    ) {
      return refused(body.topics, Errors.INVALID_REQUEST);
    }
    const names = [...new Set(body.topics.length > 0 ? body.topics.map(({ name }) => name) : call.cluster.topics.keys())].sort();
    let left = Math.min(Math.max(1, body.responsePartitionLimit), PARTITIONS_MOST);
    const topics: Described[] = [];
    const operations = { topicAuthorizedOperations: TOPIC_OPERATIONS };
    for (const name of names) {
      if (cursor !== null && name < cursor.topicName) continue;
      const topic = call.cluster.topics.get(name);
      if (topic === undefined) {
        const errorCode = nameProblem(name) === null ? Errors.UNKNOWN_TOPIC_OR_PARTITION : Errors.INVALID_TOPIC_EXCEPTION;
        topics.push({ errorCode, name, topicId: ZERO_UUID, partitions: [], ...operations });
        continue;
      }
      if (left === 0) return { topics, nextCursor: { topicName: name, partitionIndex: 0 } };
      const from = cursor?.topicName === name ? Math.max(0, cursor.partitionIndex) : 0;
      const page = topic.partitions.slice(from, from + left);
      left -= page.length;
      topics.push({ errorCode: Errors.NONE, name, topicId: topic.id, partitions: page.map((one) => describe(call, one)), ...operations });
      if (from + page.length < topic.partitions.length)
        return { topics, nextCursor: { topicName: name, partitionIndex: from + page.length } };
    }
    return { topics };
  },
  refuse: (body, error) => refused(body.topics, error),
});

type Described = Draft<ReturnType<typeof response>>["topics"][number];

function refused(topics: readonly { name: string }[], errorCode: number): { topics: Described[] } {
  return { topics: topics.map(({ name }) => ({ errorCode, name, topicId: ZERO_UUID, partitions: [] })) };
}

function describe({ cluster }: Call, partition: Partition): Described["partitions"][number] {
  const { leader, leaderEpoch } = partition.shown;
  return {
    errorCode: leader === NO_LEADER ? Errors.LEADER_NOT_AVAILABLE : Errors.NONE,
    partitionIndex: partition.index,
    leaderId: leader,
    leaderEpoch,
    replicaNodes: partition.replicas,
    isrNodes: partition.isr,
    // Every in-sync replica may lead, and nobody else (KIP-966).
    eligibleLeaderReplicas: [],
    lastKnownElr: [],
    offlineReplicas: partition.replicas.filter((id) => !cluster.nodes.isUp(id)),
  };
}
