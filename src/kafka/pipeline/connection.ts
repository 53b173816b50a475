import { DecodeError, Reader } from "../../bytes/reader.ts";
import { EMPTY, Writer } from "../../bytes/writer.ts";
import type { Chain } from "../../hooks/chain.ts";
import type { Close, Fail, Hang, Reply } from "../../hooks/verdicts.ts";
import type { Connection } from "../../net/connection.ts";
import type { CloseReason, Session } from "../../net/session.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import { type AdapterAt, applyVerdict } from "../../pipeline/verdict.ts";
import { CORRELATION_ID, readRequestHeader, skipTags, writeResponseHeader } from "../wire/api.ts";
import { Errors } from "../wire/errors.ts";
import type { KafkaApi, KafkaCall, KafkaEndpoint, Place, Shortcut } from "./endpoint.ts";
import { ConnectionEvent, OperationEvent } from "./events.ts";
import { Intake } from "./intake.ts";
import { Outlet } from "./outlet.ts";
import { Received } from "./received.ts";

/** One request, from its bytes to its answer. */
interface Exchange {
  readonly api: KafkaApi;
  readonly call: KafkaCall;
  /** As it came; what hooks made of it goes to the endpoint. */
  readonly body: any;
  /** The version of the pipeline in which nobody wants to see the answer; -1: that is not known. */
  readonly unseenAt: number;
}

/**
 * One client's connection to one broker. Requests are carried out one after the other, as Kafka does
 * it, so answers keep their order: frame → request hooks → intake → endpoint → outlet → response
 * hooks → frame.
 */
export class KafkaConnection implements Session {
  private readonly pipeline: Pipeline;
  private readonly intake: Intake;
  private readonly outlet: Outlet;
  private readonly apis: readonly KafkaApi[];
  private identified = false;
  /** The call that is being carried out. */
  private call: KafkaCall | null = null;
  /** For what the client sends again and again, in that version of the pipeline. */
  private shortcut: Shortcut | null = null;
  private shortcutApi: KafkaApi | null = null;
  private shortcutAt = -1;
  /** What the last request was about that a shortcut could be for. */
  private lastPlace: Place | null = null;
  /** Of the request that is being read. */
  private readonly reader = new Reader(EMPTY);

  constructor(
    private readonly endpoint: KafkaEndpoint,
    private readonly connection: Connection,
  ) {
    this.pipeline = endpoint.host.pipeline;
    this.intake = new Intake(endpoint, this.pipeline);
    this.outlet = new Outlet(endpoint, this.pipeline);
    this.apis = byKey(endpoint.apis);
  }

  readonly frameLength = (buf: Buffer, pos: number, end: number): number => {
    if (end - pos < 4) return 0;
    const size = buf.readInt32BE(pos);
    const most = this.endpoint.maxRequestSize;
    if (size < 0 || size > most) throw new DecodeError(`a request of ${size} bytes: at most ${most} are read`);
    return 4 + size;
  };

  frame(buf: Buffer, start: number, end: number): boolean {
    const { shortcut, connection, endpoint } = this;
    if (shortcut !== null && !connection.waiting && this.shortcutAt === this.pipeline.version && shortcut.fits(buf, start, end)) {
      return this.takeShortcut(shortcut, buf, start, end);
    }
    const r = this.reader.over(buf, start + 4, end);
    const { apiKey, apiVersion, correlationId, clientId } = readRequestHeader(r);
    const api = this.apis[apiKey];
    if (api === undefined) throw new DecodeError(`request with unknown api key ${apiKey}`);
    const header = { version: apiVersion, correlationId, clientId: clientId ?? "", since: endpoint.host.clock.now() };
    const received = new Received(buf, start, end);
    if (apiVersion < api.first || apiVersion > api.last) {
      if (api.unsupported === undefined) throw new DecodeError(`${api.name} v${apiVersion} is not supported`);
      // Answered in version 0, which everybody can read (KIP-511).
      const call = endpoint.call(connection, { ...header, version: 0 }, received);
      void this.answer({ api, call, body: {}, unseenAt: -1 }, api.unsupported(call));
      return true;
    }
    const call = endpoint.call(connection, header, received);
    if (apiVersion >= api.flexibleFrom) skipTags(r);
    if (!this.identified) {
      const refused = this.identify(clientId ?? "");
      if (refused instanceof Promise) {
        connection.holdInput(refused.then((no) => (no ? undefined : this.request(api, call, r))));
        return false;
      }
      if (refused) return true;
    }
    const pending = this.request(api, call, r);
    if (pending !== undefined) {
      connection.holdInput(pending);
      return false;
    }
    // The reader must not keep the bytes alive.
    r.over(EMPTY, 0, 0);
    return !call.received.isKept;
  }

  /** Kafka has no words for a broken request: the connection just ends. */
  failed(): void {}

  closed(reason: CloseReason): void | Promise<unknown> {
    this.call?.cancel();
    this.endpoint.left?.(this.connection);
    if (!this.identified) return;
    return this.pipeline.disconnect(this.connection, () => new ConnectionEvent(this.connection, "disconnect", reason));
  }

