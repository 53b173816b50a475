/**
 * Errors that answer whoever asked for something: each is a class with a name, and says which HTTP status it has. Any
 * other error is a failure of havoq's own, and is answered with 500.
 */
import { nearest } from "./nearest.ts";

export type HttpStatus = 400 | 401 | 403 | 404 | 409 | 413 | 415 | 421 | 500 | 501 | 503 | 504;

export interface NamedError extends Error {
  readonly status: HttpStatus;
  /** Where in what was given. */
  readonly path?: readonly (string | number)[] | undefined;
  /** The known word that was most likely meant. */
  readonly didYouMean?: string | undefined;
}

export function isNamed(error: unknown): error is NamedError {
  return error instanceof Error && typeof (error as Partial<NamedError>).status === "number";
}

/** What was given is of the wrong kind, and would be at any time. */
export class ArgumentError extends TypeError implements NamedError {
  override readonly name: string = "ArgumentError";
  readonly status = 400;
  constructor(
    message: string,
    readonly path?: readonly (string | number)[],
    readonly didYouMean?: string,
  ) {
    super(message);
  }
}

/** There is no such broker, topic, partition or vhost. */
export class NotFoundError extends RangeError implements NamedError {
  override readonly name = "NotFoundError";
  readonly status = 404;
  constructor(
    message: string,
    readonly didYouMean?: string,
    readonly path?: readonly (string | number)[],
  ) {
    super(message);
  }
}

/** It cannot be done as things are now: the broker that should lead is down, the topic may not be created. */
export class NotPossibleError extends RangeError implements NamedError {
  override readonly name = "NotPossibleError";
  readonly status = 400;
}

/** The protocol is switched off. */
export class NotEnabledError extends Error implements NamedError {
  override readonly name = "NotEnabledError";
  readonly status = 404;
  constructor(protocol: string) {
    super(`${protocol} is not enabled`);
  }
}

/** A state did not come in time. */
export class TimeoutError extends Error implements NamedError {
  override readonly name = "TimeoutError";
  readonly status = 504;
}

/** `there is no topic ordrs: did you mean orders?` */
export function notFound(what: string, name: string, known: Iterable<string>): NotFoundError {
  const near = nearest(name, [...known]);
  return new NotFoundError(`there is no ${what} ${name}${near === null ? "" : `: did you mean ${near}?`}`, near ?? undefined);
}
