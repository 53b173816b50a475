import type { Stage } from "../scenario.ts";
import channels from "./channels.ts";
import declarations from "./declarations.ts";
import deliveries from "./deliveries.ts";
import frames from "./frames.ts";
import routing from "./routing.ts";

/** Operations by name: run against two brokers, both must give every client the same answers in the same order. */
export type Scenarios = Record<string, (stage: Stage) => Promise<unknown>>;

export const scenarios: Scenarios = { ...frames, ...channels, ...declarations, ...routing, ...deliveries };
