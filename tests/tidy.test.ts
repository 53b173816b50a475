import { describe, expect, test } from "bun:test";
import { dirname, join, relative, resolve } from "node:path";
import { FAMILIES, indexOf } from "../build.ts";

const root = resolve(import.meta.dirname, "..");
const tracked = Bun.spawnSync(["git", "ls-files", "--cached", "--others", "--exclude-standard"], { cwd: root })
  .stdout.toString()
  .split("\n")
  .filter((file) => file !== "");
const sources = tracked.filter((file) => /^(src|plugins)\/.*\.ts$/.test(file));
const read = (file: string): Promise<string> => Bun.file(join(root, file)).text();

/** Who may import whom: a folder imports its own files and folders further down. Folders of one layer do not see each other. */
const LAYERS: string[][] = [
  ["main"],
  ["cli"],
  ["testing", "report"],
  ["app"],
  ["admin", "dashboard", "metrics"],
  ["config"],
  ["inspect"],
  ["traffic", "registry"],
  ["scenarios"],
  ["oracle"],
  ["rules"],
  ["control"],
  ["kafka", "mqtt", "amqp"],
  ["auth"],
  ["journal", "loader"],
  ["pipeline"],
  ["hooks"],
  ["storage"],
  ["net"],
  ["core"],
  ["bytes"],
];

/** What a folder may reach although its layer says otherwise, with the reason. */
const EXCEPTIONS: Record<string, string[]> = {
  // The HTTP API and the metrics look into the running whole, and are loaded on the first request.
  admin: ["app", "metrics"],
  metrics: ["app"],
  // A scenario drives the running whole, and is loaded by it with the first one.
  scenarios: ["app"],
};

function folder(file: string): string {
  const path = relative("src", file);
  if (!path.includes("/")) return path === "main.ts" || path === "program.ts" ? "main" : "app";
  return path.split("/")[0]!;
}

const layer = (name: string): number => LAYERS.findIndex((folders) => folders.includes(name));

