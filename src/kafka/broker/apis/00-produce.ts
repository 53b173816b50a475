import { append, type Appended, refused } from "../append.ts";
import { type Answering, Repeat } from "../repeat.ts";
import type { Call } from "../call.ts";
import { Errors } from "../../wire/errors.ts";
import { api } from "../api.ts";
import type { Shortcut } from "../../pipeline/endpoint.ts";
import { array, type Draft, type Infer, int16, int32, int64, records, string, struct, uuid } from "../../wire/schema.ts";
import type { Partition } from "../topics.ts";

/** Topics by id (KIP-516). */
const IDS_FROM = 13;
/** The answer tells where the log begins. */
const LOG_START_FROM = 5;

const request = () => ({
  transactionalId: string("3+", { nullable: "3+", default: null }),
  acks: int16(),
  timeoutMs: int32(),
  topicData: array({
    name: string("0-12"),
    topicId: uuid("13+"),
    partitionData: array({
      index: int32(),
      records: records("0+", { nullable: "0+" }),
    }),
  }),
});

const response = () => ({
  responses: array({
    name: string("0-12"),
    topicId: uuid("13+"),
    partitionResponses: array({
      index: int32(),
      errorCode: int16(),
      baseOffset: int64(),
      logAppendTimeMs: int64("2+", { default: -1 }),
      logStartOffset: int64(`${LOG_START_FROM}+`, { default: -1 }),
      recordErrors: array(
        {
          batchIndex: int32("8+"),
          batchIndexErrorMessage: string("8+", { nullable: "8+", default: null }),
        },
        "8+",
        { default: [] },
      ),
      errorMessage: string("8+", { nullable: "8+", default: null }),
      currentLeader: struct(
        {
          leaderId: int32("10+", { default: -1 }),
          leaderEpoch: int32("10+", { default: -1 }),
        },
        "10+",
        { tag: 0 },
      ),
    }),
  }),
  throttleTimeMs: int32("1+", { default: 0 }),
  nodeEndpoints: array(
    {
      nodeId: int32("10+"),
      host: string("10+"),
      port: int32("10+"),
      rack: string("10+", { nullable: "10+", default: null }),
    },
    "10+",
    { tag: 0 },
  ),
});

/** librdkafka looks for version 0 to see whether it may compress, so Kafka names versions here that it does not take (KAFKA-18659). */
const ADVERTISED_FROM = 0;

const produce = api({
  key: 0,
  name: "Produce",
  versions: "3-13",
  flexible: "9+",
  advertisedFrom: ADVERTISED_FROM,
  needs: ["Write Topic", "Write TransactionalId"],
  request,
  response,
  handle(call, body) {
    const { acks } = body;
    const problem =
      acks < -1 || acks > 1
        ? refused(Errors.INVALID_REQUIRED_ACKS, null, true)
        : body.transactionalId !== null
          ? refused(Errors.INVALID_TXN_STATE, "there are no transactions")
          : null;
    const results: Appended[] = [];
    call.received.isShared = body.topicData.length > 1 || (body.topicData[0]?.partitionData.length ?? 0) > 1;
    for (const asked of body.topicData) {
      const topic = call.topic(asked, IDS_FROM);
      for (const sent of asked.partitionData) {
        const partition = topic?.partitions[sent.index];
        results.push(
          problem ??
            (partition === undefined
              ? refused(call.noTopic(topic, IDS_FROM), null, true)
              : append(call, partition, sent.records, acks, call.produced?.get(sent))),
        );
      }
    }
    return answerTo(call, body, results);
  },
  // Nobody waits for an answer to acks=0: a closed connection is the only way to say that something went wrong.
  isSilent: (body) => body.acks === 0,
  hasFailed: (answer) =>
    answer!.responses.some(({ partitionResponses }) => partitionResponses.some(({ errorCode }) => errorCode !== Errors.NONE)),
  records: "in",
  // A producer that sends to one partition asks for the same again and again, save for the records.
  shortcut: {
    place(call, { topicData, transactionalId, acks }) {
      const [topic] = topicData;
      if (topicData.length !== 1 || topic!.partitionData.length !== 1 || transactionalId !== null || (acks !== 1 && acks !== -1))
        return null;
      const { index, records } = topic!.partitionData[0]!;
      return records === null || records.length === 0 ? null : (call.topic(topic!, IDS_FROM)?.partitions[index] ?? null);
    },
    make(call, body): Shortcut | null {
      const topic = body.topicData[0]!;
      const { index, records } = topic.partitionData[0]!;
      return Repeat.of(ANSWERING, call, body, call.topic(topic, IDS_FROM)!.partitions[index]!, records!);
    },
  },
  refuse: (body, error) => ({
    responses: body.topicData.map(({ name, topicId, partitionData }) => ({
      name,
      topicId,
      partitionResponses: partitionData.map(({ index }) => ({ index, errorCode: error, baseOffset: -1 })),
    })),
  }),
});
export default produce;

type ProduceRequest = Infer<ReturnType<typeof request>>;

/** @param results what became of each batch, in the order of the request */
function answerTo(call: Call, body: ProduceRequest, results: readonly Appended[]): Draft<ReturnType<typeof response>> {
  let next = 0;
  const leaders: number[] = [];
  const responses = [];
  for (const { name, topicId, partitionData } of body.topicData) {
    const topic = call.topic({ name, topicId }, IDS_FROM);
    const partitionResponses = [];
    for (const { index } of partitionData) partitionResponses.push(answerOf(results[next++]!, index, topic?.partitions[index], leaders));
    responses.push({ name, topicId, partitionResponses });
  }
  return leaders.length === 0 ? { responses } : { responses, nodeEndpoints: call.endpoints(leaders) };
}

const ANSWERING: Answering<ProduceRequest> = { table: produce, logStartFrom: LOG_START_FROM, answerTo };

/** @param leaders gets the node that the client should have asked */
function answerOf(
  { error, baseOffset, logAppendTime, reason, records, unread }: Appended,
  index: number,
  partition: Partition | undefined,
  leaders: number[],
) {
  const logStartOffset = partition === undefined || unread ? -1 : partition.log.start;
  const answer = { index, errorCode: error, baseOffset, logAppendTimeMs: logAppendTime, logStartOffset, errorMessage: reason };
  if (error === Errors.NONE) return answer;
  const recordErrors = records?.map((batchIndex) => ({ batchIndex, batchIndexErrorMessage: reason })) ?? [];
  if (error !== Errors.NOT_LEADER_OR_FOLLOWER) return { ...answer, recordErrors };
  const { leader, leaderEpoch } = partition!.shown;
  leaders.push(leader);
  return { ...answer, recordErrors, currentLeader: { leaderId: leader, leaderEpoch } };
}
