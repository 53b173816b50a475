import { isObject, suggestion } from "../core/shape.ts";
import type { Rule } from "./rule.ts";

/** Why a rule may not have fired: it waits for another one that there never was. Empty where that is not so. @param ids of all rules */
export function waitsInVain({ when }: Rule, ids: readonly string[]): string {
  const window = Array.isArray(when?.window) ? when.window[0] : when?.window?.from;
  const awaited: unknown = when?.after ?? window;
  if (!isObject(awaited) || typeof awaited["rule"] !== "string" || ids.includes(awaited["rule"])) return "";
  return `; it waits for rule ${awaited["rule"]}, which there is not: ${suggestion(awaited["rule"], ids)}`;
}
