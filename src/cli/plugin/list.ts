import { askAdmin, type AdminOptions } from "../lib/ask.ts";
import { printJson, printTable } from "../lib/output.ts";

interface Plugin {
  name: string;
  file: string;
  errors: number;
  off: boolean;
  counters: Record<string, number>;
  hooks: string[];
  fired: Record<string, number>;
}

export async function listPlugins({ json, ...options }: AdminOptions & { json?: boolean }): Promise<void> {
  const plugins = await askAdmin<Plugin[]>(options, "/api/plugins");
  if (json === true) return printJson(plugins);
  const pairs = (counts: Record<string, number>): string =>
    Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(", ") || "-";
  printTable(
    ["NAME", "HOOKS", "FIRED", "ERRORS", "STATE", "COUNTERS", "FILE"],
    plugins.map(({ name, hooks, fired, errors, off, counters, file }) => [
      name,
      hooks.join(", "),
      pairs(fired),
      errors,
      off ? "switched off" : "loaded",
      pairs(counters),
      file || "-",
    ]),
  );
}
