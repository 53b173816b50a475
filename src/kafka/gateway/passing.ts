import type { AnyTable, RequestOf, ResponseOf } from "../wire/api.ts";
import type { GatewayCall } from "./call.ts";

/** What the gateway does with one API, beside handing its requests and answers on. */
export interface Passing {
  /** Of the API. */
  readonly key: number;
  /** The request as the cluster gets it, or the answer where it does not get it. */
  ask?(call: GatewayCall, body: any): any;
  /** What the client is told: the same object where it gets what the cluster answered. Null: nothing was answered, and nothing will be. */
  answer?(call: GatewayCall, body: any, answer: any, sent: any): any;
  /** The version that an answer is in; that of the request unless told. @param start of the answer's body in its bytes */
  versionOf?(call: GatewayCall, bytes: Buffer, start: number): number;
}

/** An answer of our own to what the cluster does not get. */
export class Answered {
  constructor(readonly answer: any) {}
}

/** A `Passing` with the types of its API's tables. */
export function passing<A extends AnyTable>(
  api: A,
  how: {
    ask?(call: GatewayCall, body: RequestOf<A>): RequestOf<A> | Answered;
    answer?(call: GatewayCall, body: RequestOf<A>, answer: ResponseOf<A> | null, sent: RequestOf<A>): ResponseOf<A> | null;
    versionOf?(call: GatewayCall, bytes: Buffer, start: number): number;
  },
): Passing {
  return { key: api.key, ...how };
}
