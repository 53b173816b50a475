import { Tally } from "../../core/tally.ts";
import { type ErrorName, errorName } from "../wire/errors.ts";
import type { AnyTable } from "../wire/api.ts";
import type { Fields } from "../wire/schema.ts";

/** Upper bounds of the buckets of request durations, in seconds. */
export const DURATION_BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30] as const;

/** What was asked of one API. */
class ApiCounts {
  count = 0;
  private readonly failed = new Map<ErrorName, number>();
  /** Seconds from a request to its answer, all together. */
  seconds = 0;
  /** Requests by duration: one count per bucket, the last for all that took longer. */
  readonly buckets: number[] = new Array(DURATION_BUCKETS.length + 1).fill(0);

  constructor(private readonly errorOf: (body: any) => number) {}

  /** Answers by the first error in them; `NONE` for answers without. */
  get errors(): ReadonlyMap<ErrorName, number> {
    let fine = this.count;
    for (const count of this.failed.values()) fine -= count;
    return fine === 0 ? this.failed : new Map([["NONE", fine], ...this.failed]);
  }

  /** @param response null where none was sent */
  add(response: any, ms: number): void {
    this.answered(response === null ? 0 : this.errorOf(response), ms);
  }

  /** @param code of the first error in the answer */
  answered(code: number, ms: number): void {
    this.count++;
    if (code !== 0) {
      const error = errorName(code);
      this.failed.set(error, (this.failed.get(error) ?? 0) + 1);
    }
    this.seconds += ms / 1000;
    let i = 0;
    while (i < DURATION_BUCKETS.length && ms > DURATION_BUCKETS[i]! * 1000) i++;
    this.buckets[i]!++;
  }
}

/** Counters of the whole cluster; those of a topic are on the topic. */
export class Metrics {
  /** By API name. */
  readonly apis = new Map<string, ApiCounts>();
  private readonly byKey: ApiCounts[] = [];
  /** Messages of topics that were deleted, by topic. */
  readonly gone = new Tally();
  /** What was fetched of them, by topic and group, see `consumedBy`. */
  readonly goneOut = new Tally();

  api(api: AnyTable): ApiCounts {
    let counts = this.byKey[api.key];
    if (counts === undefined) {
      this.byKey[api.key] = counts = new ApiCounts(firstError(api.response.fields));
      this.apis.set(api.name, counts);
    }
    return counts;
  }
}

/** Finds the first error code in bodies of this shape; 0 when there is none. */
function firstError(fields: Fields): (body: any) => number {
  const own = "errorCode" in fields;
  const lists = Object.entries(fields)
    .filter(([, field]) => field.kind === "array" && field.element!.kind === "struct" && mentionsError(field.element!.fields!))
    .map(([name, field]) => ({ name, find: firstError(field.element!.fields!) }));
  return (body) => {
    if (own && body.errorCode) return body.errorCode;
    for (const { name, find } of lists) {
      for (const one of body[name] ?? []) {
        const code = find(one);
        if (code !== 0) return code;
      }
    }
    return 0;
  };
}

function mentionsError(fields: Fields): boolean {
  return "errorCode" in fields || Object.values(fields).some((f) => f.element?.fields != null && mentionsError(f.element.fields));
}

/** A topic and the group that reads it as one name. */
export function consumedBy(topic: string, group: string): string {
  return `${topic}\0${group}`;
}
