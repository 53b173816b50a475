import { duration, either, number, object, optional } from "../../core/shape.ts";
import { delay, type At } from "../../hooks/plugin.ts";
import type { Random } from "../../hooks/random.ts";
import type { Fault } from "../rule.ts";
import { at, placeOf } from "./support/place.ts";

interface Options {
  /** Always the same, or drawn evenly from a range. */
  ms?: number | { from: number; to: number } | undefined;
  /** Drawn from a normal distribution, without what lies below 0. */
  normal?: { mean: number; deviation: number } | undefined;
  /** Mostly short, sometimes very long: the lower the shape, the heavier the tail. */
  pareto?: { least: number; shape: number; most: number } | undefined;
  /** Grows evenly from the first time on, and then stays. */
  ramp?: { from: number; to: number; over: number } | undefined;
}

const inOrder = ({ from, to }: { from: number; to: number }, flaw: (path: string[], message: string) => void): void => {
  if (to < from) flaw(["to"], `${to} ms is less than from, ${from} ms`);
};

/** Messages are late, or the operation that the rule names. What follows on the same connection waits with them. */
const latency: Fault<Options> = {
  name: "latency",
  summary:
    "late by { ms: 200ms }, { ms: { from, to } }, { normal: { mean, deviation } }, { pareto: { least, shape, most } } or { ramp: { from, to, over } }",
  options: object(
    {
      ms: optional(either(duration, object({ from: duration, to: duration }, inOrder))),
      normal: optional(object({ mean: duration, deviation: duration })),
      pareto: optional(
        object({ least: duration, shape: optional(number(0.1, 100), 1.5), most: optional(duration, 60_000) }, ({ least, most }, flaw) => {
          if (most < least) flaw(["most"], `${most} ms is less than least, ${least} ms`);
        }),
      ),
      ramp: optional(object({ from: optional(duration, 0), to: duration, over: duration })),
    },
    (options, flaw) => {
      if (Object.keys(options).length !== 1) flaw([], "latency takes one of ms, normal, pareto and ramp");
    },
  ),
  plugin({ ms, normal, pareto, ramp }, match) {
    let began: number | null = null;
    const drawn = (random: Random, now: number): number => {
      if (normal !== undefined) return Math.max(0, normal.mean + normal.deviation * gauss(random));
      if (pareto !== undefined) return Math.min(pareto.most, pareto.least / (1 - random.next()) ** (1 / pareto.shape));
      if (ramp !== undefined)
        return ramp.from + (ramp.to - ramp.from) * Math.min(1, ramp.over === 0 ? 1 : (now - (began ??= now)) / ramp.over);
      return typeof ms === "object" ? random.float(ms.from, ms.to) : ms!;
    };
    return at(placeOf(match), (_event: unknown, { random, clock }: At) => delay(Math.round(drawn(random, clock.now())), "latency"));
  },
};

/** A draw from the standard normal distribution (Box and Muller). */
function gauss(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
}

export default latency;
