import type { Channel } from "./channel.ts";
import type { AmqpConnection } from "./connection.ts";
import type { Args, ClassName, ClientMethod, MethodOf } from "./methods.ts";

/** What carries out a method: those of class connection get the connection, the others their channel. */
export type Handler<N extends ClientMethod> = (on: N extends `connection.${string}` ? AmqpConnection : Channel, args: Args<N>) => void;

export interface ClassHandlers<C extends ClassName> {
  readonly name: C;
  readonly methods: { readonly [M in MethodOf<C>]: `${C}.${M}` extends ClientMethod ? Handler<`${C}.${M}`> : never };
}

/**
 * The handlers of one class: every method of the table that a client may send, or it does not
 * compile. A refused method throws ReplyError; an answer is sent with `reply`.
 */
export function amqpClass<C extends ClassName>(name: C, methods: ClassHandlers<C>["methods"]): ClassHandlers<C> {
  return { name, methods };
}
