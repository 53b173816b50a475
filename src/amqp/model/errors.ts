/**
 * Why an operation is refused, in RabbitMQ's words, and what its error ends: the client's channel or link, or the
 * whole connection. Each version of the protocol has a code of its own for it: `v091/replies.ts`.
 */
export const CONDITIONS = {
  ACCESS_REFUSED: "channel",
  NOT_FOUND: "channel",
  RESOURCE_LOCKED: "channel",
  PRECONDITION_FAILED: "channel",
  COMMAND_INVALID: "connection",
  NOT_IMPLEMENTED: "connection",
} as const satisfies Record<string, Scope>;

export type Scope = "channel" | "connection";
export type Condition = keyof typeof CONDITIONS;

/** An operation that the broker refuses: `NOT_FOUND - no queue 'x' in vhost '/'`. */
export class AmqpError extends Error {
  override readonly name = "AmqpError";
  constructor(
    readonly condition: Condition,
    /** The reason without the condition. */
    readonly reason: string,
  ) {
    super(`${condition} - ${reason}`);
  }

  get scope(): Scope {
    return CONDITIONS[this.condition];
  }
}
