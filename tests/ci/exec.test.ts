import { expect, test } from "bun:test";
import { join } from "node:path";
import { XMLParser, XMLValidator } from "fast-xml-parser";
import { connect } from "node:net";
import { parseJournal } from "../../src/journal/journal.ts";
import { freshFolder, havoq } from "./binary.ts";

const LONG = 120_000;
/** Publishes ten messages over MQTT; ends with 1 where the broker refuses one. */
const PUBLISH = `
  const [mqtt, count] = [require(process.argv[1]), 10];
  (async () => {
    const client = await mqtt.connectAsync(process.env.MQTT_URL, { clientId: "publisher", protocolVersion: 5, reconnectPeriod: 0 });
    for (let i = 0; i < count; i++) await client.publishAsync("t", "m" + i, { qos: 1 });
    await client.endAsync();
  })().catch(() => process.exit(1));
`;
const publish = [process.execPath, "-e", PUBLISH, require.resolve("mqtt")];
const PLUGIN = `
  import { rule } from "havoq";
  export default rule({ match: { protocol: "mqtt", topic: "t" }, when: { probability: 0.3 }, fault: { error: { code: "Quota exceeded" } } });
`;

test(
  "the command gets the addresses and the seed, its output is its own, its exit code is passed on",
  async () => {
    const script = 'echo "$HAVOQ_SEED $KAFKA_BROKERS $MQTT_URL $AMQP_URL $HAVOQ_ADMIN_URL"; echo "$1" >&2; exit 7';
    const { code, stdout, stderr } = await havoq(["exec", "--seed", "42", "--", "sh", "-c", script, "sh", 'it\'s a "word"']);
    expect(code).toBe(7);
    expect(stdout).toMatch(
      /^42 127\.0\.0\.1:\d+ mqtt:\/\/127\.0\.0\.1:\d+ amqp:\/\/guest:guest@127\.0\.0\.1:\d+\/%2F http:\/\/127\.0\.0\.1:\d+\n$/,
    );
    expect(stderr).toContain(`it's a "word"\n`);
    expect(stderr).toStartWith("havoq: seed 42\n");
    expect(stderr).toEndWith("havoq: failed, seed 42\n");
  },
  LONG,
);

test(
  "the line that repeats a run survives the shell",
  async () => {
    const cwd = freshFolder();
    const first = await havoq(
      ["exec", "--", "sh", "-c", 'printf "%s|" "$@" $HAVOQ_SEED; exit 3', "sh", "it's", "a b", "$HOME", "`x`", "", "\\n", "é*"],
      { cwd },
    );
    const line = /the same again: (.*)/.exec(first.stderr)![1]!;
    const again = Bun.spawnSync(["sh", "-c", line], { cwd, env: { ...process.env, HAVOQ_SEED: "" } });
    expect(again.exitCode).toBe(3);
    expect(again.stdout.toString()).toBe(first.stdout);
    expect(first.stdout).toStartWith("it's|a b|$HOME|`x`||\\n|é*|");
  },
  LONG,
);

test(
  "a command that is not there ends with 127, one that is no program with 126, one that is killed with 128 and the signal",
  async () => {
    expect((await havoq(["exec", "--", "no-such-command"])).code).toBe(127);
    expect((await havoq(["exec", "--", "/etc/passwd"])).code).toBe(126);
    expect((await havoq(["exec", "--", "sh", "-c", "kill -KILL $$"])).code).toBe(137);
  },
  LONG,
);

test(
  "wrong usage ends with 2 before anything runs",
  async () => {
    for (const args of [
      ["--report", "a.txt", "--", "echo", "ran"],
      ["--seed", "x", "--", "echo", "ran"],
      ["--nonsense", "--", "echo", "ran"],
      [],
    ]) {
      const { code, stdout } = await havoq(["exec", ...args]);
      expect([code, stdout]).toEqual([2, ""]);
    }
    expect((await havoq(["exec", "--report", "a.txt", "--", "true"])).stderr).toContain(".xml, .json, .md");
  },
  LONG,
);

