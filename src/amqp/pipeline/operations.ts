import type { Final } from "../../hooks/chain.ts";
import type { Close, Fail, Hang } from "../../hooks/verdicts.ts";
import type { Connection } from "../../net/connection.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import { type AdapterAt, applyVerdict } from "../../pipeline/verdict.ts";
import type { Address } from "../model/message.ts";
import { AmqpOperation, type OperationTable } from "./events.ts";

/**
 * What carries methods out behind the stages: the connection of one protocol version. @typeParam Channel null
 * stands for the connection itself
 */
export interface OperationTarget<Channel> {
  readonly table: OperationTable;
  /** The turn of an operation has come that was asked about. False: its connection or channel is over, and nothing is left to do. */
  resume(channel: Channel | null, name: string): boolean;
  carryOut(channel: Channel | null, name: string, args: object): void;
  /** A hook took it: it is not carried out and not answered; what belongs to it still comes. */
  withhold(channel: Channel | null, name: string): void;
  refuse(channel: Channel | null, name: string, args: object, verdict: Fail): void;
  answer(channel: Channel | null, name: string, body: object): void;
  /** An answer was made to fail. */
  refuseAnswer(channel: number, verdict: Fail): void;
  /** Does something later that may fail as an operation does. */
  guard(channel: Channel | null, run: () => void): void;
}

interface Requested<Channel> {
  readonly channel: Channel | null;
  readonly operation: AmqpOperation;
}

interface Answered {
  readonly operation: AmqpOperation;
  readonly write: (args: object) => void;
}

/** The request and response stages of one connection. */
export class Operations<Channel extends { readonly id: number }> {
  constructor(
    private readonly pipeline: Pipeline,
    private readonly connection: Connection,
    private readonly target: OperationTarget<Channel>,
  ) {}

  // --- In ---------------------------------------------------------------------------------------

  /** Whether a hook may want to see this operation before it is carried out. */
  seesRequest(name: string): boolean {
    return this.pipeline.requests(this.connection, name) !== null;
  }

  request(channel: Channel | null, name: string, args: object): void {
    const { connection, target } = this;
    const chain = this.pipeline.requests(connection, name);
    if (chain === null) return target.carryOut(channel, name, args);
    const operation = new AmqpOperation(connection, name, args, channel?.id ?? 0, target.table);
    const subject: Requested<Channel> = { channel, operation };
    const decision = chain.decide(operation);
    if (!(decision instanceof Promise)) return this.settle(decision, subject);
    connection.holdInput(decision.then((final) => target.guard(channel, () => this.settle(final, subject))));
  }

  private settle(final: Final | null, subject: Requested<Channel>): void {
    // While the hooks were asked all may have ended: by one of them, or by an answer that was made to fail.
    if (this.target.resume(subject.channel, subject.operation.operation)) applyVerdict(final, subject, this.onRequest);
  }

  private readonly onRequest: AdapterAt<"request", Requested<Channel>> = {
    pass: ({ channel, operation }) => this.target.carryOut(channel, operation.operation, operation.args),
    drop: ({ channel, operation }) => this.target.withhold(channel, operation.operation),
    close: ({ channel, operation }, verdict) => {
      this.target.withhold(channel, operation.operation);
      this.pipeline.end(this.connection, verdict);
    },
    reply: ({ channel, operation }, { body }) => {
      this.target.withhold(channel, operation.operation);
      this.target.answer(channel, operation.operation, body);
    },
    fail: ({ channel, operation }, verdict) => this.target.refuse(channel, operation.operation, operation.args, verdict),
  };

  // --- Out --------------------------------------------------------------------------------------

  /** Whether a hook may want to see this operation before it is sent. */
  seesResponse(name: string): boolean {
    return this.pipeline.responses(this.connection, name) !== null;
  }

  /** Whether this operation has to go through `respond`: a hook may want to see it, or others are before it. */
  waits(name: string): boolean {
    return this.connection.waiting || this.pipeline.responses(this.connection, name) !== null;
  }

  /**
   * @param write what puts it on the wire, with its arguments as the hooks left them @param about where the
   * message went that is confirmed
   */
  respond(channel: number, name: string, args: object, write: (args: object) => void, about?: Address): void {
    const operation = new AmqpOperation(this.connection, name, args, channel, this.target.table, about);
    const decision = this.pipeline.responses(this.connection, name)?.decide(operation) ?? null;
    this.connection.inOrder(decision, (final) => applyVerdict(final, { operation, write }, this.onResponse));
  }

  private readonly onResponse: AdapterAt<"response", Answered> = {
    pass: ({ operation, write }) => write(operation.args),
    drop: () => undefined,
    close: (_, verdict) => this.pipeline.end(this.connection, verdict),
    reply: ({ operation, write }, { body }) => write(this.target.table.merge(operation.operation, operation.args, body)),
    fail: ({ operation }, verdict) => this.target.refuseAnswer(operation.channel, verdict),
  };

  /** For the operations of a connection that are not asked about by name. */
  end(verdict: Close | Hang): void {
    this.pipeline.end(this.connection, verdict);
  }
}
