import { DecodeError } from "../../bytes/reader.ts";
import type { Chain, Later } from "../../hooks/chain.ts";
import type { Outgoing } from "../../hooks/plugin.ts";
import type { Close, Hang } from "../../hooks/verdicts.ts";
import { inject, inTurn, Sent } from "../../pipeline/inject.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import { type AdapterAt, applyVerdict } from "../../pipeline/verdict.ts";
import type { Batch } from "../wire/batch.ts";
import { Errors } from "../wire/errors.ts";
import { type RecordDraft, records, rewrite, writeBatch } from "../wire/records.ts";
import { receivedBatch, refusedBatch, storedBatch } from "./account.ts";
import type { KafkaApi, KafkaCall, KafkaEndpoint, Place, Produced } from "./endpoint.ts";
import { bytesOf, headersOf, outgoing, RecordEvent } from "./events.ts";
import { LateRecords } from "./late-records.ts";

/** A batch from within is begun anew at this many bytes of keys and values. */
const BATCH_BYTES = 256 * 1024;

/** One batch on its way in, as its records are looked at. */
interface Opened {
  readonly place: Place;
  /** The records to be stored, and what the hooks were asked about, record by record. */
  readonly drafts: RecordDraft[];
  readonly seen: RecordEvent[];
  /** The offset of the next record: doubled ones take offsets of their own, dropped ones may leave holes. */
  offset: number;
  readonly late: LateRecords;
}

/** What is left to do about a record: nothing, or the batch is refused, or the connection ends. */
type Fate = null | { readonly error: number; readonly reason: string } | { readonly end: Close | Hang };

/** One batch of a Produce request that somebody wanted to see. */
interface Asked {
  readonly place: Place;
  /** Of the request's body. */
  readonly entry: { readonly index: number; readonly records: Buffer | null };
  readonly batch: Batch;
  readonly late: LateRecords | null;
  seen: readonly RecordEvent[] | null;
  fate: Fate;
  produced: Produced | null;
}

/**
 * The way in of records: those of Produce requests, and those that are sent from within, pass the
 * `message` hooks and are accounted for, whoever stores them.
 */
export class Intake {
  constructor(
    private readonly endpoint: KafkaEndpoint,
    private readonly pipeline: Pipeline,
  ) {}

  /** Whether anybody may want to see what requests of this API bring. */
  concerns(api: KafkaApi): boolean {
    return api.records === "in" && (this.pipeline.seesMessages || this.pipeline.observer !== null);
  }

  /** Whether anybody wants to see what this client sends there. */
  sees({ connection }: KafkaCall, place: Place): boolean {
    return this.pipeline.observer !== null || this.pipeline.messages(connection, place.topic.name) !== null;
  }

  // --- Produce ----------------------------------------------------------------------------------

  carryOut(api: KafkaApi, call: KafkaCall, body: any): any {
    const valid = (body.acks === 0 || body.acks === 1 || body.acks === -1) && body.transactionalId === null;
    let asked: Asked[] | null = null;
    const waits: Promise<void>[] = [];
    for (const topic of valid ? body.topicData : []) {
      for (const entry of topic.partitionData) {
        const place = this.endpoint.place(call, topic, entry.index);
        if (place === undefined) continue;
        const { observer } = this.pipeline;
        const chain = this.pipeline.messages(call.connection, place.topic.name);
        if (chain === null && observer === null) continue;
        call.received.keep();
        const { batch, problem } = this.endpoint.examine(call, place, entry.records, body.acks);
        if (batch === null) continue;
        if (observer !== null) receivedBatch(observer, call.connection, place, batch);
        if (problem !== null) {
          if (observer !== null) refusedBatch(observer, call.connection, place, batch, problem);
          continue;
        }
        const late = chain === null ? null : new LateRecords((event) => this.storeLate(place, event));
        const one: Asked = { place, entry, batch, late, seen: null, fate: null, produced: null };
        (asked ??= []).push(one);
        if (chain === null) one.produced = { sent: batch, batch, stored: false };
        else waits.push(this.ask(chain, call, one));
      }
    }
    if (asked === null) return api.handle(call, body);
    const found = asked;
    return waits.length === 0 ? this.store(api, call, body, found) : Promise.all(waits).then(() => this.store(api, call, body, found));
  }

  /** Asks the hooks about every record. A batch that they leave alone stays as it came. */
  private async ask(chain: Chain, { connection }: KafkaCall, one: Asked): Promise<void> {
    const { batch, place } = one;
    const late = one.late!;
    const opened: Opened = { place, drafts: [], seen: [], offset: batch.baseOffset, late };
    one.seen = opened.seen;
    let changed = false;
    try {
      for (const record of records(batch)) {
        const event = new RecordEvent(connection, place, record, null);
        const decision = chain.decide(event);
        const final = decision instanceof Promise ? await decision : decision;
        changed ||= event.changed || final !== null;
        one.fate = applyVerdict(final, { opened, event }, this.onMessage);
        // The producer's check would find it, and is what the broker's finds.
        if (one.fate === null && event.brokenCrc) one.fate = { error: Errors.CORRUPT_MESSAGE, reason: "the checksum does not match" };
        if (one.fate !== null) return;
      }
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      one.fate = { error: Errors.INVALID_RECORD, reason: String(error) };
      return;
    }
    late.close();
    const { offset, drafts } = opened;
    const left = !changed
      ? batch
      : offset === batch.baseOffset
        ? null
        : rewrite(batch, drafts, { lastOffsetDelta: offset - 1 - batch.baseOffset });
    one.produced = { sent: batch, batch: left, stored: false };
  }