  // --- Connect ----------------------------------------------------------------------------------

  /** The client said its name for the first time. True, also later: it may not come in. */
  private identify(clientId: string): boolean | Promise<boolean> {
    this.identified = true;
    this.connection.identify(clientId, "");
    const decision = this.pipeline.connect(this.connection, () => new ConnectionEvent(this.connection, "connect"));
    return decision instanceof Promise
      ? decision.then((final) => applyVerdict(final, null, this.onConnect))
      : applyVerdict(decision, null, this.onConnect);
  }

  private readonly onConnect: AdapterAt<"connect", null, boolean | Promise<boolean>> = {
    pass: () => false,
    drop: () => new Promise(() => undefined), // open, and silent for ever
    // Kafka has no answer that refuses a connection.
    fail: () => {
      this.connection.close();
      return true;
    },
    close: (_, verdict) => {
      this.pipeline.end(this.connection, verdict);
      return true;
    },
  };

  // --- Requests ---------------------------------------------------------------------------------

  private request(api: KafkaApi, call: KafkaCall, r: Reader): void | Promise<void> {
    const { pipeline, connection, endpoint } = this;
    const asked = pipeline.requests(connection, api.name);
    const told = pipeline.responses(connection, api.name);
    const body = (call.received.body = api.request.decode(call.version, r));
    if (endpoint.learn !== undefined && (asked !== null || told !== null || this.intake.concerns(api) || this.outlet.concerns(api))) {
      const learned = endpoint.learn(api, call, body);
      if (learned !== null) return learned.then(() => (connection.isClosed ? undefined : this.pass(api, call, body, asked, told)));
    }
    return this.pass(api, call, body, asked, told);
  }

  private pass(api: KafkaApi, call: KafkaCall, body: any, asked: Chain | null, told: Chain | null): void | Promise<void> {
    const { pipeline } = this;
    if (asked !== null || told !== null) {
      const event = this.event(api, call, body);
      const chain = asked === null ? null : asked.concerning(event);
      // Hooks on the answer are told apart by what the request names, which is certain where no hook changes it.
      if (chain !== null || (told !== null && told.concerning(event) !== null)) {
        call.received.keep();
        return this.ask(chain, { api, call, body, unseenAt: -1 }, event);
      }
    }
    const exchange: Exchange = { api, call, body, unseenAt: pipeline.version };
    const pending = this.carryOut(exchange, body);
    if (api.shortcut !== undefined && pending === undefined && !call.received.isKept) this.makeShortcut(exchange);
    return pending;
  }

  private ask(chain: Chain | null, exchange: Exchange, event: OperationEvent): void | Promise<void> {
    const decision = chain?.decide(event) ?? null;
    const subject = { exchange, event };
    return decision instanceof Promise
      ? decision.then((final) => (this.connection.isClosed ? undefined : applyVerdict(final, subject, this.onRequest)))
      : applyVerdict(decision, subject, this.onRequest);
  }

  private readonly onRequest: AdapterAt<"request", { exchange: Exchange; event: OperationEvent }, void | Promise<void>> = {
    pass: ({ exchange, event }) => (this.connection.isClosed ? undefined : this.carryOut(exchange, event.body)),
    drop: () => undefined,
    close: (_, verdict) => this.pipeline.end(this.connection, verdict),
    reply: ({ exchange }, { body }) => this.answer(exchange, body, true),
    fail: ({ exchange }, verdict) => this.answer(exchange, this.failure(exchange, verdict)),
  };

  /** Through intake, endpoint and outlet. */
  private carryOut(exchange: Exchange, body: any): void | Promise<void> {
    const { api, call } = exchange;
    let answer: any;
    try {
      answer = this.intake.concerns(api)
        ? this.intake.carryOut(api, call, body)
        : this.outlet.concerns(api)
          ? this.outlet.carryOut(api, call, body)
          : api.handle(call, body);
    } catch (error) {
      call.received.keep(); // nobody knows how far it came
      return this.answer(exchange, this.broken(exchange, error));
    }
    if (!(answer instanceof Promise)) return this.answer(exchange, answer);
    this.call = call;
    return answer
      .catch((error) => this.broken(exchange, error))
      .then((response) => {
        this.call = null;
        return this.answer(exchange, response);
      });
  }

  // --- Shortcuts --------------------------------------------------------------------------------

  private takeShortcut(shortcut: Shortcut, buf: Buffer, start: number, end: number): boolean {
    const { endpoint, connection } = this;
    const { clock } = endpoint.host;
    const api = this.shortcutApi!;
    const header = {
      version: shortcut.version,
      correlationId: buf.readInt32BE(start + CORRELATION_ID),
      clientId: connection.clientId,
      since: clock.now(),
    };
    const call = endpoint.call(connection, header, new Received(buf, start, end));
    let other: object | null;
    try {
      other = shortcut.carryOut(call, connection.out);
    } catch (error) {
      call.received.keep();
      const exchange = { api, call, body: shortcut.body, unseenAt: this.pipeline.version };
      void this.answer(exchange, this.broken(exchange, error));
      return false;
    }
    if (other !== null) void this.answer({ api, call, body: shortcut.body, unseenAt: this.pipeline.version }, other);
    else endpoint.answered(api, undefined, clock.now() - call.since);
    return !call.received.isKept;
  }

