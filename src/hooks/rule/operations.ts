import type { FactName } from "../event.ts";
import type { Protocol } from "../plugin.ts";

/** The operations of a protocol, each with what a match can ask of it. */
export interface OperationTable {
  /** What clients send. */
  readonly request: ReadonlyMap<string, readonly FactName[]>;
  /** What the broker sends, deliveries apart. */
  readonly response: ReadonlyMap<string, readonly FactName[]>;
  /** What answers an operation, where that has another name and the operation itself is never sent by the broker. */
  readonly answers: ReadonlyMap<string, readonly string[]>;
  /** What brings messages to consumers, and is seen as their delivery only. */
  readonly deliveries: readonly string[];
}

let known: Readonly<Record<Protocol, OperationTable>> | null = null;

/** Makes the protocols' operations known to matches; the binary does it with its own. */
export function registerOperations(tables: Readonly<Record<Protocol, OperationTable>>): void {
  known = tables;
}

/** Null where nobody told which there are. */
export function operationsOf(protocol: Protocol): OperationTable | null {
  return known?.[protocol] ?? null;
}
