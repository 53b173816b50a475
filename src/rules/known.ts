import faults from "./faults/index.ts";
import { registerOperations } from "./named-operations.ts";
import { registerFaults, registerPresets } from "./rule.ts";
import presets from "./presets/index.ts";
import { operations } from "./operations.ts";

/** Makes known what rules may name. */
export function registerAll(): void {
  registerFaults(faults);
  registerPresets(presets);
  registerOperations(operations);
}