  /** A request about the same as the one before may come a third time. */
  private makeShortcut({ api, call, body }: Exchange): void {
    const place = api.shortcut!.place(call, body);
    if (place !== null && place === this.lastPlace && !this.intake.sees(call, place)) {
      this.shortcut = api.shortcut!.make(call, body);
      this.shortcutApi = api;
      this.shortcutAt = this.pipeline.version;
    }
    this.lastPlace = place;
  }

  // --- Answers ----------------------------------------------------------------------------------

  /** @param foreign the body was made by a plugin and may not fit its table */
  private answer(exchange: Exchange, response: any, foreign = false): void | Promise<void> {
    const { connection, endpoint, pipeline } = this;
    const { api, call, body, unseenAt } = exchange;
    if (connection.isClosed) return;
    if (response !== null && api.isSilent?.(body) === true) {
      if (!foreign && api.hasFailed!(response)) connection.close();
      response = null;
    }
    endpoint.answered(api, response, endpoint.host.clock.now() - call.since);
    if (response === null) return;
    const chain = unseenAt === pipeline.version ? null : pipeline.responses(connection, api.name);
    if (chain !== null || connection.waiting) return this.answerInOrder(exchange, chain, response, foreign);
    if (foreign) this.writeForeign(exchange, response);
    else this.write(exchange, response);
  }

  private answerInOrder(exchange: Exchange, chain: Chain | null, response: any, foreign: boolean): void | Promise<void> {
    const event = this.event(exchange.api, exchange.call, response, exchange.body);
    const decision = chain?.decide(event) ?? null;
    this.connection.inOrder(decision, (final) => applyVerdict(final, { exchange, event, response, foreign }, this.onResponse));
    // The next request waits for this answer, as it does in Kafka.
    if (decision instanceof Promise) return decision.then(() => undefined);
  }

  private readonly onResponse: AdapterAt<"response", { exchange: Exchange; event: OperationEvent; response: any; foreign: boolean }> = {
    pass: ({ exchange, event, response, foreign }) => {
      if (!foreign && !event.changed) return this.write(exchange, response);
      this.writeForeign(exchange, event.body);
      // Who is told to slow down is not listened to for as long (KIP-219).
      const { throttleTimeMs } = event.body;
      if (throttleTimeMs > 0) this.connection.holdInput(this.endpoint.host.clock.sleep(throttleTimeMs));
    },
    drop: () => undefined,
    close: (_: unknown, verdict: Close | Hang) => this.pipeline.end(this.connection, verdict),
    reply: ({ exchange }, { body }: Reply) => this.writeForeign(exchange, body),
    fail: ({ exchange }, verdict) => {
      const failure = this.failure(exchange, verdict);
      if (failure !== null) this.write(exchange, failure);
    },
  };

  private write({ api, call }: Exchange, response: any): void {
    const { out } = this.connection;
    if (call.verbatim !== null && call.verbatim.body === response) {
      out.view(call.verbatim.bytes);
      if (api.endsWith?.(response) === true) this.connection.close();
      return;
    }
    const mark = out.open();
    writeResponseHeader(out, api, call.version, call.correlationId);
    api.response.encode(call.version, out, response);
    out.close(mark);
    if (api.endsWith?.(response) === true) this.connection.close();
  }

  /** A body that does not fit its table must not leave half of itself behind. */
  private writeForeign(exchange: Exchange, response: any): void {
    const { api, call } = exchange;
    const w = new Writer();
    try {
      writeResponseHeader(w, api, call.version, call.correlationId);
      api.response.encode(call.version, w, response);
    } catch (error) {
      const instead = this.broken(exchange, error);
      if (instead !== null) this.write(exchange, instead);
      return;
    }
    this.connection.out.u32(w.pos);
    this.connection.out.bytes(w.buf.subarray(0, w.pos));
  }

  private event(api: KafkaApi, call: KafkaCall, body: unknown, request?: any): OperationEvent {
    return new OperationEvent(this.connection, api, call.version, body, this.endpoint.topicsById, request);
  }

  private failure(exchange: Exchange, { code }: Fail): any {
    const error = Errors[code as keyof typeof Errors];
    if (error === undefined) return this.broken(exchange, new Error(`Kafka has no error named ${code}`));
    return exchange.api.refuse(exchange.body, error, exchange.call);
  }

  private broken({ api, call, body }: Exchange, error: unknown): any {
    this.endpoint.host.print(`kafka: ${api.name} v${call.version} of ${call.clientId}: ${String(error)}`);
    return api.refuse(body, Errors.UNKNOWN_SERVER_ERROR, call);
  }
}

const tables = new WeakMap<readonly KafkaApi[], KafkaApi[]>();

function byKey(apis: readonly KafkaApi[]): KafkaApi[] {
  let table = tables.get(apis);
  if (table === undefined) {
    table = [];
    for (const api of apis) table[api.key] = api;
    tables.set(apis, table);
  }
  return table;
}
