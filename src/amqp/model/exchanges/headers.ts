import { typeName } from "../arguments.ts";
import { AmqpError } from "../errors.ts";
import type { Binding, Destination, Router } from "../exchange.ts";
import { Decimal, type Field, type Table } from "../values.ts";

type Mode = "all" | "any" | "all-with-x" | "any-with-x";
const MODES: readonly string[] = ["all", "any", "all-with-x", "any-with-x"] satisfies Mode[];

/**
 * To the queues whose binding's arguments the message's headers meet: all of them or any, as
 * `x-match` says. Arguments that begin with `x-` count only in the modes that end in `-with-x`; an
 * argument without a value asks that the header be there.
 */
export default class Headers implements Router {
  static readonly type = "headers";
  readonly byHeaders = true;
  private readonly bindings = new Map<Binding, { any: boolean; wanted: (readonly [string, Field])[] }>();

  /** Throws PRECONDITION_FAILED for an `x-match` that is none. */
  check(table: Table): void {
    modeOf(table);
  }

  add(binding: Binding): void {
    const mode = modeOf(binding.arguments);
    const wanted = binding.arguments
      .fields()
      .filter(([name]) => name !== "x-match" && (mode.endsWith("-with-x") || !name.startsWith("x-")));
    this.bindings.set(binding, { any: mode.startsWith("any"), wanted });
  }

  remove(binding: Binding): void {
    this.bindings.delete(binding);
  }

  route(_routingKey: string, headers: Table | null, to: Set<Destination>): void {
    for (const [binding, { any, wanted }] of this.bindings) {
      const meets = ([name, field]: readonly [string, Field]) => {
        const header = headers?.field(name);
        return header !== undefined && (field.kind === "void" || sameValue(field, header));
      };
      if (any ? wanted.some(meets) : wanted.every(meets)) to.add(binding.destination);
    }
  }
}

function modeOf(table: Table): Mode {
  const field = table.field("x-match");
  if (field === undefined) return "all";
  if (field.kind !== "text") {
    throw new AmqpError(
      "PRECONDITION_FAILED",
      `Invalid x-match field type ${typeName(field)} (value ${String(field.value)}); expected longstr`,
    );
  }
  const mode = field.value as string;
  if (!MODES.includes(mode)) {
    throw new AmqpError("PRECONDITION_FAILED", `Invalid x-match field value <<"${mode}">>; expected all, any, all-with-x, or any-with-x`);
  }
  return mode as Mode;
}

/**
 * RabbitMQ's comparison: of the values and not of their types, so 1 is 1 in however many bytes. Within tables and
 * arrays the types count.
 */
function sameValue(a: Field, b: Field): boolean {
  const [x, y] = [a.value, b.value];
  if (typeof x === "number" || typeof x === "bigint") return (typeof y === "number" || typeof y === "bigint") && x == y;
  if (typeof x === "string" || Buffer.isBuffer(x))
    return (typeof y === "string" || Buffer.isBuffer(y)) && Buffer.from(x as string).equals(Buffer.from(y as string));
  if (x instanceof Decimal) return y instanceof Decimal && x.scale === y.scale && x.unscaled === y.unscaled;
  if (a.kind === "list") return b.kind === "list" && sameList(x as readonly Field[], y as readonly Field[]);
  if (a.kind === "table") {
    if (b.kind !== "table") return false;
    const [left, right] = [(x as Table).fields(), (y as Table).fields()];
    return (
      left.every(([name], i) => right[i]?.[0] === name) &&
      sameList(
        left.map(([, field]) => field),
        right.map(([, field]) => field),
      )
    );
  }
  return x === y;
}

function sameList(a: readonly Field[], b: readonly Field[]): boolean {
  return a.length === b.length && a.every((field, i) => field.kind === b[i]!.kind && sameValue(field, b[i]!));
}
