/** Something wrong in a plugin's files, line and column counted from 1; 0 where there is none. */
export interface Problem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  /** The text of that line. */
  readonly text?: string | undefined;
}

/** A plugin that could not be loaded, with everything that was found wrong. */
export class PluginError extends Error {
  override readonly name = "PluginError";
  constructor(readonly problems: readonly Problem[]) {
    super(problems.map((problem) => `${placeOf(problem)}: ${problem.message}`).join("\n"));
  }
}

function placeOf({ file, line, column }: Problem): string {
  return line > 0 ? `${file}:${line}${column > 0 ? `:${column}` : ""}` : file;
}

/** The problem in one line and, where its text is known, the line itself with a mark under the place. */
export function formatProblem(problem: Problem): string {
  const { line, column, message, text } = problem;
  const head = `${placeOf(problem)}: ${message}`;
  if (text === undefined || line === 0 || text.length > 200) return head;
  const number = String(line).padStart(6);
  const shown = `${head}\n${number} | ${text.trimEnd()}`;
  return column > 0 ? `${shown}\n${" ".repeat(6)} | ${text.slice(0, column - 1).replace(/[^\t]/g, " ")}^` : shown;
}
