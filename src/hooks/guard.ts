import type { Guard, InstalledHook } from "./seam.ts";

/** Calls hooks as they are: for tests and plugins that are trusted to come back. */
export const plainGuard: Guard = {
  call: (run, event, at) => run(event, at),
  locate: (error: unknown, hook: InstalledHook) => `${hook.plugin.file}: ${error instanceof Error ? error.message : String(error)}`,
};
