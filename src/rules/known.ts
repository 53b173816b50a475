import faults from "../faults/index.ts";
import { registerOperations } from "../hooks/rule/operations.ts";
import { registerFaults, registerPresets } from "../hooks/rule.ts";
import presets from "../presets/index.ts";
import { operations } from "./operations.ts";

/** Makes known what rules may name. */
export function registerAll(): void {
  registerFaults(faults);
  registerPresets(presets);
  registerOperations(operations);
}
