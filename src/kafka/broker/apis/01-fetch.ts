import { EMPTY } from "../../../bytes/writer.ts";
import { Entry } from "../../../core/log.ts";
import type { Call } from "../call.ts";
import { Errors } from "../../wire/errors.ts";
import { api } from "../api.ts";
import { array, type Draft, type Infer, int16, int32, int64, int8, records, string, struct, uuid } from "../../wire/schema.ts";
import type { Partition } from "../topics.ts";

const request = () => ({
  clusterId: string("12+", { nullable: "12+", tag: 0, default: null }),
  replicaId: int32("0-14", { default: -1 }),
  replicaState: struct(
    {
      replicaId: int32("15+", { default: -1 }),
      replicaEpoch: int64("15+", { default: -1 }),
    },
    "15+",
    { tag: 1 },
  ),
  maxWaitMs: int32(),
  minBytes: int32(),
  maxBytes: int32("3+", { default: 0x7fffffff }),
  isolationLevel: int8("4+", { default: 0 }),
  sessionId: int32("7+", { default: 0 }),
  sessionEpoch: int32("7+", { default: -1 }),
  topics: array({
    topic: string("0-12"),
    topicId: uuid("13+"),
    partitions: array({
      partition: int32(),
      currentLeaderEpoch: int32("9+", { default: -1 }),
      fetchOffset: int64(),
      lastFetchedEpoch: int32("12+", { default: -1 }),
      logStartOffset: int64("5+", { default: -1 }),
      partitionMaxBytes: int32(),
      replicaDirectoryId: uuid("17+", { tag: 0 }),
      highWatermark: int64("18+", { tag: 1, default: 2 ** 63 }),
    }),
  }),
  forgottenTopicsData: array(
    {
      topic: string("7-12"),
      topicId: uuid("13+"),
      partitions: array(int32(), "7+"),
    },
    "7+",
    { default: [] },
  ),
  rackId: string("11+", { default: "" }),
});

const response = () => ({
  throttleTimeMs: int32("1+", { default: 0 }),
  errorCode: int16("7+", { default: 0 }),
  sessionId: int32("7+", { default: 0 }),
  responses: array({
    topic: string("0-12"),
    topicId: uuid("13+"),
    partitions: array({
      partitionIndex: int32(),
      errorCode: int16(),
      highWatermark: int64(),
      lastStableOffset: int64("4+", { default: -1 }),
      logStartOffset: int64("5+", { default: -1 }),
      divergingEpoch: struct(
        {
          epoch: int32("12+", { default: -1 }),
          endOffset: int64("12+", { default: -1 }),
        },
        "12+",
        { tag: 0 },
      ),
      currentLeader: struct(
        {
          leaderId: int32("12+", { default: -1 }),
          leaderEpoch: int32("12+", { default: -1 }),
        },
        "12+",
        { tag: 1 },
      ),
      snapshotId: struct(
        {
          endOffset: int64("0+", { default: -1 }),
          epoch: int32("0+", { default: -1 }),
        },
        "12+",
        { tag: 2 },
      ),
      abortedTransactions: array(
        {
          producerId: int64("4+"),
          firstOffset: int64("4+"),
        },
        "4+",
        { nullable: "4+" },
      ),
      preferredReadReplica: int32("11+", { default: -1 }),
      records: records("0+", { nullable: "0+" }),
    }),
  }),
  nodeEndpoints: array(
    {
      nodeId: int32("16+"),
      host: string("16+"),
      port: int32("16+"),
      rack: string("16+", { nullable: "16+", default: null }),
    },
    "16+",
    { tag: 0 },
  ),
});

/** Topics by id (KIP-516). */
const IDS_FROM = 13;
/** `fetch.max.bytes`. */
const MOST = 57_671_680;

