/** The module `havoq`: all that the author of a plugin imports. */
export * from "../hooks/plugin.ts";
export { type Moment, type Rule, rule, type When } from "./rule.ts";
