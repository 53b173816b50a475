import { worldOf } from "../control/world.ts";
import { DEFAULTS, type Config } from "./config.ts";
import type { Layered, Problem, Setting, Sources } from "./layers.ts";

export interface LoadOptions {
  /** A havoq.yaml; `HAVOQ_CONFIG` when left out. */
  config?: string | undefined;
  settings?: readonly Setting[];
  env?: Readonly<Record<string, string | undefined>>;
}

/**
 * The configuration of flags, environment and file. With flags alone neither the schema nor the parser
 * is loaded: flags are checked where they are read.
 */
export async function loadConfig(options: LoadOptions): Promise<Config> {
  const { settings = [], env = process.env } = options;
  const file = options.config ?? env.HAVOQ_CONFIG;
  if (file !== undefined || isGivenBy(env)) return (await explainConfig(options)).config;
  const config: Config = structuredClone(DEFAULTS);
  let chosen = false;
  for (const { key, value } of settings) {
    const path = key.split(".");
    const last = path.pop()!;
    let at: any = config;
    for (const step of path) at = at[step];
    at[last] = value;
    chosen ||= key === WEBSOCKET;
  }
  return freePorts(config, chosen);
}

function isGivenBy(env: Readonly<Record<string, string | undefined>>): boolean {
  for (const name of Object.keys(env)) if (name.startsWith("HAVOQ_")) return true;
  return false;
}

/** The same, with where each value came from. */
export async function explainConfig({ config: given, settings = [], env = process.env }: LoadOptions): Promise<Layered> {
  const { ConfigError, layer } = await import("./layers.ts");
  const file = given ?? env.HAVOQ_CONFIG;
  const sources: Sources = { settings, env };
  if (file !== undefined) {
    if (!(await Bun.file(file).exists())) throw new ConfigError(`there is no file ${file}; leave out --config to run with defaults`);
    Object.assign(sources, { file, text: await Bun.file(file).text() });
  }
  const [{ configProblem, TOPIC_CONFIGS }, { nearest }] = await Promise.all([
    import("../kafka/broker/configs.ts"),
    import("../core/nearest.ts"),
  ]);
  const problemOf = (name: string, value: string): string | null => {
    const problem = configProblem(name, value);
    const near = name in TOPIC_CONFIGS ? null : nearest(name, Object.keys(TOPIC_CONFIGS));
    return problem !== null && near !== null ? `${problem}: did you mean ${near}?` : problem;
  };
  const { chaosProblems } = await import("../rules/start.ts");
  const layered = layer({
    ...sources,
    check: (config) => [...topicProblems(config, problemOf), ...chaosProblems(config.chaos, worldOf(config))],
  });
  freePorts(layered.config, layered.origin(WEBSOCKET.split(".")) !== "default");
  return layered;
}

const WEBSOCKET = "mqtt.websocket_port";

/** Who asks for any free port asks for all of them to be free. */
function freePorts(config: Config, chosen: boolean): Config {
  if (config.mqtt.port === 0 && !chosen) config.mqtt.websocket_port = 0;
  return config;
}

function topicProblems({ kafka: { topics, brokers } }: Config, problemOf: (name: string, value: string) => string | null): Problem[] {
  return Object.entries(topics).flatMap(([topic, { config = {}, replication_factor = 1 }]): Problem[] => {
    const path = ["kafka", "topics", topic];
    return [
      ...(replication_factor <= brokers
        ? []
        : [
            {
              path: [...path, "replication_factor"],
              message: `${replication_factor} replicas need as many brokers, and there are ${brokers}`,
            },
          ]),
      ...Object.entries(config).flatMap(([name, value]) => {
        const message = problemOf(name, value);
        return message === null ? [] : [{ path: [...path, "config", name], message }];
      }),
    ];
  });
}
