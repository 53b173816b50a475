import { duration, object, optional } from "../../core/shape.ts";
import { MATCH_KEYS } from "../../hooks/match.ts";
import type { Preset } from "../rule.ts";
import { within } from "./support/match.ts";

interface Options {
  from: number;
  to: number;
  for?: number | undefined;
  after: number;
}

/** What has to be written before it is acknowledged is late; all else is as quick as ever. */
const slowDisk: Preset<Options> = {
  name: "slow-disk",
  summary: "acknowledgements of what is stored are late by { from } to { to }: Produce, PUBACK and PUBREC, publisher confirms",
  options: object(
    { from: optional(duration, 200), to: optional(duration, 2000), for: optional(duration), after: optional(duration, 0) },
    ({ from, to }, flaw) => {
      if (to < from) flaw(["to"], `${to} ms is less than from, ${from} ms`);
    },
  ),
  goesBy: MATCH_KEYS.filter((key) => key !== "operation" && key !== "direction"),
  rules: ({ from, to, for: lasts, after }, match) =>
    within(match, "response", { kafka: ["Produce"], mqtt: ["PUBACK", "PUBREC"], amqp: ["basic.ack"] }).map((one) => ({
      match: { ...one, direction: "out" as const },
      when: { after: `${after}ms` },
      ...(lasts === undefined ? {} : { for: lasts }),
      fault: { latency: { ms: { from, to } } },
    })),
};

export default slowDisk;
