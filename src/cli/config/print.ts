import { allKeys } from "../../config/keys.ts";
import type { Layered } from "../../config/layers.ts";
import { formatDuration, formatSize } from "../../core/units.ts";
import { printJson, printTable } from "../lib/output.ts";

/** What is shown of a secret. */
const HIDDEN = "(hidden)";

/** Every key with its value and where that came from. */
export function printConfig({ config, origin }: Layered, json: boolean): void {
  const rows = allKeys().flatMap(({ path, unit }) => {
    const value = hide(
      path,
      path.reduce((at: any, step) => at?.[step], config),
    );
    return value === undefined ? [] : [{ key: path.join("."), value, unit, from: origin(path) }];
  });
  if (json) return printJson(rows.map(({ key, value, from }) => ({ key, value, from })));
  const text = (value: unknown, unit: "duration" | "size" | null): string =>
    unit === null
      ? typeof value === "string"
        ? value
        : JSON.stringify(value)
      : unit === "duration"
        ? formatDuration(value as number)
        : formatSize(value as number);
  printTable(
    ["key", "value", "from"],
    rows.map(({ key, value, unit, from }) => [key, text(value, unit), from]),
  );
}

function hide(path: readonly string[], value: unknown): unknown {
  const key = path.join(".");
  if (key === "admin.token" && value !== null) return HIDDEN;
  if (key === "amqp.users" && value !== undefined) return Object.fromEntries(Object.keys(value as object).map((user) => [user, HIDDEN]));
  return value;
}