test(
  "what is no journal is not replayed",
  async () => {
    const cwd = freshFolder();
    await Bun.write(join(cwd, "empty.jsonl"), "");
    await Bun.write(join(cwd, "other.jsonl"), '{"name":"a"}\n');
    for (const [file, why] of [
      ["empty.jsonl", "it is empty"],
      ["other.jsonl", "line 1 tells neither rules nor what fired"],
      ["gone.jsonl", "there is no file gone.jsonl"],
    ] as const) {
      const { code, stdout, stderr } = await havoq(["exec", "--replay", file, "--", "echo", "ran"], { cwd });
      expect([code, stdout, stderr]).toEqual([1, "", expect.stringContaining(why)]);
    }
  },
  LONG,
);

test(
  "signals reach the command, and the brokers end with it",
  async () => {
    const script = 'trap "echo asked; exit 9" TERM; echo "$MQTT_URL"; i=0; while [ $i -lt 400 ]; do i=$((i+1)); sleep 0.05; done';
    let port = 0;
    const { code, stdout } = await havoq(["exec", "--", "sh", "-c", script], {
      meanwhile: (child) =>
        void (async () => {
          // The trap is set before the command prints.
          const [mine, theirs] = (child.stdout as ReadableStream).tee();
          Object.defineProperty(child, "stdout", { value: theirs });
          let text = "";
          for await (const chunk of mine) {
            text += Buffer.from(chunk).toString();
            if (!text.includes("\n")) continue;
            port = Number(/mqtt:\/\/[\d.]+:(\d+)/.exec(text)![1]);
            child.kill("SIGTERM");
            break;
          }
        })(),
    });
    expect([code, stdout]).toEqual([9, expect.stringContaining("asked")]);
    const refused = await new Promise((resolve) => connect(port, "127.0.0.1", () => resolve(false)).on("error", () => resolve(true)));
    expect(refused).toBeTrue();
  },
  LONG,
);

test(
  "reports: what fired by operation, why it failed, the line that repeats it",
  async () => {
    const cwd = freshFolder();
    await Bun.write(join(cwd, "chaos/refuse.ts"), PLUGIN);
    const reports = ["a.xml", "b.json", "sub/c.md"].flatMap((file) => ["--report", file]);
    const { code, stderr } = await havoq(
      ["exec", "--seed", "5", "--plugins", "chaos", ...reports, "--journal", "run.jsonl", "--", ...publish],
      {
        cwd,
        env: { GITHUB_STEP_SUMMARY: join(cwd, "summary.md") },
      },
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(/mqtt +message: error Quota exceeded × 1/);

    const json = await Bun.file(join(cwd, "b.json")).json();
    expect(json).toMatchObject({
      seed: 5,
      passed: false,
      command: { exitCode: 1 },
      faults: [{ protocol: "mqtt", operation: "message", error: "Quota exceeded", fired: 1 }],
    });
    expect(json.repeat).toContain("--plugins chaos --seed 5 -- ");
    const xml = await Bun.file(join(cwd, "a.xml")).text();
    expect(XMLValidator.validate(xml)).toBeTrue();
    const suite = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: "", parseAttributeValue: true }).parse(xml).testsuites
      .testsuite;
    expect(suite).toMatchObject({ tests: 2, failures: 1, properties: { property: expect.arrayContaining([{ name: "seed", value: 5 }]) } });
    const summary = await Bun.file(join(cwd, "summary.md")).text();
    expect(summary).toBe(await Bun.file(join(cwd, "sub/c.md")).text());
    expect(summary).toContain("| mqtt | `message` |");

    // The seed alone makes it fail again, and so does the journal, in both of its forms.
    const again = await havoq(["exec", "--seed", "5", "--plugins", "chaos", "--journal", "run.msgpack", "--", ...publish], { cwd });
    expect(again.code).toBe(1);
    for (const journal of ["run.jsonl", "run.msgpack"]) {
      const replayed = await havoq(["exec", "--replay", journal, "--journal", `again-${journal}.jsonl`, "--", ...publish], { cwd });
      expect([replayed.code, replayed.stderr]).toEqual([1, expect.stringContaining("seed 5")]);
      const lines = parseJournal(await Bun.file(join(cwd, `again-${journal}.jsonl`)).text());
      expect(lines.filter((line) => "n" in line)).toHaveLength(1);
    }
    expect((await havoq(["exec", "--", ...publish], { cwd })).code).toBe(0);
  },
  LONG,
);

