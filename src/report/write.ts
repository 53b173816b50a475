import { appendFile, mkdir, writeFile } from "node:fs/promises";
import { dirname, extname } from "node:path";
import type { Exploration } from "./exploration.ts";
import { explorationJunit, junit } from "./junit.ts";
import { explorationMarkdown, markdown } from "./markdown.ts";
import type { RunReport } from "./report.ts";

interface Format {
  run(report: RunReport): string;
  exploration(exploration: Exploration): string;
}

const json = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;
const FORMATS: Record<string, Format> = {
  ".xml": { run: junit, exploration: explorationJunit },
  ".json": { run: json, exploration: json },
  ".md": { run: markdown, exploration: explorationMarkdown },
};

/** What is wrong with the name of a report; null when its ending names a form. */
export function reportFlaw(file: string): string | null {
  return extname(file).toLowerCase() in FORMATS ? null : `the ending decides the form: ${Object.keys(FORMATS).join(", ")}`;
}

/** Writes each file in the form that its ending names. */
export async function writeReports(files: readonly string[], report: RunReport): Promise<void> {
  for (const file of files) await write(file, formatOf(file).run(report));
}

export async function writeExploration(files: readonly string[], exploration: Exploration): Promise<void> {
  for (const file of files) await write(file, formatOf(file).exploration(exploration));
}

function formatOf(file: string): Format {
  return FORMATS[extname(file).toLowerCase()]!;
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
