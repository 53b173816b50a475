import type { Body } from "./v091/operation-table.ts";
import type { ClientMethod, ServerMethod } from "./v091/methods.ts";
import type { ReplyName } from "./v091/replies.ts";

/** What plugins can say and see of AMQP 0-9-1. */
export interface AmqpVocabulary {
  /**
   * Reply codes by name: hard ones close the connection, the others the channel. `nack` answers a message in
   * confirm mode, elsewhere nobody hears it.
   */
  errors: ReplyName | "nack";
  /** Methods that clients send, `basic.publish` with its arguments only: the message itself is a `message`. */
  requests: { [N in ClientMethod]: Body<N> };
  /** Methods that the broker sends; what `basic.deliver` and `basic.get-ok` carry is a `delivery`. */
  responses: { [N in Exclude<ServerMethod, "basic.deliver">]: Body<N> };
}

declare module "../hooks/plugin.ts" {
  interface Protocols {
    amqp: AmqpVocabulary;
  }
}