test(
  "a plugin that cannot be loaded fails a command that passed",
  async () => {
    const cwd = freshFolder();
    await Bun.write(join(cwd, "chaos/broken.ts"), "export default {");
    const { code, stderr } = await havoq(["exec", "--plugins", "chaos", "--", "true"], { cwd });
    expect([code, stderr]).toEqual([1, expect.stringMatching(/the command passed, but:\n {2}plugin broken failed/)]);
  },
  LONG,
);

test(
  "what a chaos file expects decides too, and says so: rules that have to fire, and what the oracle found",
  async () => {
    const cwd = freshFolder();
    const never = "match: { topic: nowhere }, fault: { drop: {} }";
    await Bun.write(join(cwd, "never.yaml"), `chaos:\n  - { name: in vain, ${never} }\n`);
    await Bun.write(join(cwd, "perhaps.yaml"), `chaos:\n  - { name: perhaps, optional: true, ${never} }\n`);
    await Bun.write(
      join(cwd, "loss.yaml"),
      'chaos:\n  - { name: gone, match: { topic: t }, when: { nth: 3 }, fault: { drop: {} } }\nexpect:\n  - { no_loss: "*" }\n',
    );
    await Bun.write(join(cwd, "wrong.yaml"), "chaos:\n  - { fault: { dorp: {} } }\n");
    const exec = (...files: string[]) =>
      havoq(["exec", ...files.flatMap((file) => ["--chaos", file]), "--report", "r.json", "--", ...publish], { cwd });
    const report = () => Bun.file(join(cwd, "r.json")).json();

    const vain = await exec("never.yaml");
    expect([vain.code, vain.stderr]).toEqual([1, expect.stringMatching(/the command passed, but:\n {2}rule in vain never fired/)]);
    expect(await report()).toMatchObject({ passed: false, command: { exitCode: 0 }, rules: [{ id: "in vain", fault: "drop", fired: 0 }] });

    expect((await exec("perhaps.yaml")).code).toBe(0);

    const lost = await exec("loss.yaml", "perhaps.yaml");
    expect([lost.code, lost.stderr]).toEqual([1, expect.stringContaining("no loss")]);
    expect(await report()).toMatchObject({
      rules: [
        { id: "gone", fired: 1 },
        { id: "perhaps", fired: 0 },
      ],
      faults: [{ protocol: "mqtt", operation: "message", fault: "drop", fired: 1 }],
      expectations: [{ text: "no loss", passed: false }],
      oracle: [{ kind: "loss" }],
    });

    const wrong = await exec("wrong.yaml");
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringMatching(/wrong\.yaml:2: .*did you mean drop\?/)]);
  },
  LONG,
);

test(
  "what a moment of the clock brought on comes again in a replay, and so does what took it back",
  async () => {
    const cwd = freshFolder();
    await Bun.write(
      join(cwd, "alarm.yaml"),
      "chaos:\n  - { name: alarm, match: { protocol: amqp }, when: { after: 50ms }, for: 100ms, fault: { memory-alarm: {} } }\n",
    );
    const wait = ["--", "sh", "-c", "sleep 0.6"];
    const actions = async (file: string) =>
      parseJournal(await Bun.file(join(cwd, file)).text()).flatMap((line) =>
        "n" in line ? [{ rule: line.rule, stream: line.stream, action: line.action, late: line.at >= 50 }] : [],
      );
    expect((await havoq(["exec", "--chaos", "alarm.yaml", "--journal", "a.jsonl", ...wait], { cwd })).code).toBe(0);
    expect((await havoq(["exec", "--replay", "a.jsonl", "--journal", "b.jsonl", ...wait], { cwd })).code).toBe(0);
    const first = await actions("a.jsonl");
    expect(first.map(({ action }) => action)).toEqual(["raiseAlarm", "clearAlarm"]);
    expect(await actions("b.jsonl")).toEqual(first);
  },
  LONG,
);
