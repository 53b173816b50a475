import { Counter, Gauge, type Registry } from "prom-client";
import { OTHER } from "../core/tally.ts";

/** Series of one metric that have labels of their own; the rest is counted under `other`. */
const SERIES_MOST = 1000;

/** The values of the labels, in the order of their names, and the value. */
export type Sample = readonly [labels: readonly string[], value: number];

export interface Family {
  name: string;
  help: string;
  labels?: readonly string[];
  /** Read at each scrape from what the brokers count anyway. */
  read(): Iterable<Sample> | number;
}

/** Adds a counter. What it counts is kept by the brokers, from their start on. */
export function counter(registry: Registry, family: Family): void {
  const capped = new Cap();
  new Counter({
    name: family.name,
    help: family.help,
    labelNames: [...(family.labels ?? [])],
    registers: [registry],
    collect() {
      this.reset();
      for (const [labels, value] of samples(family, capped)) this.inc(labels, value);
    },
  });
}

export function gauge(registry: Registry, family: Family): void {
  const capped = new Cap();
  new Gauge({
    name: family.name,
    help: family.help,
    labelNames: [...(family.labels ?? [])],
    registers: [registry],
    collect() {
      this.reset();
      for (const [labels, value] of samples(family, capped)) this.inc(labels, value);
    },
  });
}

/** Requests by duration, as they lie in the brokers: one count for each bucket, the last for all beyond. */
export interface Durations {
  readonly buckets: readonly number[];
  readonly count: number;
  readonly seconds: number;
}

/**
 * Adds a histogram that is counted elsewhere: the library's own would have to be told of each value,
 * and would have to be loaded before the first one.
 */
export function histogram(
  registry: Registry,
  name: string,
  help: string,
  label: string,
  bounds: readonly number[],
  read: () => Iterable<readonly [string, Durations]>,
): void {
  const get = async () => ({
    name,
    help,
    type: "histogram",
    aggregator: "sum",
    values: [...read()].flatMap(([value, { buckets, count, seconds }]) => {
      let below = 0;
      const labels = { [label]: value };
      return [
        ...bounds.map((le, i) => ({ metricName: `${name}_bucket`, labels: { le, ...labels }, value: (below += buckets[i]!) })),
        { metricName: `${name}_bucket`, labels: { le: "+Inf", ...labels }, value: count },
        { metricName: `${name}_sum`, labels, value: seconds },
        { metricName: `${name}_count`, labels, value: count },
      ];
    }),
  });
  registry.registerMetric({ name, help, type: "histogram", get, reset: () => undefined } as never);
}

function* samples({ labels: names = [], read }: Family, capped: Cap): Generator<[Record<string, string>, number]> {
  const found = read();
  if (typeof found === "number") return yield [{}, found];
  for (const [labels, value] of found) yield [capped.labels(names, labels), value];
}

/** Who came first keeps its own labels, so that no counter ever goes down. */
class Cap {
  private readonly known = new Set<string>();

  labels(names: readonly string[], values: readonly string[]): Record<string, string> {
    const key = values.join("\0");
    const own = this.known.has(key) || this.known.size < SERIES_MOST;
    if (own) this.known.add(key);
    return Object.fromEntries(names.map((name, i) => [name, own ? values[i]! : OTHER]));
  }
}
