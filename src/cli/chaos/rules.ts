import { askAdmin, type AdminOptions } from "../lib/ask.ts";
import { CommandError } from "../lib/errors.ts";
import { typed } from "../lib/options.ts";
import { printDone, printJson, printTable } from "../lib/output.ts";

export interface Target extends AdminOptions {
  server?: string;
  json?: boolean;
}

interface Status {
  id: string;
  source: string;
  enabled: boolean;
  off: boolean;
  matched: number;
  fired: number;
  errors: number;
  rule: { match?: object; fault?: object; preset?: object };
}

/** `--server` is another name of `--admin`. */
export function target({ admin, server, token }: Target): AdminOptions {
  return { admin: admin ?? server, token };
}

export async function listRules(options: Target): Promise<void> {
  const rules = await askAdmin<Status[]>(target(options), "/api/rules");
  if (options.json === true) return printJson(rules);
  printTable(
    ["ID", "FAULT", "MATCH", "MATCHED", "FIRED", "STATE", "SOURCE"],
    rules.map(({ id, rule, matched, fired, enabled, off, source }) => [
      id,
      JSON.stringify(rule.fault ?? rule.preset ?? {}),
      JSON.stringify(rule.match ?? {}),
      matched,
      fired,
      off ? "switched off" : enabled ? "in force" : "disabled",
      source,
    ]),
  );
}

export async function applyFile(path: string, options: Target): Promise<void> {
  const file = Bun.file(path);
  if (!(await file.exists())) throw new CommandError(`there is no file ${path}`);
  const body = { name: path, text: await file.text() };
  const { removed, rules } = await askAdmin<{ removed: number; rules: Status[] }>(target(options), "/api/rules/file", {
    method: "POST",
    body,
  });
  if (options.json === true) return printJson({ removed, rules });
  if (removed > 0) printDone(`${removed} of an earlier ${path} removed`);
  for (const { id } of rules) printDone(`${id} is in force`);
}

interface AddOptions extends Target {
  fault: string;
  with?: Record<string, string>;
  name?: string;
  protocol?: string;
  match?: Record<string, string>;
  probability?: string;
  times?: number;
  every?: number;
}

export async function addRule({
  fault,
  with: given = {},
  name,
  protocol,
  match = {},
  probability,
  times,
  every,
  ...options
}: AddOptions): Promise<void> {
  const when = {
    ...(probability === undefined ? {} : { probability: Number(probability) }),
    ...(times === undefined ? {} : { times }),
    ...(every === undefined ? {} : { every }),
  };
  const body = {
    ...(name === undefined ? {} : { name }),
    match: { ...(protocol === undefined ? {} : { protocol }), ...typedMatch(match) },
    ...(Object.keys(when).length === 0 ? {} : { when }),
    fault: { [fault]: typed(given) },
  };
  const rules = await askAdmin<Status[]>(target(options), "/api/rules", { method: "POST", body });
  if (options.json === true) return printJson(rules);
  for (const { id } of rules) printDone(`${id} is in force`);
}

/** Brokers, partitions and connections go by number; all else is text, "1" too. */
function typedMatch(match: Record<string, string>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(match).map(([field, text]) => [
      field,
      ["partition", "broker", "connection"].includes(field) && /^\d+$/.test(text) ? Number(text) : text,
    ]),
  );
}

export async function removeRules(ids: readonly string[], options: Target): Promise<void> {
  for (const id of ids) await askAdmin(target(options), `/api/rules/${encodeURIComponent(id)}`, { method: "DELETE" });
  if (options.json === true) return printJson({ removed: ids });
  for (const id of ids) printDone(`${id} is removed`);
}

export async function clearRules(options: Target): Promise<void> {
  const { removed } = await askAdmin<{ removed: number }>(target(options), "/api/rules", { method: "DELETE" });
  if (options.json === true) return printJson({ removed });
  printDone(`${removed} rule${removed === 1 ? "" : "s"} removed`);
}
