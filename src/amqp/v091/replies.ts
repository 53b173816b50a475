import type { AmqpError } from "../model/errors.ts";

/**
 * The reply codes of AMQP 0-9-1 (1.2, "constants"). `hard`: the error closes the connection; the
 * others close the channel on which they happened.
 */
export const REPLIES = {
  CONTENT_TOO_LARGE: { code: 311, hard: false },
  NO_ROUTE: { code: 312, hard: false },
  NO_CONSUMERS: { code: 313, hard: false },
  CONNECTION_FORCED: { code: 320, hard: true },
  INVALID_PATH: { code: 402, hard: true },
  ACCESS_REFUSED: { code: 403, hard: false },
  NOT_FOUND: { code: 404, hard: false },
  RESOURCE_LOCKED: { code: 405, hard: false },
  PRECONDITION_FAILED: { code: 406, hard: false },
  FRAME_ERROR: { code: 501, hard: true },
  SYNTAX_ERROR: { code: 502, hard: true },
  COMMAND_INVALID: { code: 503, hard: true },
  CHANNEL_ERROR: { code: 504, hard: true },
  UNEXPECTED_FRAME: { code: 505, hard: true },
  RESOURCE_ERROR: { code: 506, hard: true },
  NOT_ALLOWED: { code: 530, hard: true },
  NOT_IMPLEMENTED: { code: 540, hard: true },
  INTERNAL_ERROR: { code: 541, hard: true },
} as const satisfies Record<string, { code: number; hard: boolean }>;

export type ReplyName = keyof typeof REPLIES;

/** An error that closes a channel or the connection, in the words of RabbitMQ: `NOT_FOUND - no queue 'x' in vhost '/'`. */
export class ReplyError extends Error {
  override readonly name = "ReplyError";
  constructor(
    readonly reply: ReplyName,
    reason: string,
  ) {
    super(`${reply} - ${reason}`);
  }

  /** What an error of the model is in this version: its conditions have the names of reply codes. */
  static of({ condition, reason }: AmqpError): ReplyError {
    return new ReplyError(condition, reason);
  }

  get code(): number {
    return REPLIES[this.reply].code;
  }
  get hard(): boolean {
    return REPLIES[this.reply].hard;
  }
}

/** What a plugin's `fail` becomes. */
export function refusal({ code, reason }: { readonly code: string; readonly reason?: string }): ReplyError {
  if (!Object.hasOwn(REPLIES, code)) return new ReplyError("INTERNAL_ERROR", `a plugin failed with ${code}, which is no reply code`);
  return new ReplyError(code as ReplyName, reason ?? "refused by a plugin");
}
