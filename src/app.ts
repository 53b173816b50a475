import { addressesOf } from "./config/addresses.ts";
import type { Config } from "./config/config.ts";
import { listenersOf } from "./config/listeners.ts";
import { Listeners } from "./net/listeners.ts";
import type { Havoq, StartOptions } from "./havoq.ts";
import { freshSeed } from "./hooks/random.ts";

export type { Addresses } from "./config/addresses.ts";
export type { Havoq, StartOptions } from "./havoq.ts";

/**
 * Starts the brokers of a configuration; settles once they serve on every port. The ports are open
 * before the brokers are loaded: who connects in these milliseconds waits, and is not turned away.
 */
export async function start(config: Config, options: StartOptions = {}): Promise<Havoq> {
  const tls =
    config.tls === undefined ? null : { cert: await Bun.file(config.tls.cert).text(), key: await Bun.file(config.tls.key).text() };
  const listeners = new Listeners(listenersOf(config, tls));
  try {
    listeners.open();
    if (options.opened !== undefined) await options.opened(addressesOf(listeners, (config.seed ??= freshSeed())));
    const { Havoq } = await import("./havoq.ts");
    return await Havoq.start(config, options, listeners);
  } catch (error) {
    listeners.close();
    throw error;
  }
}
