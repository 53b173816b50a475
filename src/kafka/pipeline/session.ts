import { DecodeError, Reader } from "../../bytes/reader.ts";
import { EMPTY, Writer } from "../../bytes/writer.ts";
import type { Final } from "../../hooks/chain.ts";
import type { Connection } from "../../net/connection.ts";
import type { CloseReason, Session } from "../../net/session.ts";
import produce, { answerTo, IDS_FROM, type ProduceRequest } from "../broker/apis/00-produce.ts";
import apis from "../broker/apis/index.ts";
import { Call } from "../broker/call.ts";
import type { KafkaCluster } from "../broker/cluster.ts";
import { Errors } from "../wire/errors.ts";
import { ConnectionEvent, OperationEvent } from "./events.ts";
import { type AnyApi, CORRELATION_ID, readRequestHeader, skipTags, writeResponseHeader } from "../wire/api.ts";
import { Repeat } from "./repeat.ts";
import type { Partition } from "../broker/topics.ts";

const byKey: AnyApi[] = [];
for (const api of apis as readonly AnyApi[]) byKey[api.key] = api;
const API_VERSIONS = byKey[18]!;
const SASL_AUTHENTICATE = byKey[36]!;
const PRODUCE = byKey[produce.key]!;

/**
 * One client's connection to one virtual broker. Requests are carried out one after the other, as
 * Kafka does it, so answers keep their order.
 */
export class KafkaSession implements Session {
  private identified = false;
  /** The call that is being carried out. */
  private call: Call | null = null;
  /** What the client sends again and again, and the partition that it sent to last. */
  private repeat: Repeat | null = null;
  private lastPartition: Partition | undefined;
  /** Of the request that is being read. */
  private readonly reader = new Reader(EMPTY);

  constructor(
    private readonly cluster: KafkaCluster,
    private readonly connection: Connection,
    private readonly node: number,
  ) {}

  readonly frameLength = (buf: Buffer, pos: number, end: number): number => {
    if (end - pos < 4) return 0;
    const size = buf.readInt32BE(pos);
    const most = this.cluster.options.max_request_size;
    if (size < 0 || size > most) throw new DecodeError(`a request of ${size} bytes: at most ${most} are read`);
    return 4 + size;
  };

  frame(buf: Buffer, start: number, end: number): boolean {
    if (this.repeat !== null && !this.connection.waiting && this.repeat.fits(buf, start, end)) return this.again(this.repeat, buf, start);
    const r = this.reader.over(buf, start + 4, end);
    const { apiKey, apiVersion, correlationId, clientId } = readRequestHeader(r);
    let api = byKey[apiKey];
    if (api === undefined) throw new DecodeError(`request with unknown api key ${apiKey}`);
    const call = new Call(
      this.cluster,
      this.connection,
      this.node,
      apiVersion,
      correlationId,
      clientId ?? "",
      this.cluster.host.clock.now(),
    );
    if (apiVersion < api.first || apiVersion > api.last) {
      if (api !== API_VERSIONS) throw new DecodeError(`${api.name} v${apiVersion} is not supported`);
      this.unknownApiVersions(call);
      return true;
    }
    if (apiVersion >= api.flexibleFrom) skipTags(r);
    if (!this.identified) {
      const refused = this.identify(clientId ?? "");
      if (refused instanceof Promise) {
        this.connection.holdInput(refused.then((no) => (no ? undefined : this.request(api, call, r, start))));
        return false;
      }
      if (refused) return true;
    }
    const pending = this.request(api, call, r, start);
    if (pending !== undefined) {
      this.connection.holdInput(pending);
      return false;
    }
    // Whoever asks for nothing more keeps nothing of what came.
    r.over(EMPTY, 0, 0);
    return !call.kept;
  }

  /** A request like the one before. */
  private again(repeat: Repeat, buf: Buffer, start: number): boolean {
    const { cluster, connection } = this;
    const { clock } = cluster.host;
    const call = new Call(
      cluster,
      connection,
      this.node,
      repeat.version,
      buf.readInt32BE(start + CORRELATION_ID),
      connection.clientId,
      clock.now(),
    );
    call.unwatchedAt = connection.hooks.version;
    let appended;
    try {
      appended = repeat.append(call, buf);
    } catch (error) {
      this.answer(PRODUCE, call, repeat.body, this.broken(PRODUCE, call, repeat.body, error));
      return false;
    }
    if (appended.error !== Errors.NONE) this.answer(PRODUCE, call, repeat.body, answerTo(call, repeat.body, [appended]));
    else {
      cluster.metrics.api(PRODUCE).answered(Errors.NONE, clock.now() - call.since);
      repeat.write(connection.out, call.correlationId, appended);
    }
    return !call.kept;
  }

