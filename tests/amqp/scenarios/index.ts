import type { Stage } from "../scenario.ts";
import args from "./arguments.ts";
import channels from "./channels.ts";
import consumers from "./consumers.ts";
import declarations from "./declarations.ts";
import deliveries from "./deliveries.ts";
import edges from "./edges.ts";
import frames from "./frames.ts";
import letters from "./letters.ts";
import routing from "./routing.ts";
import topology from "./topology.ts";

/** Operations by name: run against two brokers, both must give every client the same answers in the same order. */
export type Scenarios = Record<string, (stage: Stage) => Promise<unknown>>;

export const scenarios: Scenarios = { ...frames, ...channels, ...declarations, ...routing, ...deliveries, ...args, ...edges, ...consumers, ...letters, ...topology };
