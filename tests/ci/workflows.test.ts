/** action.yml and what docs/CI.md tells people to type: it parses, and its commands exist and do what they say. */
import { beforeAll, expect, test } from "bun:test";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseDocument } from "yaml";
import { binary, freshFolder, havoq, root } from "./binary.ts";

const LONG = 120_000;
const page = readFileSync(join(root, "docs/CI.md"), "utf8");
const blocks = (language: string) => [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, "gm"))].map((match) => match[1]!);

function yaml(text: string): any {
  const document = parseDocument(text);
  expect(document.errors).toEqual([]);
  return document.toJS();
}

const action = yaml(readFileSync(join(root, "action.yml"), "utf8"));

beforeAll(async () => void (await havoq(["--version"])), LONG);

/** A step of the action, as the runner would carry it out. */
function step(index: number, inputs: Record<string, string>, env: Record<string, string>, cwd: string) {
  const { run, shell, env: own } = action.runs.steps[index];
  expect(shell).toBe("bash");
  const value = (text: string) =>
    text.replace(/\$\{\{ inputs\.([\w-]+) \}\}/g, (_, name: string) => inputs[name] ?? action.inputs[name].default ?? "");
  const given = Object.fromEntries(Object.entries<string>(own).map(([name, text]) => [name, value(text)]));
  expect(run).not.toContain("${{"); // what a user gives goes in by variables, not into the script
  return Bun.spawnSync(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", run], { cwd, env: { ...process.env, ...given, ...env } });
}

test("action.yml: a composite action whose inputs are all used and declared", () => {
  expect(action.runs.using).toBe("composite");
  const used = new Set([...readFileSync(join(root, "action.yml"), "utf8").matchAll(/inputs\.([\w-]+) \}\}/g)].map((match) => match[1]!));
  expect([...used].sort()).toEqual(Object.keys(action.inputs).sort());
  expect(
    Object.entries<any>(action.inputs)
      .filter(([, one]) => one.required)
      .map(([name]) => name),
  ).toEqual(["command"]);
});

test(
  "action.yml: its step runs the command, with what was asked for",
  async () => {
    const cwd = freshFolder();
    writeFileSync(join(cwd, "with space.yaml"), "chaos: [{ name: r, optional: true, match: { topic: t }, fault: { drop: {} } }]\n");
    writeFileSync(join(cwd, "b.yaml"), "chaos: []\n");
    const inputs = {
      command: 'echo "seed $HAVOQ_SEED" && test -n "$KAFKA_BROKERS"\nexit 4',
      chaos: "with space.yaml\nb.yaml\n",
      report: "a b.xml\nr.json",
      journal: "j.jsonl",
      seed: "9",
      args: "--kafka-brokers '2'",
    };
    const done = step(1, inputs, { HAVOQ: binary, GITHUB_STEP_SUMMARY: join(cwd, "summary.md") }, cwd);
    expect([done.exitCode, done.stdout.toString()]).toEqual([4, "seed 9\n"]);
    expect(await Bun.file(join(cwd, "r.json")).json()).toMatchObject({ seed: 9, command: { exitCode: 4 }, rules: [{ id: "r" }] });
    for (const file of ["a b.xml", "j.jsonl", "summary.md"]) expect(await Bun.file(join(cwd, file)).exists()).toBeTrue();
    const plain = step(1, { command: "true" }, { HAVOQ: binary, GITHUB_STEP_SUMMARY: "" }, cwd);
    expect([plain.exitCode, plain.stdout.toString()]).toEqual([0, ""]);
  },
  LONG,
);

test("action.yml: installs what it says", () => {
  const cwd = freshFolder();
  for (const name of ["npm", "npx"]) {
    writeFileSync(join(cwd, name), `#!/bin/sh\necho "${name} $*" >> "$CALLS"\n`);
    chmodSync(join(cwd, name), 0o755);
  }
  const env = { PATH: `${cwd}:${process.env.PATH}`, CALLS: join(cwd, "calls"), GITHUB_ENV: join(cwd, "env"), GITHUB_ACTION_PATH: cwd };
  expect(step(0, { version: "1.2.3" }, env, cwd).exitCode).toBe(0);
  expect(step(0, {}, env, cwd).exitCode).toBe(0);
  const { engines, scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  expect(scripts.start).toContain(`bun@${engines.bun}`);
  expect(readFileSync(join(cwd, "calls"), "utf8")).toBe(
    `npm install --global havoq@1.2.3\nnpx --yes bun@${engines.bun} install --frozen-lockfile\nnpx --yes bun@${engines.bun} build.ts\n`,
  );
  expect(readFileSync(join(cwd, "env"), "utf8")).toBe(`HAVOQ=havoq\nHAVOQ=${cwd}/dist/havoq\n`);
});

test("docs/CI.md: the workflow and the job parse, and give the action what it takes", () => {
  const [github, gitlab, ...more] = blocks("yaml").map(yaml);
  expect(more).toEqual([]);
  const ours = github.jobs.test.steps.find((one: any) => one.uses?.includes("/havoq@"));
  for (const name of Object.keys(ours.with)) expect(Object.keys(action.inputs)).toContain(name);
  const job = gitlab["test among faults"];
  expect(job.script.join("\n")).toContain(`--report ${job.artifacts.reports.junit} `);
});

test(
  "docs/CI.md: each command in it exists, with the options it is given",
  async () => {
    const scripts: string[] = yaml(blocks("yaml")[1]!)["test among faults"].script;
    const lines = [...blocks("sh").join("\n").split("\n"), ...scripts.map((line) => line.replace(/^npx /, ""))].filter((line) =>
      line.startsWith("havoq "),
    );
    expect(lines.length).toBeGreaterThan(9);
    for (const line of lines) {
      const [, command, ...rest] = line.split(" -- ")[0]!.split(" ");
      const { code, stdout } = await havoq([command!, "--help"]);
      expect([line, code]).toEqual([line, 0]);
      for (const option of rest.filter((word) => word.startsWith("--"))) expect(stdout).toContain(`  ${option} `);
    }
  },
  LONG,
);
