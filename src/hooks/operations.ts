import type { FactName } from "./event.ts";
import type { Protocol } from "./plugin.ts";

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

let makers: Readonly<Record<Protocol, () => OperationTable>> | null = null;
const made = new Map<Protocol, OperationTable>();

/** Makes the protocols' operations known to matches; the binary does it with its own. A table is made when a match first asks for it. */
export function registerOperations(tables: Readonly<Record<Protocol, () => OperationTable>>): void {
  makers = tables;
}

/** Null where nobody told which there are. */
export function operationsOf(protocol: Protocol): OperationTable | null {
  if (makers === null) return null;
  let table = made.get(protocol);
  if (table === undefined) made.set(protocol, (table = makers[protocol]()));
  return table;
}
