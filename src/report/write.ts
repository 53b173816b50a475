import { appendFile, mkdir, writeFile } from "node:fs/promises";
import { dirname, extname } from "node:path";
import { junit } from "./junit.ts";
import { markdown } from "./markdown.ts";
import type { RunReport } from "./report.ts";

const FORMATS: Record<string, (report: RunReport) => string> = {
  ".xml": junit,
  ".json": (report) => `${JSON.stringify(report, null, 2)}\n`,
  ".md": markdown,
};

/** What is wrong with the name of a report; null when its ending names a form. */
export function reportFlaw(file: string): string | null {
  return extname(file).toLowerCase() in FORMATS ? null : `the ending decides the form: ${Object.keys(FORMATS).join(", ")}`;
}

/** Writes each file in the form that its ending names. */
export async function writeReports(files: readonly string[], report: RunReport): Promise<void> {
  for (const file of files) await write(file, FORMATS[extname(file).toLowerCase()]!(report));
}

/** GitHub shows what is appended to this file on the page of the run. */
export async function summarize(words: string): Promise<void> {
  const file = process.env.GITHUB_STEP_SUMMARY;
  if (file !== undefined && file !== "") await appendFile(file, words);
}

export async function write(file: string, words: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, words);
}
