import { AmqpError } from "./errors.ts";
import type { Field, Kind, Table } from "./values.ts";

export type Overflow = "drop-head" | "reject-publish" | "reject-publish-dlx";

/** What the arguments of a queue ask for. */
export interface QueueArguments {
  readonly messageTtl: number;
  readonly expires: number;
  readonly maxLength: number;
  readonly maxBytes: number;
  readonly maxPriority: number;
  readonly overflow: Overflow;
  readonly deadLetterExchange: string | null;
  readonly deadLetterRoutingKey: string | null;
  readonly singleActiveConsumer: boolean;
  /** A queue of type quorum: what comes back goes to the end, and tells how often it was delivered. */
  readonly isQuorum: boolean;
  /** How often a message may come back to a quorum queue. */
  readonly deliveryLimit: number;
}

/** The longest time that RabbitMQ takes, in milliseconds: ten years. */
export const LONGEST = 315_360_000_000;

/** Why a value is refused, in RabbitMQ's spelling of it; null when it is not. */
type Check = (field: Field, table: Table) => string | null;

/** What RabbitMQ calls the kinds in its texts. */
const SPELLED: Record<Kind, string> = {
  boolean: "bool",
  int8: "byte",
  uint8: "unsignedbyte",
  int16: "short",
  uint16: "unsignedshort",
  int32: "signedint",
  uint32: "unsignedint",
  int64: "long",
  float: "float",
  double: "double",
  decimal: "decimal",
  text: "longstr",
  bytes: "binary",
  list: "array",
  timestamp: "timestamp",
  table: "table",
  void: "void",
};
export const typeName = (field: Field): string => SPELLED[field.kind];

const integer = (field: Field): string | null => (/^u?int/.test(field.kind) ? null : `"expected integer, got ${typeName(field)}"`);
const number =
  (most: number, least: number, tooLarge: string): Check =>
  (field) => {
    const { value } = field;
    const refused = integer(field);
    if (refused !== null) return refused;
    if ((value as number) < 0) return `{value_negative,${value}}`;
    if ((value as number) < least) return `{value_zero,${value}}`;
    return (value as number) > most ? `{${tooLarge},${value}}` : null;
  };
const text =
  (check: (value: string, table: Table) => string | null = () => null): Check =>
  (field, table) => {
    if (field.kind !== "text") return `{unacceptable_type,${typeName(field)}}`;
    // Names of exchanges and routing keys have to fit into a short string.
    return Buffer.byteLength(field.value as string) > 255 ? "longer than 255 bytes" : check(field.value as string, table);
  };
const truth: Check = (field) => (field.kind === "boolean" ? null : `{unacceptable_type,${typeName(field)}}`);
const oneOf = (values: readonly string[], refused: (value: string) => string): Check =>
  text((value) => (values.includes(value) ? null : refused(value)));
const size = number(Infinity, 1, "");
const version: Check = (field) =>
  integer(field) ?? (field.value === 1 || field.value === 2 ? null : `"unsupported queue version '${String(field.value)}'"`);

/** Every argument of a queue that has a meaning, in the order in which RabbitMQ looks at them. */
const CHECKS: Record<string, Check> = {
  "x-expires": number(LONGEST, 1, "value_too_large"),
  "x-message-ttl": number(LONGEST, 0, "value_too_large"),
  "x-dead-letter-exchange": text(),
  "x-dead-letter-routing-key": text((_, table) =>
    table.field("x-dead-letter-exchange") === undefined ? "routing_key_but_no_dlx_defined" : null,
  ),
  "x-dead-letter-strategy": oneOf(["at-most-once", "at-least-once"], () => "invalid_dlx_strategy"),
  "x-max-length": number(Infinity, 0, ""),
  "x-max-length-bytes": number(Infinity, 0, ""),
  "x-max-in-memory-length": number(Infinity, 0, ""),
  "x-max-in-memory-bytes": number(Infinity, 0, ""),
  "x-max-priority": number(255, 0, "max_value_exceeded"),
  "x-overflow": oneOf(["drop-head", "reject-publish", "reject-publish-dlx"], () => "invalid_overflow"),
  "x-queue-mode": oneOf(["lazy", "default"], (value) => `"unsupported queue mode '${value}'"`),
  "x-queue-version": version,
  "x-single-active-consumer": truth,
  "x-queue-type": oneOf(["classic", "quorum", "stream"], (value) => `"unsupported queue type '${value}'"`),
  "x-quorum-initial-group-size": size,
  "x-initial-cluster-size": size,
  "x-queue-leader-locator": oneOf(["client-local", "balanced", "random", "least-leaders"], () => "invalid_queue_locator_arg"),
};

/** Arguments that one type of queue knows and the other does not. */
const FOREIGN: Record<string, readonly string[]> = {
  classic: [
    "x-delivery-limit",
    "x-quorum-initial-group-size",
    "x-initial-cluster-size",
    "x-queue-leader-locator",
    "x-max-in-memory-length",
    "x-max-in-memory-bytes",
    "x-dead-letter-strategy",
    "x-max-age",
    "x-stream-max-segment-size-bytes",
  ],
  quorum: ["x-max-priority", "x-queue-mode", "x-queue-version", "x-queue-master-locator", "x-max-age", "x-stream-max-segment-size-bytes"],
};

