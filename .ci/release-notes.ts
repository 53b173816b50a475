/**
 * `bun .ci/release-notes.ts [FROM] [TO]`: release notes in Markdown from the commits after tag FROM (the latest
 * tag before TO when left out; all there are when there is none) up to TO (HEAD). Commits begin with an imperative,
 * which says under which heading they belong; merges, tests and CI are left out.
 */
const HEADINGS: readonly [heading: string, verbs: RegExp][] = [
  ["Removed", /^(Remove|Drop|Delete)\b/],
  ["Fixed", /^(Fix|Mend|Repair|Correct|Stop|Do not|Don't|Never|Keep|Refuse)\b/],
  ["Faster", /^(Speed|Cache|Avoid|Save)\b/],
  ["Added", /^(Add|Let|Offer|Give|Take|Read|Write|Show|Tell|Support|Answer|Begin)\b/],
];
/** What users of a release do not see. */
const INSIDE = /^(Merge|Revert "Merge)\b|\b(tests?|CI|benches|benchmark)\b/;

export function releaseNotes(version: string, subjects: readonly string[]): string {
  const sections = new Map<string, string[]>([...HEADINGS.map(([heading]) => heading), "Changed"].map((heading) => [heading, []]));
  for (const subject of subjects) {
    if (INSIDE.test(subject)) continue;
    const heading = HEADINGS.find(([, verbs]) => verbs.test(subject))?.[0] ?? "Changed";
    const list = sections.get(heading)!;
    if (!list.includes(subject)) list.push(subject);
  }
  const order = ["Added", "Changed", "Fixed", "Faster", "Removed"];
  const parts = order.flatMap((heading) => {
    const list = sections.get(heading)!;
    return list.length === 0 ? [] : [`## ${heading}\n${list.map((subject) => `- ${subject}`).join("\n")}`];
  });
  return `# havoq ${version}\n\n${parts.length === 0 ? "Nothing that users would see has changed." : parts.join("\n\n")}\n`;
}

function git(...args: string[]): string | null {
  const { exitCode, stdout } = Bun.spawnSync(["git", ...args], { stderr: "ignore" });
  return exitCode === 0 ? stdout.toString().trim() : null;
}

if (import.meta.main) {
  const [given, to = "HEAD"] = process.argv.slice(2);
  const from = given ?? git("describe", "--tags", "--abbrev=0", `${to}^`);
  const log = git("log", "--no-merges", "--format=%s", from === null ? to : `${from}..${to}`);
  if (log === null) {
    console.error(`there are no commits ${from ?? ""}..${to} here`);
    process.exit(1);
  }
  const version =
    git("describe", "--tags", "--exact-match", to) ?? (await Bun.file(new URL("../package.json", import.meta.url)).json()).version;
  process.stdout.write(releaseNotes(version, log === "" ? [] : log.split("\n")));
}
