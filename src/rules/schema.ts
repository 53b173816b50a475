import type { JsonSchema } from "../core/shape.ts";
import faults from "./faults/index.ts";
import type { FaultOptions } from "./rule.ts";
import { ruleDefinitions } from "./grammar.ts";
import presets from "./presets/index.ts";

/**
 * JSON Schema of `Rule` and of what it refers to, with all faults and presets. @param at where these definitions
 * will lie, such as `#/definitions/`
 */
export function ruleSchemas(at: string): Record<string, JsonSchema> {
  return ruleDefinitions(optionsOf(faults), optionsOf(presets), at);
}

function optionsOf(all: readonly { name: string; summary: string; options: FaultOptions<unknown> }[]): Record<string, JsonSchema> {
  return Object.fromEntries(all.map(({ name, summary, options }) => [name, { ...options.schema, description: summary }]));
}
