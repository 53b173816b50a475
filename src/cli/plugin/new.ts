import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { GLOBALS, HAVOQ } from "./carried.ts";

const TSCONFIG = `{
  // For editors and \`havoq plugin check\`; havoq itself needs no compiler.
  "compilerOptions": {
    "target": "ESNext",
    "module": "Preserve",
    "lib": ["ESNext"],
    "types": [],
    "strict": true,
    "noEmit": true,
    "allowJs": true,
    "allowImportingTsExtensions": true,
    "resolveJsonModule": true,
    "skipLibCheck": true
  }
}
`;

const template = (name: string): string => `import { definePlugin, delay, drop } from "havoq";

// ${name}: loaded by \`havoq serve --plugins <this folder>\`, and again whenever it is saved.
export default definePlugin({
  // A message on its way in, before it is stored or routed: Kafka record, MQTT PUBLISH, AMQP publish.
  // Other hooks: connect, disconnect, request, response, delivery, bytes.
  message: {
    // Checked before anything is decoded. Also: protocol, exchange, routingKey, key, client, user, …
    match: { topic: "orders.*" },
    run: (message, at) => {
      // at.random is seeded: the same message meets the same fate in every run with that seed.
      if (at.random.chance(0.01)) return drop("one in a hundred is lost");
      if (at.random.chance(0.2)) return delay(at.random.int(50, 500), "one in five is late");
      at.counters.add("passed");
      return undefined; // goes on unchanged
    },
  },
});
`;

const NAME = /^[A-Za-z0-9][\w.-]*$/;

/**
 * Writes `NAME.ts`, a template that runs as it is, and beside it what an editor needs to complete it:
 * `tsconfig.json` (left alone where there is one) and the declarations. Returns the paths written.
 *
 * @throws Error for a name that is no file name, and for a plugin that exists.
 */
export function newPlugin(name: string, dir = "."): string[] {
  const stem = name.replace(/\.ts$/, "");
  if (!NAME.test(stem) || /\.(d|test|spec)$/.test(stem))
    throw new Error(`a plugin cannot be called ${name}: letters, digits, - and _ make a name`);
  const folder = resolve(dir);
  const file = join(folder, `${stem}.ts`);
  if (existsSync(file)) throw new Error(`${file} exists already`);
  mkdirSync(folder, { recursive: true });
  const written = [file];
  writeFileSync(file, template(stem));
  const config = join(folder, "tsconfig.json");
  if (!existsSync(config)) {
    writeFileSync(config, TSCONFIG);
    written.push(config);
  }
  for (const [declarations, text] of [
    ["havoq.d.ts", HAVOQ],
    ["havoq-globals.d.ts", GLOBALS],
  ] as const) {
    const path = join(folder, declarations);
    writeFileSync(path, text);
    written.push(path);
  }
  return written;
}
