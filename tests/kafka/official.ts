import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { inflateRawSync } from "node:zlib";

/**
 * Kafka's own message definitions, read from the kafka-clients jar that Maven keeps or gets. They are
 * not ours to commit, so a machine without Maven goes without: `definitions` is then null.
 */
export const VERSION = "4.4.0";

export interface Definition {
  apiKey: number;
  name: string;
  validVersions: string;
  flexibleVersions: string;
  latestVersionUnstable?: boolean;
  fields: DefinedField[];
  commonStructs?: { name: string; versions: string; fields: DefinedField[] }[];
}

export interface DefinedField {
  name: string;
  type: string;
  versions: string;
  nullableVersions?: string;
  tag?: number;
  taggedVersions?: string;
  default?: unknown;
  fields?: DefinedField[];
}

/** By name, such as `FetchRequest`; null when there is no jar and no way to get it. */
export const definitions: ReadonlyMap<string, Definition> | null = read();

function read(): Map<string, Definition> | null {
  const jar = find();
  if (jar === null) {
    const why = `no kafka-clients ${VERSION} jar and no Maven to get it: tables are not compared with Kafka's definitions`;
    if (process.env.CI) throw new Error(why);
    console.error(`SKIPPED: ${why}`);
    return null;
  }
  const found = new Map<string, Definition>();
  for (const [name, text] of unzip(readFileSync(jar))) {
    const match = /^common\/message\/(\w+)\.json$/.exec(name);
    if (match) found.set(match[1]!, JSON.parse(text().replace(/^\s*\/\/.*$/gm, "")));
  }
  return found;
}

function find(): string | null {
  const jar = join(homedir(), ".m2/repository/org/apache/kafka/kafka-clients", VERSION, `kafka-clients-${VERSION}.jar`);
  if (existsSync(jar)) return jar;
  if (!Bun.which("mvn")) return null;
  const got = Bun.spawnSync(
    ["mvn", "-q", "-B", "dependency:get", `-Dartifact=org.apache.kafka:kafka-clients:${VERSION}`, "-Dtransitive=false"],
    { stdout: "ignore", stderr: "inherit", timeout: 120_000 },
  );
  return got.success && existsSync(jar) ? jar : null;
}

/** The files of a zip archive by its central directory; texts are inflated when asked for. */
function* unzip(zip: Buffer): Generator<[name: string, text: () => string]> {
  const end = zip.lastIndexOf(Buffer.from("PK\x05\x06"));
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const size = zip.readUInt32LE(at + 20);
    const [nameLength, extra, comment] = [28, 30, 32].map((o) => zip.readUInt16LE(at + o)) as [number, number, number];
    const local = zip.readUInt32LE(at + 42);
    const stored = zip.readUInt16LE(at + 10) === 0;
    yield [
      zip.toString("utf8", at + 46, at + 46 + nameLength),
      () => {
        const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
        const data = zip.subarray(start, start + size);
        return (stored ? data : inflateRawSync(data)).toString("utf8");
      },
    ];
    at += 46 + nameLength + extra + comment;
  }
}
