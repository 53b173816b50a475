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

/** An operation that the broker refuses, in the words of RabbitMQ: `NOT_FOUND - no queue 'x' in vhost '/'`. */
export class AmqpError extends Error {
  override readonly name = "AmqpError";
  constructor(
    readonly reply: ReplyName,
    message: string,
  ) {
    super(`${reply} - ${message}`);
  }

  get code(): number {
    return REPLIES[this.reply].code;
  }
  get hard(): boolean {
    return REPLIES[this.reply].hard;
  }
}

/** What a plugin's `fail` becomes. */
export function refusal({ code, reason }: { readonly code: string; readonly reason?: string }): AmqpError {
  if (!Object.hasOwn(REPLIES, code)) return new AmqpError("INTERNAL_ERROR", `a plugin failed with ${code}, which is no reply code`);
  return new AmqpError(code as ReplyName, reason ?? "refused by a plugin");
}
