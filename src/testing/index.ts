import { start as startBrokers } from "../app.ts";
import { loadConfig } from "../config/load.ts";
import type { Havoq } from "../havoq.ts";
import type { Start, StartOptions } from "./api.ts";
import { Client, freePorts, type Ask } from "./client.ts";

export type * from "./api.ts";

/** Starts brokers of their own in this process. */
export const start: Start = async ({ seed, rules = [], plugins, config }: StartOptions = {}) => {
  const settings = [
    ...["kafka", "mqtt", "amqp", "admin"].map((part) => ({ key: `${part}.port`, value: 0, from: part })),
    ...(seed === undefined ? [] : [{ key: "seed", value: seed, from: "seed" }]),
    ...(plugins === undefined ? [] : [{ key: "plugins.dir", value: plugins, from: "plugins" }]),
  ];
  const havoq = await startBrokers(config === undefined ? await loadConfig({ settings, env: {} }) : await configOf(config, settings), {});
  try {
    // Checked by the grammar, whatever a test's author wrote.
    havoq.rules.addAll(rules as never, { source: "test" });
  } catch (error) {
    await havoq.stop();
    throw error;
  }
  return new Client(havoq.addresses(), within(havoq), () => havoq.stop());
};

async function configOf(config: Readonly<Record<string, unknown>>, settings: { key: string; value: unknown; from: string }[]) {
  const { layer } = await import("../config/layers.ts");
  return layer({ text: JSON.stringify(freePorts(config)), file: "config", settings }).config;
}

/** The HTTP API without the network; loaded by the first request. */
function within(havoq: Havoq): Ask {
  let answer: Promise<Ask> | null = null;
  return async (request) => (await (answer ??= import("../admin/routes.ts").then(({ routes }): Ask => (one) => routes(havoq)(one, null))))(request);
}