export default api({
  key: 1,
  name: "Fetch",
  versions: "4-18",
  flexible: "12+",
  needs: ["Read Topic"],
  request,
  response,
  records: "out",
  handle(call, body) {
    // Every fetch is a full one: no session is ever begun, which clients take as "no room for one" (KIP-227).
    // A first fetch or a last one (epochs 0 and -1) is a full one whatever session the client leaves behind by it.
    if (body.sessionEpoch > 0) return { errorCode: Errors.FETCH_SESSION_ID_NOT_FOUND, responses: [] };
    const wanted: Wanted[] = [];
    for (const asked of body.topics) {
      const topic = call.topic({ name: asked.topic, topicId: asked.topicId }, IDS_FROM);
      for (const one of asked.partitions) {
        wanted.push({
          partition: topic?.partitions[one.partition],
          missing: call.noTopic(topic, IDS_FROM),
          epoch: one.currentLeaderEpoch,
          lastEpoch: one.lastFetchedEpoch,
          offset: one.fetchOffset,
          most: one.partitionMaxBytes,
        });
      }
    }
    const ready = (): boolean => isReady(call, wanted, body.minBytes);
    if (body.maxWaitMs <= 0 || wanted.length === 0 || ready()) return answer(call, body, wanted);
    const places = wanted.map(({ partition }) => partition!.changed);
    return call.until(places, ready, body.maxWaitMs).then(() => answer(call, body, wanted));
  },
  refuse: (body, error, call) => ({
    errorCode: error,
    responses:
      call.version >= 7
        ? []
        : body.topics.map(({ topic, topicId, partitions }) => ({
            topic,
            topicId,
            partitions: partitions.map(({ partition }) => failed(partition, error)),
          })),
  }),
});

interface Wanted {
  partition: Partition | undefined;
  /** The error when there is no such partition. */
  missing: number;
  epoch: number;
  /** The epoch of the record before `offset` as the client has it, -1 for unknown. */
  lastEpoch: number;
  offset: number;
  most: number;
}

function errorOf(call: Call, { partition, missing, epoch, lastEpoch, offset }: Wanted): number {
  if (partition === undefined) return missing;
  const error = call.leads(partition, epoch);
  if (error !== Errors.NONE) return error;
  if (lastEpoch >= 0 && partition.endOfEpoch(lastEpoch) === undefined) return Errors.OFFSET_OUT_OF_RANGE;
  return offset < partition.log.start || offset > partition.highWatermark ? Errors.OFFSET_OUT_OF_RANGE : Errors.NONE;
}

/** Is there enough to answer, or an error to tell? */
function isReady(call: Call, wanted: readonly Wanted[], minBytes: number): boolean {
  let bytes = 0;
  for (const one of wanted) {
    if (errorOf(call, one) !== Errors.NONE) return true;
    bytes += one.partition!.log.available(one.offset, minBytes - bytes);
    if (bytes >= minBytes) return true;
  }
  return bytes >= minBytes;
}

type Body = Infer<ReturnType<typeof request>>;
type Response = Draft<ReturnType<typeof response>>;
type PartitionData = Response["responses"][number]["partitions"][number];

function answer(call: Call, body: Body, wanted: readonly Wanted[]): Response {
  let room = Math.min(body.maxBytes, MOST);
  let empty = true;
  let i = 0;
  const leaders: number[] = [];
  const responses = body.topics.map(({ topic, topicId, partitions }) => ({
    topic,
    topicId,
    partitions: partitions.map(({ partition: index }): PartitionData => {
      const one = wanted[i++]!;
      const error = errorOf(call, one);
      if (error !== Errors.NONE) {
        if (error === one.missing) return { ...failed(index, error), abortedTransactions: [] };
        if (error !== Errors.NOT_LEADER_OR_FOLLOWER) return failed(index, error);
        const { leader, leaderEpoch } = one.partition!.shown;
        leaders.push(leader);
        return { ...failed(index, error), currentLeader: { leaderId: leader, leaderEpoch } };
      }
      const partition = one.partition!;
      const entries = partition.log.read(one.offset, Math.min(one.most, room), empty);
      for (const { size } of entries) room -= size;
      if (entries.length > 0) {
        empty = false;
        count(call, partition, entries);
      }
      const { highWatermark } = partition;
      return {
        partitionIndex: index,
        errorCode: 0,
        highWatermark,
        lastStableOffset: highWatermark,
        logStartOffset: partition.log.start,
        abortedTransactions: body.isolationLevel === 1 ? [] : null,
        records: Entry.pieces(entries) as readonly Buffer[],
      };
    }),
  }));
  return { responses, nodeEndpoints: call.endpoints(leaders) };
}

function failed(partitionIndex: number, errorCode: number): PartitionData {
  return { partitionIndex, errorCode, highWatermark: -1, abortedTransactions: null, records: EMPTY };
}

function count(call: Call, { topic }: Partition, entries: readonly Entry[]): void {
  const group = call.cluster.groups.groupOf(call.clientId);
  let messages = topic.messagesOut.get(group) ?? 0;
  for (const entry of entries) messages += entry.count;
  topic.messagesOut.set(group, messages);
}
