import { faultWords, HEAD, rowOf, type Exploration } from "./exploration.ts";
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
  const faults = report.faults.map((fault) => `${fault.protocol} ${describeFault(fault)} × ${fault.fired}`);
  const properties = { seed: report.seed, repeat: report.repeat, havoq: report.havoq };
  return suite(casesOf(report), report.command.milliseconds / 1000, properties, [`seed ${report.seed}`, ...faults, report.repeat]);
}

/** The same for many seeds: a test case for each. */
export function explorationJunit({ seeds, command, faults, havoq }: Exploration): string {
  const cases = seeds.map(
    ({ seed, passed, milliseconds, failures, faults: fired, repeat, shrink }): Case => ({
      group: "explore",
      name: `seed ${seed}: ${command.join(" ")}`,
      seconds: milliseconds / 1000,
      failure: passed ? undefined : [...failures, faultWords(fired), repeat, shrink].join("\n"),
    }),
  );
  const table = [HEAD, ...faults.map(rowOf)].map((cells) => cells.join("\t"));
  return suite(
    cases,
    seeds.reduce((sum, { milliseconds }) => sum + milliseconds / 1000, 0),
    { havoq, seed: seeds[0]?.seed ?? "" },
    table,
  );
}

function suite(cases: readonly Case[], time: number, properties: Record<string, string | number>, output: readonly string[]): string {
  const failures = cases.filter(({ failure }) => failure !== undefined).length;
  const skipped = cases.filter((one) => one.skipped !== undefined).length;
  const attributes = { name: "havoq", tests: cases.length, failures, errors: 0, skipped, time: time.toFixed(3) };
  return document({
    name: "testsuites",
    attributes,
    children: [
      {
        name: "testsuite",
        attributes,
        children: [
          {
            name: "properties",
            children: Object.entries(properties).map(([name, value]) => ({ name: "property", attributes: { name, value } })),
          },
          ...cases.map(element),
          { name: "system-out", children: [output.join("\n")] },
        ],
      },
    ],
  });
}

function casesOf(report: RunReport): Case[] {
  const { command, rules, scenarios, expectations, oracle, plugins } = report;
  return [
    {
      group: "command",
      name: command.argv.join(" "),
      seconds: command.milliseconds / 1000,
      failure: command.exitCode === 0 ? undefined : `ended with exit code ${command.exitCode}; again: ${report.repeat}`,
    },
    ...rules.map(
      ({ id, fault, matched, fired, optional }): Case => ({
        group: "rules",
        name: `${id} (${fault}) fired`,
        ...(fired > 0
          ? {}
          : optional
            ? { skipped: "optional, and did not fire" }
            : { failure: `did not fire; its match admitted ${matched} events` }),
      }),
    ),
    ...scenarios.map(({ name, passed }): Case => ({ group: "scenarios", name, failure: passed ? undefined : "did not pass" })),
    ...expectations.map(
      ({ scenario, text, passed, detail }): Case => ({
        group: "expectations",
        name: `${scenario}: ${text}`,
        failure: passed ? undefined : detail,
      }),
    ),
    ...(oracle ?? []).map(({ kind, text }): Case => ({ group: "oracle", name: `${kind}: ${text}` })),
    ...plugins.map(
      ({ name, errors, messages }): Case => ({
        group: "plugins",
        name,
        failure: errors > 0 ? messages.join("\n") || `${errors} errors` : undefined,
      }),
    ),
  ];
}

function element({ group, name, seconds = 0, failure, skipped }: Case): Element {
  const children: Element[] = [];
  if (failure !== undefined) children.push({ name: "failure", attributes: { message: failure.split("\n")[0]! }, children: [failure] });
  if (skipped !== undefined) children.push({ name: "skipped", attributes: { message: skipped } });
  return { name: "testcase", attributes: { classname: `havoq.${group}`, name, time: seconds.toFixed(3) }, children };
}
