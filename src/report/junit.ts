import { describeFault } from "./faults.ts";
import type { RunReport } from "./report.ts";
import { document, type Element } from "./xml.ts";

interface Case {
  group: string;
  name: string;
  seconds?: number;
  /** What is wrong; undefined: passed. */
  failure?: string | undefined;
  /** Why it was of no consequence. */
  skipped?: string;
}

/**
 * JUnit's XML, as CI servers read it: a test case each for the command, every rule that was to fire,
 * every expectation, the oracle's findings and every plugin that failed.
 */
export function junit(report: RunReport): string {
  const cases = casesOf(report);
  const failures = cases.filter(({ failure }) => failure !== undefined).length;
  const seconds = (report.command.milliseconds / 1000).toFixed(3);
  const counts = { tests: cases.length, failures, errors: 0, skipped: cases.filter(({ skipped }) => skipped !== undefined).length, time: seconds };
  const properties = [["seed", report.seed], ["repeat", report.repeat], ["havoq", report.havoq]] as const;
  const faults = report.faults.map((fault) => `${fault.protocol} ${describeFault(fault)} × ${fault.fired}`);
  return document({
    name: "testsuites",
    attributes: { name: "havoq", ...counts },
    children: [
      {
        name: "testsuite",
        attributes: { name: "havoq", ...counts },
        children: [
          { name: "properties", children: properties.map(([name, value]) => ({ name: "property", attributes: { name, value } })) },
          ...cases.map(element),
          { name: "system-out", children: [[`seed ${report.seed}`, ...faults, report.repeat].join("\n")] },
        ],
      },
    ],
  });
}

function casesOf(report: RunReport): Case[] {
  const { command, rules, scenarios, expectations, oracle, plugins } = report;
  return [
    {
      group: "command", name: command.argv.join(" "), seconds: command.milliseconds / 1000,
      failure: command.exitCode === 0 ? undefined : `ended with exit code ${command.exitCode}; again: ${report.repeat}`,
    },
    ...rules.map(({ id, fault, matched, fired, optional }): Case => ({
      group: "rules", name: `${id} (${fault}) fired`,
      ...(fired > 0 ? {} : optional ? { skipped: "optional, and did not fire" } : { failure: `did not fire; its match admitted ${matched} events` }),
    })),
    ...scenarios.map(({ name, passed }): Case => ({ group: "scenarios", name, failure: passed ? undefined : "did not pass" })),
    ...expectations.map(({ scenario, text, passed, detail }): Case => ({ group: "expectations", name: `${scenario}: ${text}`, failure: passed ? undefined : detail })),
    ...(oracle ?? []).map(({ kind, text }): Case => ({ group: "oracle", name: `${kind}: ${text}` })),
    ...plugins.map(({ name, errors, messages }): Case => ({ group: "plugins", name, failure: errors > 0 ? messages.join("\n") || `${errors} errors` : undefined })),
  ];
}

function element({ group, name, seconds = 0, failure, skipped }: Case): Element {
  const children: Element[] = [];
  if (failure !== undefined) children.push({ name: "failure", attributes: { message: failure.split("\n")[0]! }, children: [failure] });
  if (skipped !== undefined) children.push({ name: "skipped", attributes: { message: skipped } });
  return { name: "testcase", attributes: { classname: `havoq.${group}`, name, time: seconds.toFixed(3) }, children };
}
