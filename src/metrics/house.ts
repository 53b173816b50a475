import type { Registry } from "prom-client";
import type { Havoq } from "../havoq.ts";
import { counter, type Sample } from "./family.ts";

/** A hook's `rule/point#2` as the rule or plugin it belongs to. */
const ruleOf = (hook: string): string => hook.replace(/\/(?:connect|disconnect|request|response|message|delivery|bytes)(?:#\d+)?$/, "");

export function addHouse(registry: Registry, { seam }: Havoq): void {
  counter(registry, {
    name: "havoq_faults_fired_total",
    help: "Verdicts of rules and plugins that fired",
    labels: ["rule", "verdict"],
    *read(): Iterable<Sample> {
      for (const { rule, verdict, count } of seam.fires.values()) yield [[ruleOf(rule), verdict], count];
    },
  });
  counter(registry, {
    name: "havoq_plugin_errors_total",
    help: "Failures of plugins",
    labels: ["plugin"],
    *read(): Iterable<Sample> {
      for (const { name, errors } of seam.plugins()) yield [[name], errors];
    },
  });
}
