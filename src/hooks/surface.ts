import type { Broker } from "./plugin.ts";

/** The control surface as hooks need it: besides its methods, which of them change something, and what these take. */
export interface ControlSurface extends Broker {
  /** The names of the control actions: written to the journal before they are done, and done again by a replay. */
  readonly actions: ReadonlySet<string>;
  /** An action's arguments as it takes them. Throws TypeError where they do not fit, RangeError where they name what is not there. */
  read(action: string, args: readonly unknown[]): unknown[];
}
