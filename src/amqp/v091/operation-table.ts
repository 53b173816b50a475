import type { Headers } from "../../hooks/plugin.ts";
import type { OperationTable } from "../pipeline/events.ts";
import { type Plain, Table } from "../model/values.ts";
import { type Args, type MethodName, specOf } from "./methods.ts";

/** A method's arguments as plugins see them: tables are objects, long strings are bytes. */
export type Body<N extends MethodName> = { [K in keyof Args<N>]: Args<N>[K] extends Table ? Headers : Args<N>[K] };

/** The methods of 0-9-1, for the stages. */
export const METHOD_TABLE: OperationTable = {
  plain: (args) => Object.fromEntries(Object.entries(args).map(([key, value]) => [key, value instanceof Table ? value.toObject() : value])),
  merge(method, args, changes) {
    const types = specOf(method as MethodName).args;
    const merged: Record<string, unknown> = { ...args };
    for (const [key, value] of Object.entries(changes)) {
      const type = types[key];
      const unfit = () => new TypeError(`${method} has no ${key} that could be ${JSON.stringify(value) ?? String(value)}`);
      if (type === undefined) throw unfit();
      if (type === "table") merged[key] = value instanceof Table ? value : Table.of(value as { [name: string]: Plain });
      else if (type === "longstr" && (typeof value === "string" || value instanceof Uint8Array)) merged[key] = Buffer.from(value as string);
      else if (typeof value === (type === "shortstr" ? "string" : type === "bit" ? "boolean" : "number")) merged[key] = value;
      else throw unfit();
    }
    return merged;
  },
};
