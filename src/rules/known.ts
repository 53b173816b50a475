import { provideModule } from "../loader/module.ts";
import * as authors from "./module.ts";
import faults from "./faults/index.ts";
import { registerOperations } from "../hooks/operations.ts";
import { registerFaults, registerPresets } from "./rule.ts";
import presets from "./presets/index.ts";
import { operations } from "./operations.ts";

/** Makes known what rules may name. */
export function registerAll(): void {
  provideModule(authors);
  registerFaults(faults);
  registerPresets(presets);
  registerOperations(operations);
}
