import produce from "../../broker/apis/00-produce.ts";
import type { Produced } from "../../pipeline/endpoint.ts";
import type { RequestOf, ResponseOf } from "../../wire/api.ts";
import { type Batch, producedBatch, Refused } from "../../wire/batch.ts";
import { Errors } from "../../wire/errors.ts";
import type { GatewayCall } from "../call.ts";
import { Answered, passing } from "../passing.ts";

type Request = RequestOf<typeof produce>;
type Response = ResponseOf<typeof produce>;
type Entry = Request["topicData"][number]["partitionData"][number];
type Told = Response["responses"][number]["partitionResponses"][number];

/** Batches go on as the hooks left them; each producer's sequence goes on as the cluster has to see it. */
export default passing(produce, {
  ask(call, body) {
    if (body.transactionalId !== null) {
      const answer = produce.refuse(body, Errors.INVALID_TXN_STATE, call);
      for (const { partitionResponses } of answer!.responses) {
        for (const one of partitionResponses) Object.assign(one, { errorMessage: "transactions are not passed through the gateway" });
      }
      return new Answered(answer);
    }
    const { sequences } = call.gateway;
    if (call.produced === null && !sequences.inUse) return body;
    let changed = false;
    const topicData = body.topicData.map((topic) => {
      const name = call.gateway.nameOf(topic);
      const partitionData: Entry[] = [];
      for (const entry of topic.partitionData) {
        const { sent, batch } = call.produced?.get(entry) ?? unseen(entry);
        const left = sent === null || name === undefined ? batch : sequences.renumber(`${name}-${entry.index}`, sent, batch);
        changed ||= left !== sent;
        if (left === sent) partitionData.push(entry);
        else if (left !== null) partitionData.push({ index: entry.index, records: left.bytes });
      }
      return { ...topic, partitionData };
    });
    if (!changed) return body;
    const left = topicData.filter(({ partitionData }) => partitionData.length > 0);
    return left.length > 0 ? { ...body, topicData: left } : new Answered(merged(call, body, null));
  },

  answer(call, body, answer, sent) {
    if (answer === null) {
      // With acks=0 there is none: what was handed on counts as stored.
      for (const one of call.produced?.values() ?? []) one.stored = true;
      return null;
    }
    return call.produced === null && sent === body ? answer : merged(call, body, answer);
  },
});

/** What the intake did not look at. */
function unseen({ records }: Entry): Pick<Produced, "batch"> & { sent: Batch | null } {
  const batch = producedBatch(records, Infinity);
  return batch instanceof Refused ? { sent: null, batch: null } : { sent: batch, batch };
}

/** The answers in the order of the request, for which a cluster does not care; what it did not get is told to be stored. */
function merged(call: GatewayCall, body: Request, answer: Response | null): Response {
  const told = new Map<string, Told>();
  for (const { name, topicId, partitionResponses } of answer?.responses ?? []) {
    for (const one of partitionResponses) told.set(`${name} ${topicId} ${one.index}`, one);
  }
  const responses = body.topicData.map(({ name, topicId, partitionData }) => ({
    name,
    topicId,
    partitionResponses: partitionData.map((entry) => {
      const one = told.get(`${name} ${topicId} ${entry.index}`);
      const produced = call.produced?.get(entry);
      if (produced !== undefined) produced.stored = one === undefined || one.errorCode === Errors.NONE;
      return one ?? nothing(entry.index);
    }),
  }));
  return { throttleTimeMs: 0, nodeEndpoints: [], ...answer, responses };
}

function nothing(index: number): Told {
  return {
    index,
    errorCode: Errors.NONE,
    baseOffset: -1,
    logAppendTimeMs: -1,
    logStartOffset: -1,
    recordErrors: [],
    errorMessage: null,
    currentLeader: { leaderId: -1, leaderEpoch: -1 },
  };
}