  private readonly onMessage: AdapterAt<"message", { opened: Opened; event: RecordEvent }, Fate> = {
    pass: ({ opened, event }) => this.keep(opened, event),
    drop: ({ opened, event }) => {
      this.pipeline.observer?.refused(event, "drop");
      this.leaveOut(opened);
      return null;
    },
    reroute: ({ opened, event }, { to }) => {
      this.pipeline.observer?.refused(event, "reroute");
      this.endpoint.host.publish(outgoing(event, to));
      this.leaveOut(opened);
      return null;
    },
    duplicate: ({ opened, event }, { times }) => {
      for (let i = 0; i <= times; i++) this.keep(opened, event);
      return null;
    },
    later: ({ opened, event }, verdict: Later) => {
      verdict.go(() => opened.late.come(event, () => this.keep(opened, event)));
      return null;
    },
    fail: (_, { code, reason }) => {
      const error = Errors[code as keyof typeof Errors];
      if (error === undefined) this.endpoint.host.print(`kafka: there is no error named ${code}: answered with UNKNOWN_SERVER_ERROR`);
      return { error: error ?? Errors.UNKNOWN_SERVER_ERROR, reason: reason ?? "" };
    },
    close: (_, verdict) => ({ end: verdict }),
  };

  private leaveOut(opened: Opened): void {
    if (this.endpoint.leavesHoles) opened.offset++;
  }

  private keep(opened: Opened, event: RecordEvent): null {
    opened.drafts.push({ ...event.draft(), offset: opened.offset++ });
    opened.seen.push(event);
    return null;
  }

  /** Hands on what is left of the request, and puts the answers of refused batches back into their places. */
  private store(api: KafkaApi, call: KafkaCall, body: any, asked: readonly Asked[]): any {
    const refused = new Map<object, object>();
    const produced = new Map<object, Produced>();
    let end: Close | Hang | null = null;
    for (const { entry, place, fate, produced: left } of asked) {
      if (left !== null) produced.set(entry, left);
      else if (fate !== null && "end" in fate) end ??= fate.end;
      if (fate === null) continue;
      const [errorCode, errorMessage] = "end" in fate ? [Errors.NONE, null] : [fate.error, fate.reason];
      refused.set(entry, { index: entry.index, errorCode, baseOffset: -1, errorMessage, logStartOffset: place.log?.start ?? -1 });
    }
    call.produced = produced;
    const rest = refused.size === 0 ? body : without(body, refused);
    const settle = (answer: any): any => {
      for (const one of asked) this.settle(call, one, answer, rest);
      if (end === null) return answer === null || refused.size === 0 ? answer : merged(body, answer, refused);
      this.pipeline.end(call.connection, end);
      return null;
    };
    const answer = api.handle(call, rest);
    return answer instanceof Promise ? answer.then(settle) : settle(answer);
  }

  private settle({ connection }: KafkaCall, { place, entry, batch, late, seen, fate, produced }: Asked, answer: any, rest: any): void {
    const { observer } = this.pipeline;
    const stored = produced?.stored === true;
    late?.settle(stored);
    if (observer === null) return;
    const told = answerFor(rest, answer, entry);
    if (!stored) {
      const how = fate === null ? (told?.errorCode === 0 ? "repeated" : "error") : "end" in fate ? "close" : "error";
      refusedBatch(observer, connection, place, batch, how);
    } else if (produced!.batch !== null && told !== undefined) {
      storedBatch(observer, connection, place, produced!.batch, told.baseOffset, seen);
    }
  }

  /** A record whose batch is stored, and that others have passed meanwhile. */
  private storeLate(place: Place, event: RecordEvent): void {
    const { offset: _, ...record } = event.draft();
    const problem = this.append(event.connection, place, [record], event);
    if (problem instanceof Promise) {
      void problem.then((why) => {
        if (why !== null) this.endpoint.host.print(`kafka: a record for ${place.name} that others had passed could not be stored: ${why}`);
      });
    }
  }

  // --- From within ------------------------------------------------------------------------------

  /** Puts one record into a topic, past the hooks. @throws RangeError when there is no such place; a promise is rejected with it */
  publish(message: Outgoing): void | Promise<void> {
    if (message.protocol !== "kafka") throw new TypeError(`${message.protocol} messages are not for Kafka`);
    const key = bytesOf(message.key ?? null);
    const timestamp = this.endpoint.host.clock.now();
    const draft = { timestamp, key, value: bytesOf(message.payload), headers: headersOf(message.headers ?? {}) };
    const place = this.endpoint.destination(message, key);
    if (!(place instanceof Promise)) return void this.append(null, place, [draft], null);
    return place.then(async (found) => {
      const problem = await this.append(null, found, [draft], null);
      if (problem !== null) throw new RangeError(problem);
    });
  }

