import { faultWords, HEAD, rowOf, type Exploration } from "./exploration.ts";
import type { RunReport } from "./report.ts";

/** For a pull request or a CI server's summary page. */
export function markdown(report: RunReport): string {
  const { command, rules, faults, scenarios, expectations, oracle, plugins } = report;
  const seconds = (command.milliseconds / 1000).toFixed(1);
  return [
    `## ${report.passed ? "✅" : "❌"} havoq: ${code(command.argv.join(" "))}`,
    `Seed **${report.seed}** · exit code ${command.exitCode} · ${seconds} s · ${faults.reduce((sum, { fired }) => sum + fired, 0)} faults fired`,
    ...(report.passed
      ? []
      : [report.failures.map((failure) => `- ${text(failure)}`).join("\n"), `The same again:\n\n${fenced(report.repeat)}`]),
    section(
      "Rules",
      ["rule", "fault", "matched", "fired", ""],
      rules.map(({ id, fault, matched, fired, optional }) => [
        text(id),
        cell(fault),
        String(matched),
        String(fired),
        fired > 0 ? "" : optional ? "optional" : "❌ did not fire",
      ]),
    ),
    section(
      "Faults by operation",
      ["protocol", "operation", "fault", "error", "fired"],
      faults.map(({ protocol, operation, fault, error, fired }) => [
        protocol,
        cell(operation),
        cell(fault),
        error === null ? "" : cell(error),
        String(fired),
      ]),
    ),
    section(
      "Scenarios",
      ["scenario", "result"],
      scenarios.map(({ name, passed }) => [text(name), passed ? "✅" : "❌"]),
    ),
    section(
      "Expectations",
      ["expectation", "result", "detail"],
      expectations.map(({ scenario, text: what, passed, detail }) => [text(`${scenario}: ${what}`), passed ? "✅" : "❌", text(detail)]),
    ),
    ...(oracle === null
      ? []
      : [
          oracle.length === 0
            ? "### Oracle\n\nNothing found."
            : section(
                "Oracle",
                ["finding", ""],
                oracle.map(({ kind, text: what }) => [text(kind), text(what)]),
              ),
        ]),
    section(
      "Plugins that failed",
      ["plugin", "errors", ""],
      plugins.map(({ name, errors, messages }) => [text(name), String(errors), text(messages.join(" "))]),
    ),
    "",
  ]
    .filter((part, i, all) => part !== "" || i === all.length - 1)
    .join("\n\n");
}

/** The same for many seeds. */
export function explorationMarkdown({ command, runs, passed, faults, seeds }: Exploration): string {
  const failed = seeds.filter((seed) => !seed.passed);
  return [
    `## ${failed.length === 0 ? "✅" : "❌"} havoq explore: ${code(command.join(" "))}`,
    `${runs} runs, ${passed} passed, ${failed.length} failed`,
    section(
      "Faults by operation",
      HEAD,
      faults.map((fault) => rowOf(fault).map((one, i) => (i === 0 || one === "" || typeof one === "number" ? String(one) : cell(one)))),
    ),
    ...failed.map(({ seed, failures, faults: fired, repeat, shrink }) =>
      [
        `### Seed ${seed}\n`,
        ...failures.map((failure) => `- ${text(failure)}`),
        `- ${text(faultWords(fired))}`,
        "",
        fenced(`${repeat}\n${shrink}`),
      ].join("\n"),
    ),
    "",
  ]
    .filter((part, i, all) => part !== "" || i === all.length - 1)
    .join("\n\n");
}

function section(title: string, head: string[], rows: string[][]): string {
  if (rows.length === 0) return "";
  return [`### ${title}\n`, line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

const line = (cells: string[]): string => `| ${cells.join(" | ")} |`;

/** Words of a rule, a test or a broker must not become markup, nor end a table's row. */
function text(words: string): string {
  return words
    .replace(/[\\`*_{}[\]<>#|~&]/g, (c) => `\\${c}`)
    .replace(/\s+/g, " ")
    .trim();
}

/** A code span within a table, where a bare `|` would end the cell. */
const cell = (words: string): string => code(words).replaceAll("|", "\\|");

/** A code span, with a longer fence where the words have backticks of their own. */
function code(words: string): string {
  const longest = Math.max(0, ...(words.match(/`+/g) ?? []).map((run) => run.length));
  const fence = "`".repeat(longest + 1);
  const pad = words.startsWith("`") || words.endsWith("`") ? " " : "";
  return `${fence}${pad}${words.replace(/\s+/g, " ")}${pad}${fence}`;
}

function fenced(words: string): string {
  const longest = Math.max(2, ...(words.match(/`+/g) ?? []).map((run) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}sh\n${words}\n${fence}`;
}
