import type { Writer } from "../../bytes/writer.ts";
import { Message } from "../wire/codec.ts";
import type { ApiTable } from "../wire/api.ts";
import { bounds, type Draft, type Fields, type Infer, type Range } from "../wire/schema.ts";
import type { Call } from "./call.ts";
import type { Partition } from "./topics.ts";

/** One API: both tables, the versions we serve, and what answers it. */
export interface Api<Name extends string = string, Req extends Fields = Fields, Res extends Fields = Fields>
  extends ApiTable<Name, Req, Res>,
    Handling<Infer<Req>, Answer<Res>> {}

/** How an API is carried out. */
interface Handling<Body, Answered> {
  /** Carries it out. Null: there is no answer. */
  handle(call: Call, body: Body): Answered | Promise<Answered>;
  /** The answer that says `error` wherever this API can say it. Null: there is none. */
  refuse(body: Body, error: number, call: Call): Answered;
  /** The client waits for no answer, as with acks=0: an error can only be told by closing the connection. */
  isSilent?(body: Body): boolean;
  /** Whether the answer says that something went wrong. Of an API with `isSilent` only. */
  hasFailed?(answer: Answered): boolean;
  /** The connection ends with this answer. */
  endsWith?(answer: Answered): boolean;
  /** Whether the requests bring records, or the answers do: those pass the intake, or the outlet. */
  readonly records?: "in" | "out";
  /** A quicker way for requests that are nearly the same: see `Shortcut`. */
  readonly shortcut?: {
    /** Where the only records of a request go; a shortcut is made when two in a row go to the same place. Null: none can be made. */
    place(call: Call, body: Body): Partition | null;
    /** Of a request, `buf[start, end)`, that was carried out. Null: its bytes do not lie as usual. */
    make(call: Call, body: Body, buf: Buffer, start: number, end: number): Shortcut | null;
  };
  /** What a client gets that asks in a version from the future; where there is no such answer the connection ends. */
  unsupported?(call: Call): Answered;
}

type Answer<Res extends Fields> = Draft<Res> | null;

/**
 * A client that asks for nearly the same again and again need not have the whole request read and the
 * whole answer laid out each time. Only asked where nobody wants to see the request or what it carries.
 */
export interface Shortcut {
  readonly version: number;
  /** The request without its records. */
  readonly body: any;
  /** Is `buf[start, end)` a request that this one can carry out? */
  fits(buf: Buffer, start: number, end: number): boolean;
  /** Carries out the request that fitted last and writes its answer. Another answer than the usual one is returned instead. */
  carryOut(call: Call, buf: Buffer, out: Writer): object | null;
}

/** An API whose tables are not looked into. */
export type AnyApi = Api<string, any, any>;

interface Definition<Name extends string, Req extends Fields, Res extends Fields> extends Handling<Infer<Req>, Answer<Res>> {
  key: number;
  name: Name;
  versions: Range;
  /** Versions that use compact lengths and tags; null for none. */
  flexible: `${number}+` | null;
  advertisedFrom?: number;
  /** The tables are functions: a start of the broker does not wait for five hundred fields that nobody asked for yet. */
  request: () => Req;
  response: () => Res;
}

export function api<const Name extends string, Req extends Fields, Res extends Fields>(d: Definition<Name, Req, Res>): Api<Name, Req, Res> {
  const { versions, flexible, request, response, ...handling } = d;
  const [first, last] = bounds(versions);
  return {
    advertisedFrom: first,
    ...handling,
    first,
    last,
    flexibleFrom: flexible === null ? Infinity : bounds(flexible)[0],
    request: new Message(d.name, "request", request, flexible),
    response: new Message(d.name, "response", response, flexible),
  };
}