async function imports(file: string): Promise<string[]> {
  const text = await read(file);
  return [...text.matchAll(/(?:from|import)\s*\(?\s*["']([^"']+)["']/g)].map((match) => match[1]!);
}

describe("imports", () => {
  test("every folder has its layer", () => {
    const folders = new Set(sources.filter((file) => file.startsWith("src/")).map(folder));
    expect([...folders].filter((name) => layer(name) < 0)).toEqual([]);
    expect(sources.length).toBeGreaterThan(50);
  });

  test("go down only", async () => {
    const wrong: string[] = [];
    for (const file of sources.filter((one) => one.startsWith("src/"))) {
      for (const target of await imports(file)) {
        if (!target.startsWith(".")) continue;
        const reached = relative(root, resolve(root, dirname(file), target));
        if (!reached.startsWith("src/")) continue;
        const [from, to] = [folder(file), folder(reached)];
        if (from === to || layer(to) > layer(from) || EXCEPTIONS[from]?.includes(to)) continue;
        wrong.push(`${file} imports ${reached}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test("docs/ARCHITECTURE.md lists the same layers", async () => {
    const [, list] = /## Layers\n[^]*?```\n([^]*?)```/.exec(await read("docs/ARCHITECTURE.md"))!;
    expect(
      list!
        .trim()
        .split("\n")
        .map((line) => line.split(" ")),
    ).toEqual(LAYERS);
  });

  test("the files that docs/ARCHITECTURE.md names are there", async () => {
    const page = await read("docs/ARCHITECTURE.md");
    const named = [...page.matchAll(/`(?:src\/)?([\w./-]+\.ts)`/g)].map(([, path]) => path!);
    const known = new Set(tracked);
    // What has no folder before it stands beside the text that names its folder.
    const missing = named.filter((path) => path.includes("/") && !known.has(`src/${path}`) && !known.has(path) && !path.includes("NN-"));
    expect(missing).toEqual([]);
  });

  test("plugins see only the module havoq and their own files", async () => {
    const wrong: string[] = [];
    for (const file of sources.filter((one) => one.startsWith("plugins/"))) {
      for (const target of await imports(file)) if (target !== "havoq" && !target.startsWith("./")) wrong.push(`${file} imports ${target}`);
    }
    expect(wrong).toEqual([]);
  });
});

describe("the pipeline", () => {
  /** Folders whose files see operations and messages that have passed the stages, and know nothing of who else saw them. */
  const BEHIND = [
    "src/kafka/broker/",
    "src/kafka/gateway/",
    "src/kafka/wire/",
    "src/amqp/model/",
    "src/amqp/v091/",
    "src/amqp/broker/broker.ts",
    "src/mqtt/broker/",
    "src/mqtt/wire/",
  ];

  test("brokers and codecs mention no hook, verdict, observer or journal", async () => {
    const wrong: string[] = [];
    for (const file of sources.filter((one) => BEHIND.some((place) => one.startsWith(place)))) {
      for (const target of await imports(file)) {
        if (/\/hooks\/(seam|chain|observer|verdicts|event|streams|reordering)\.ts$|\/journal\/|\/pipeline\/verdict\.ts$/.test(target))
          wrong.push(`${file} imports ${target}`);
      }
      const code = (await read(file)).replace(/^\s*(\/\*\*|\*|\/\/).*$/gm, "");
      for (const [word] of code.matchAll(/\bhooks\.\w+|\bobserver\b|\bverdict\b/g)) wrong.push(`${file} mentions ${word}`);
    }
    expect(wrong).toEqual([]);
  });

  /** The stages of a protocol stand in front of a broker and a real cluster alike. */
  const STAGES = ["src/kafka/pipeline/"];

  test("stages import neither of the endpoints behind them", async () => {
    const wrong: string[] = [];
    for (const file of sources.filter((one) => STAGES.some((place) => one.startsWith(place)))) {
      for (const target of await imports(file)) if (/^\.\.\/(broker|gateway)\//.test(target)) wrong.push(`${file} imports ${target}`);
    }
    expect(wrong).toEqual([]);
  });
});

describe("AMQP", () => {
  test("the model knows no version of the protocol: it imports its own files, the core and what the process gives it", async () => {
    const wrong: string[] = [];
    const files = sources.filter((one) => one.startsWith("src/amqp/model/"));
    for (const file of files) {
      for (const target of await imports(file)) {
        if (!target.startsWith(".")) continue;
        const reached = relative(root, resolve(root, dirname(file), target));
        if (reached.startsWith("src/amqp/") && !reached.startsWith("src/amqp/model/")) wrong.push(`${file} imports ${reached}`);
      }
    }
    expect(files.length).toBeGreaterThan(10);
    expect(wrong).toEqual([]);
  });
});

describe("generated indexes", () => {
  for (const family of FAMILIES) {
    test(`${family}/index.ts lists what is there (bun build.ts --indexes writes it)`, async () => {
      expect(await read(`${family}/index.ts`)).toBe(await indexOf(family));
    });
  }
});

describe("banned calls", () => {
  /** What may not be called, where it may, and what to call instead. */
  const BANNED: { call: RegExp; allowed: string[]; instead: string }[] = [
    { call: /\b(?:Date\.now|performance\.now)\b|\bnew Date\(\)/, allowed: ["src/hooks/clock.ts"], instead: "clock.now()" },
    { call: /\b(?:setTimeout|setInterval)\s*\(/, allowed: ["src/hooks/clock.ts"], instead: "clock.after()" },
    {
      call: /\bMath\.random\b|\bcrypto\.(?:randomUUID|getRandomValues|randomBytes)\b/,
      allowed: ["src/hooks/random.ts"],
      instead: "host.random() or at.random",
    },
    { call: /\bBun\.sleep(?:Sync)?\s*\(/, allowed: [], instead: "clock.sleep()" },
    {
      call: /\bconsole\.(?:log|info|warn|error)\s*\(/,
      allowed: ["src/main.ts", "src/program.ts", "src/cli/"],
      instead: "the print function you were given",
    },
    { call: /\bprocess\.exit\s*\(/, allowed: ["src/cli/"], instead: "a thrown error" },
  ];
  for (const { call, allowed, instead } of BANNED) {
    test(`${call.source} → ${instead}`, async () => {
      const wrong: string[] = [];
      for (const file of sources) {
        if (allowed.some((place) => file.startsWith(place))) continue;
        (await read(file)).split("\n").forEach((line, i) => {
          if (call.test(line.replace(/\/\/.*$|^\s*\*.*$|\/\*\*?.*$/, ""))) wrong.push(`${file}:${i + 1}: ${line.trim()}`);
        });
      }
      expect(wrong).toEqual([]);
    });
  }
});

describe("what nobody needs", () => {
  /** Exported for people who import them: the plugin API, the module for tests. */
  const PUBLIC = ["src/hooks/plugin.ts", "src/hooks/verdicts.ts", "src/rules/module.ts", "src/testing/"];

  test("no value is exported that no other file uses", async () => {
    const texts = new Map<string, string>();
    for (const file of tracked.filter((one) => one.endsWith(".ts"))) {
      if (await Bun.file(join(root, file)).exists()) texts.set(file, await read(file));
    }
    const unused: string[] = [];
    for (const file of sources.filter((one) => !one.endsWith("/index.ts") && !PUBLIC.some((place) => one.startsWith(place)))) {
      for (const [, name] of texts.get(file)!.matchAll(/^export (?:abstract |async )*(?:const|let|class|function\*?) (\w+)/gm)) {
        const used = new RegExp(`\\b${name}\\b`);
        if (![...texts].some(([other, text]) => other !== file && used.test(text))) unused.push(`${file}: ${name}`);
      }
    }
    expect(unused).toEqual([]);
  });
});

describe("the repository", () => {
  test("no comment is longer than the formatter lets code be", async () => {
    const wrong: string[] = [];
    for (const file of tracked.filter((one) => /^(src|tests|bench|plugins)\/.*\.ts$/.test(one))) {
      if (!(await Bun.file(join(root, file)).exists())) continue;
      (await read(file)).split("\n").forEach((line, i) => {
        if (line.length > 140 && /^\s*(?:\/\/|\/?\*)/.test(line)) wrong.push(`${file}:${i + 1}`);
      });
    }
    expect(wrong).toEqual([]);
  });

  test("bun.lock names no host", async () => {
    expect(await read("bun.lock")).not.toContain("http");
  });

  test("holds no unfinished work and no path of a machine", async () => {
    const wrong: string[] = [];
    const unfinished = new RegExp(
      ["TO" + "DO", "FIX" + "ME", "X" + "XX", "not imple" + "mented yet"].map((word) => `\\b${word}\\b`).join("|"),
    );
    for (const file of tracked.filter((one) => /\.(ts|js|py|go|rs|java|sh|md|toml|json|ya?ml)$/.test(one) || one.startsWith(".ci/"))) {
      if (!(await Bun.file(join(root, file)).exists())) continue;
      (await read(file)).split("\n").forEach((line, i) => {
        if (unfinished.test(line) || /(?:^|[^\w.])\/(?:home|root|work|Users)\/\w/.test(line))
          wrong.push(`${file}:${i + 1}: ${line.trim()}`);
      });
    }
    expect(wrong).toEqual([]);
  });

  test("every dependency has its reason in docs/ARCHITECTURE.md", async () => {
    const manifest = JSON.parse(await read("package.json"));
    const page = await read("docs/ARCHITECTURE.md");
    const missing = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies }).filter((name) => !page.includes(`\`${name}\``));
    expect(missing).toEqual([]);
  });
});