/** Reads the arguments of the queue described by `what` ("queue 'q' in vhost '/'"). Throws AmqpError for those that are not acceptable. */
export function queueArguments(table: Table, what: string): QueueArguments {
  const type = table.get("x-queue-type") ?? "classic";
  if (type === "stream") throw new AmqpError("NOT_IMPLEMENTED", "queues of type stream");
  for (const name of FOREIGN[String(type)] ?? []) if (table.field(name) !== undefined) throw foreign(name, what, String(type));
  for (const [name, check] of Object.entries(CHECKS)) {
    const field = table.field(name);
    const refused = field === undefined ? null : check(field, table);
    if (field === undefined || refused === null) continue;
    if (name === "x-dead-letter-exchange") {
      throw new AmqpError("PRECONDITION_FAILED", `invalid type '${typeName(field)}' for arg '${name}' in ${what}`);
    }
    throw new AmqpError("PRECONDITION_FAILED", `invalid arg '${name}' for ${what}: ${refused}`);
  }
  const value = <T>(name: string, otherwise: T): T => (table.get(name) as T | undefined) ?? otherwise;
  const limit = value<unknown>("x-delivery-limit", Infinity);
  return {
    messageTtl: Number(value("x-message-ttl", Infinity)),
    expires: Number(value("x-expires", Infinity)),
    maxLength: Number(value("x-max-length", Infinity)),
    maxBytes: Number(value("x-max-length-bytes", Infinity)),
    maxPriority: Number(value("x-max-priority", 0)),
    overflow: value("x-overflow", "drop-head" as Overflow),
    deadLetterExchange: value("x-dead-letter-exchange", null),
    deadLetterRoutingKey: value("x-dead-letter-routing-key", null),
    singleActiveConsumer: value("x-single-active-consumer", false),
    isQuorum: type === "quorum",
    // One that is no number is none, as in RabbitMQ.
    deliveryLimit: typeof limit === "number" && limit >= 0 ? limit : Infinity,
  };
}

/** Throws PRECONDITION_FAILED when `given` does not ask for the queue that is there. */
export function sameQueueArguments(given: Table, current: Table, what: string): void {
  const unknown = FOREIGN[(current.get("x-queue-type") as string | undefined) ?? "classic"]!;
  for (const name of [...Object.keys(CHECKS), "x-delivery-limit"]) {
    if (unknown.includes(name)) continue;
    const [asked, known] = [given.field(name), current.field(name)];
    if (name === "x-queue-type" && (asked?.value ?? "classic") === (known?.value ?? "classic")) continue;
    sameField(name, asked, known, what);
  }
}

/** Reads the arguments of a consumer and returns its priority. Throws PRECONDITION_FAILED for those that are not acceptable. */
export function consumerPriority(table: Table, isQuorum: boolean, what: string): number {
  if (table.field("x-stream-offset") !== undefined) throw foreign("x-stream-offset", what, isQuorum ? "quorum" : "classic");
  for (const [name, check] of [
    ["x-priority", integer],
    ["x-cancel-on-ha-failover", truth],
  ] as const) {
    const field = table.field(name);
    const refused = field === undefined ? null : check(field, table);
    if (refused !== null) throw new AmqpError("PRECONDITION_FAILED", `invalid arg '${name}' for ${what}: ${refused}`);
  }
  return Number(table.get("x-priority") ?? 0);
}

/** An argument of another type of queue. */
function foreign(name: string, what: string, type: string): AmqpError {
  return new AmqpError("PRECONDITION_FAILED", `invalid arg '${name}' for ${what} of queue type rabbit_${type}_queue`);
}

/** Throws PRECONDITION_FAILED when two declarations differ in the argument `name`. */
export function sameField(name: string, given: Field | undefined, current: Field | undefined, what: string): void {
  const text = (field: Field | undefined, alone: boolean) =>
    field === undefined ? "none" : alone ? `the value '${spelled(field)}' of type '${typeName(field)}'` : `'${spelled(field)}'`;
  if (given?.value === current?.value && (given === undefined) === (current === undefined) && isFloat(given) === isFloat(current)) return;
  const alone = given === undefined || current === undefined;
  throw new AmqpError(
    "PRECONDITION_FAILED",
    `inequivalent arg '${name}' for ${what}: received ${text(given, alone)} but current is ${text(current, alone)}`,
  );
}

const isFloat = (field: Field | undefined): boolean => field?.kind === "float" || field?.kind === "double";
const spelled = (field: Field): string =>
  isFloat(field) && Number.isInteger(field.value) ? `${String(field.value)}.0` : String(field.value);

/** Throws PRECONDITION_FAILED when two declarations differ in a property. */
export function same(name: string, given: unknown, current: unknown, what: string): void {
  if (given !== current)
    throw new AmqpError(
      "PRECONDITION_FAILED",
      `inequivalent arg '${name}' for ${what}: received '${String(given)}' but current is '${String(current)}'`,
    );
}