  /** Remembers a request to the partition that was sent to before. */
  private remember(call: Call, body: ProduceRequest, r: Reader, start: number): void {
    const [topic] = body.topicData;
    const index = topic?.partitionData[0]?.index;
    const partition = index === undefined ? undefined : call.topic(topic!, IDS_FROM)?.partitions[index];
    if (partition !== undefined && partition === this.lastPartition) this.repeat = Repeat.of(call, body, partition, r.buf, start, r.end);
    this.lastPartition = partition;
  }

  /** Kafka has no words for a broken request: the connection just ends. */
  failed(): void {}

  closed(reason: CloseReason): void | Promise<unknown> {
    this.call?.cancel();
    const { hooks } = this.connection;
    if (this.identified && hooks.disconnect !== null) {
      const decision = hooks.disconnect.select(this.connection, "")?.decide(new ConnectionEvent(this.connection, "disconnect", reason));
      if (decision instanceof Promise) return decision;
    }
  }

  /** The client said its name for the first time. True, also later: it may not come in. */
  private identify(clientId: string): boolean | Promise<boolean> {
    this.identified = true;
    this.connection.identify(clientId, "");
    const decision = this.connection.welcome(() => new ConnectionEvent(this.connection, "connect"));
    const obey = (final: Final | null): boolean | Promise<boolean> => {
      if (final === null) return false;
      if (final.kind === "drop") return new Promise(() => undefined); // open, and silent for ever
      // Kafka has no answer that refuses a connection.
      if (final.kind === "close" || final.kind === "hang") this.connection.obey(final);
      else this.connection.close();
      return true;
    };
    return decision instanceof Promise ? decision.then(obey) : obey(decision);
  }

  /** @param start of the frame */
  private request(api: AnyApi, call: Call, r: Reader, start: number): void | Promise<void> {
    const { hooks } = this.connection;
    const asked = hooks.request !== null ? hooks.request.select(this.connection, api.name) : null;
    const told = hooks.response !== null ? hooks.response.select(this.connection, api.name) : null;
    const body = api.request.decode(call.version, r);
    if (asked !== null || told !== null) {
      const event = this.event(api, call, body);
      const chain = asked === null ? null : asked.concerning(event);
      // Hooks on the answer are told apart by what the request names, which is certain where no hook changes it.
      if (chain === null && (told === null || told.concerning(event) === null)) return this.unwatched(api, call, body, r, start);
      call.kept = true;
      if (chain === null) return this.carryOut(api, call, body);
      const decision = chain.decide(event);
      const obey = (final: Final | null): void | Promise<void> => this.obeyRequest(final, api, call, event);
      return decision instanceof Promise ? decision.then(obey) : obey(decision);
    }
    return this.unwatched(api, call, body, r, start);
  }

  /** No hook wants to see the request, nor the answer. */
  private unwatched(api: AnyApi, call: Call, body: any, r: Reader, start: number): void | Promise<void> {
    call.unwatchedAt = this.connection.hooks.version;
    const pending = this.carryOut(api, call, body);
    if (api === PRODUCE && pending === undefined && !call.kept) this.remember(call, body, r, start);
    return pending;
  }

  private obeyRequest(final: Final | null, api: AnyApi, call: Call, event: OperationEvent): void | Promise<void> {
    if (this.connection.isClosed) return;
    switch (final?.kind) {
      case undefined:
        return this.carryOut(api, call, event.body);
      case "drop":
        return;
      case "hang":
      case "close":
        return this.connection.obey(final as Final & { kind: "close" | "hang" });
      case "reply":
        return this.answer(api, call, event.body, (final as Final & { kind: "reply" }).body, true);
      case "fail":
        return this.answer(api, call, event.body, this.failure(api, call, event.body, final as Final & { kind: "fail" }));
    }
  }

