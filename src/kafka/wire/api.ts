import { DecodeError, type Reader } from "../../bytes/reader.ts";
import type { Writer } from "../../bytes/writer.ts";
import type { Message } from "./codec.ts";
import type { Draft, Fields, Infer } from "./schema.ts";

/** The tables of one API, and the versions of it that we speak. */
export interface ApiTable<Name extends string = string, Req extends Fields = Fields, Res extends Fields = Fields> {
  readonly key: number;
  readonly name: Name;
  /** The versions we serve: all of them work. */
  readonly first: number;
  readonly last: number;
  /** The first version whose header and body have compact lengths and tags (KIP-482). */
  readonly flexibleFrom: number;
  /** The lowest version that ApiVersions names; below `first` only where clients need to hear it. */
  readonly advertisedFrom: number;
  readonly request: Message<Req>;
  readonly response: Message<Res>;
}

/** An API whose tables are not looked into. */
export type AnyTable = ApiTable<string, any, any>;
export type RequestOf<A> = A extends ApiTable<string, infer Req, any> ? Infer<Req> : never;
export type ResponseOf<A> = A extends ApiTable<string, any, infer Res> ? Infer<Res> : never;
/** What a client has to give to ask. */
export type RequestDraft<A> = A extends ApiTable<string, infer Req, any> ? Draft<Req> : never;

/** Every version we serve, lowest first. */
export function versionsOf({ first, last }: AnyTable): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

/** Where in a frame, its size counted, a request's correlation id lies. */
export const CORRELATION_ID = 8;

/**
 * What comes before every request (RequestHeader v1 and v2):
 *
 * | bytes | field |
 * |---|---|
 * | 2 | api key |
 * | 2 | api version |
 * | 4 | correlation id |
 * | 2 + n | client id, nullable, never compact |
 * | 1 + … | tags, where the API's version is flexible |
 */
export interface RequestHeader {
  apiKey: number;
  apiVersion: number;
  correlationId: number;
  clientId: string | null;
}

/** Reads up to the tags: whether there are any depends on the API, see `skipTags`. */
export function readRequestHeader(r: Reader): RequestHeader {
  try {
    return { apiKey: r.i16(), apiVersion: r.i16(), correlationId: r.i32(), clientId: readClientId(r) };
  } catch (error) {
    throw error instanceof DecodeError ? error.at("request header") : error;
  }
}

function readClientId(r: Reader): string | null {
  const n = r.i16();
  if (n < -1) throw new DecodeError(`negative length ${n}`);
  return n < 0 ? null : r.name(n);
}

export function writeRequestHeader(w: Writer, api: AnyTable, h: RequestHeader): void {
  w.i16(h.apiKey);
  w.i16(h.apiVersion);
  w.i32(h.correlationId);
  if (h.clientId === null) w.i16(-1);
  else {
    w.i16(Buffer.byteLength(h.clientId));
    w.utf8(h.clientId);
  }
  if (h.apiVersion >= api.flexibleFrom) w.u8(0);
}

export function skipTags(r: Reader): void {
  for (let n = r.uvarint(); n > 0; n--) {
    r.uvarint();
    r.skip(r.uvarint());
  }
}

/** ApiVersions answers with header v0 always, so that a client can read it before it knows any version (KIP-511). */
const API_VERSIONS = 18;

export function writeResponseHeader(w: Writer, api: AnyTable, version: number, correlationId: number): void {
  w.i32(correlationId);
  if (version >= api.flexibleFrom && api.key !== API_VERSIONS) w.u8(0);
}

/** Returns the correlation id. */
export function readResponseHeader(r: Reader, api: AnyTable, version: number): number {
  const correlationId = r.i32();
  if (version >= api.flexibleFrom && api.key !== API_VERSIONS) skipTags(r);
  return correlationId;
}