  /**
   * Puts records into their topics as a producer would, to leaders that are there. Those that nobody
   * wants to see go in by batches, one for each partition.
   */
  send(messages: readonly Outgoing[]): Sent | Promise<Sent> {
    const { endpoint, pipeline } = this;
    const sent = new Sent();
    const batches = new Map<Place, { records: RecordDraft[]; bytes: number }>();
    const under: Promise<void>[] = [];
    const now = endpoint.host.clock.now();
    const flush = (place: Place, drafts: RecordDraft[], event: RecordEvent | null = null): void => {
      const tell = (problem: string | null): void => {
        if (problem === null) sent.accepted += drafts.length;
        else for (const _ of drafts) sent.refuse(problem);
      };
      const problem = this.append(null, place, drafts, event);
      if (problem instanceof Promise) under.push(problem.then(tell));
      else tell(problem);
    };
    const flushAll = (): void => {
      for (const [place, { records: drafts }] of batches) flush(place, drafts);
      batches.clear();
    };
    const put = (message: Outgoing, place: Place, key: Uint8Array | null): void | Promise<void> => {
      const problem = endpoint.refusal(place);
      if (problem !== null) return sent.refuse(problem);
      const value = bytesOf(message.payload);
      const headers = headersOf(message.headers ?? {});
      const chain = pipeline.messages(null, place.topic.name);
      const { observer } = pipeline;
      if (chain === null && observer === null) {
        let batch = batches.get(place);
        if (batch === undefined) batches.set(place, (batch = { records: [], bytes: 0 }));
        batch.records.push({ timestamp: now, key, value, headers });
        batch.bytes += (key?.length ?? 0) + (value?.length ?? 0);
        if (batch.bytes < BATCH_BYTES) return;
        flush(place, batch.records);
        batches.delete(place);
        return;
      }
      const event = new RecordEvent(null, place, { offset: 0, timestamp: now, key: asBuffer(key), value: asBuffer(value), headers }, null);
      const store = (): void => {
        const { offset: _, ...draft } = event.draft();
        flush(place, [draft], event);
      };
      return inject({ event, chain, observer, store, reroute: (to) => endpoint.host.publish(outgoing(event, to)) }, sent);
    };
    const one = (message: Outgoing): void | Promise<void> => {
      if (message.protocol !== "kafka") throw new TypeError(`${message.protocol} messages are not for Kafka`);
      const key = bytesOf(message.key ?? null);
      let place: Place | Promise<Place>;
      try {
        place = endpoint.destination(message, key);
      } catch (error) {
        return sent.refuse((error as Error).message);
      }
      if (!(place instanceof Promise)) return put(message, place, key);
      return place.then(
        (found) => put(message, found, key),
        (error: Error) => sent.refuse(error.message),
      );
    };
    const wait = inTurn(messages, one);
    flushAll();
    if (!(wait instanceof Promise) && under.length === 0) return sent;
    return Promise.resolve(wait).then(async () => {
      flushAll();
      await Promise.all(under);
      return sent;
    });
  }

  /** Why it could not be stored; null: it was. */
  private append(
    connection: RecordEvent["connection"],
    place: Place,
    drafts: readonly RecordDraft[],
    event: RecordEvent | null,
  ): string | null | Promise<string | null> {
    const batch = writeBatch({ records: drafts });
    const tell = (offset: number | string): string | null => {
      if (typeof offset === "string") return offset;
      const { observer } = this.pipeline;
      if (observer !== null) storedBatch(observer, connection, place, batch, offset, event === null ? null : [event]);
      return null;
    };
    const offset = this.endpoint.append(place, batch);
    return offset instanceof Promise ? offset.then(tell) : tell(offset);
  }
}

/** The body without these batches. */
function without(body: any, gone: ReadonlyMap<object, object>): any {
  const topicData = body.topicData.map((topic: any) => ({
    ...topic,
    partitionData: topic.partitionData.filter((entry: object) => !gone.has(entry)),
  }));
  return { ...body, topicData: topicData.filter(({ partitionData }: any) => partitionData.length > 0) };
}

/** The answers in the order of the whole request. */
function merged(body: any, answer: any, refused: ReadonlyMap<object, object>): any {
  const others: object[] = answer.responses.flatMap(({ partitionResponses }: any) => partitionResponses);
  let next = 0;
  const responses = body.topicData.map(({ name, topicId, partitionData }: any) => ({
    name,
    topicId,
    partitionResponses: partitionData.map((entry: object) => refused.get(entry) ?? others[next++]),
  }));
  return { ...answer, responses };
}

/** What was answered for one batch of the request that was handed on. */
function answerFor(rest: any, answer: any, entry: object): any {
  if (answer === null) return undefined;
  for (const [t, { partitionData }] of rest.topicData.entries()) {
    const p = partitionData.indexOf(entry);
    if (p >= 0) return answer.responses[t].partitionResponses[p];
  }
  return undefined;
}

function asBuffer(bytes: Uint8Array | null): Buffer | null {
  return bytes === null || Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