  private carryOut(api: AnyApi, call: Call, body: any): void | Promise<void> {
    let answer;
    try {
      answer = api.handle(call, body);
    } catch (error) {
      call.kept = true; // nobody knows how far it came
      return this.answer(api, call, body, this.broken(api, call, body, error));
    }
    if (!(answer instanceof Promise)) return this.answer(api, call, body, answer);
    this.call = call;
    return answer
      .catch((error) => this.broken(api, call, body, error))
      .then((response) => {
        this.call = null;
        return this.answer(api, call, body, response);
      });
  }

  /** @param foreign the body was made by a plugin and may not fit its table */
  private answer(api: AnyApi, call: Call, body: any, response: any, foreign = false): void | Promise<void> {
    const { connection, cluster } = this;
    if (connection.isClosed) return;
    cluster.metrics.api(api).add(response, cluster.host.clock.now() - call.since);
    if (response === null) return;
    const { hooks } = connection;
    const wanted = hooks.response !== null && call.unwatchedAt !== hooks.version && hooks.response.select(connection, api.name) !== null;
    if (wanted || connection.waiting) return this.answerInOrder(api, call, body, response, foreign);
    if (foreign) this.writeForeign(api, call, body, response);
    else this.write(api, call, response);
  }

  private answerInOrder(api: AnyApi, call: Call, body: any, response: any, foreign: boolean): void | Promise<void> {
    const { connection } = this;
    const event = this.event(api, call, response, body);
    const decision = connection.hooks.response?.select(connection, api.name)?.decide(event) ?? null;
    connection.inOrder(decision, (final) => {
      switch (final?.kind) {
        case undefined: {
          if (!foreign && !event.changed) return this.write(api, call, response);
          this.writeForeign(api, call, body, event.body);
          // Who is told to slow down is not listened to for as long (KIP-219).
          const { throttleTimeMs } = event.body;
          if (throttleTimeMs > 0) connection.holdInput(this.cluster.host.clock.sleep(throttleTimeMs));
          return;
        }
        case "hang":
        case "close":
          return connection.obey(final as Final & { kind: "close" | "hang" });
        case "reply":
          return this.writeForeign(api, call, body, (final as Final & { kind: "reply" }).body);
        case "fail": {
          const failure = this.failure(api, call, body, final as Final & { kind: "fail" });
          if (failure !== null) this.write(api, call, failure);
        }
      }
    });
    // The next request waits for this answer, as it does in Kafka.
    if (decision instanceof Promise) return decision.then(() => undefined);
  }

  private write(api: AnyApi, call: Call, response: any): void {
    const { out } = this.connection;
    const mark = out.open();
    writeResponseHeader(out, api, call.version, call.correlationId);
    api.response.encode(call.version, out, response);
    out.close(mark);
    if (api === SASL_AUTHENTICATE && response.errorCode !== 0) this.connection.close();
  }

  /** A body that does not fit its table must not leave half of itself behind. */
  private writeForeign(api: AnyApi, call: Call, body: any, response: any): void {
    const w = new Writer();
    try {
      writeResponseHeader(w, api, call.version, call.correlationId);
      api.response.encode(call.version, w, response);
    } catch (error) {
      const instead = this.broken(api, call, body, error);
      if (instead !== null) this.write(api, call, instead);
      return;
    }
    this.connection.out.u32(w.pos);
    this.connection.out.bytes(w.buf.subarray(0, w.pos));
  }

  private event(api: AnyApi, call: Call, body: unknown, request?: any): OperationEvent {
    return new OperationEvent(this.connection, api, call.version, body, this.cluster.topicsById, request);
  }

  private failure(api: AnyApi, call: Call, body: any, { code }: { code: string }): any {
    const error = Errors[code as keyof typeof Errors];
    if (error === undefined) return this.broken(api, call, body, new Error(`Kafka has no error named ${code}`));
    return api.refuse(body, error, call);
  }

  private broken(api: AnyApi, call: Call, body: any, error: unknown): any {
    this.cluster.host.print(`kafka: ${api.name} v${call.version} of ${call.clientId}: ${String(error)}`);
    return api.refuse(body, Errors.UNKNOWN_SERVER_ERROR, call);
  }

  /** A version of ApiVersions from the future is answered in version 0, which everybody can read (KIP-511). */
  private unknownApiVersions(call: Call): void {
    const asked = new Call(call.cluster, call.connection, call.node, 0, call.correlationId, call.clientId, call.since);
    const response = API_VERSIONS.refuse({} as any, Errors.UNSUPPORTED_VERSION, asked);
    return void this.answer(API_VERSIONS, asked, {}, response);
  }
}
