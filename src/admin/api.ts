import { type OpenAPIHono, type RouteConfig, type RouteHandler, z } from "@hono/zod-openapi";
import { nearest } from "../core/nearest.ts";
import { parseDuration } from "../core/units.ts";
import type { Havoq } from "../havoq.ts";

export { createRoute, z } from "@hono/zod-openapi";

/** What Bun's server can do for one request; null in tests that call the routes without a socket. */
export interface Served {
  /** Keeps the connection open although nothing is sent for longer than Bun's idle time. */
  patience(): void;
}

export type Env = { Bindings: Served };
export type Api = OpenAPIHono<Env>;

/** One resource: adds its routes. */
export type Resource = (api: Api, havoq: Havoq) => void;

/** An answer that tells what is wrong: `{ error, path, didYouMean }`. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  constructor(
    readonly status: 400 | 401 | 403 | 404 | 409 | 413 | 415 | 421 | 500 | 501 | 503 | 504,
    message: string,
    readonly more: { path?: (string | number)[]; didYouMean?: string } = {},
  ) {
    super(message);
  }
}

export const Problem = z
  .object({
    error: z.string(),
    /** Where in the request's body or query. */
    path: z.array(z.union([z.string(), z.number()])).optional(),
    didYouMean: z.string().optional(),
  })
  .openapi("Problem");

/** The responses of an operation that answers with JSON. */
export function answers<S extends z.ZodType>(schema: S, description: string) {
  return {
    200: { description, content: { "application/json": { schema } } },
    default: { description: "What is wrong", content: { "application/json": { schema: Problem } } },
  } as const;
}

/** The body of an operation that takes JSON. */
export function takes<S extends z.ZodType>(schema: S) {
  return { required: true, content: { "application/json": { schema } } } as const;
}

type Config = RouteConfig & { getRoutingPath(): string };

/** Adds one described operation; a request that does not fit is answered with the place and the nearest right word. */
export function route<R extends Config>(api: Api, config: R, handler: RouteHandler<R, Env>): void {
  api.openapi(config, handler, (result) => {
    if (result.success) return;
    const { request } = config;
    const body = (request?.body?.content as Record<string, { schema: unknown }> | undefined)?.["application/json"]?.schema;
    const schema = result.target === "query" ? request?.query : result.target === "json" ? body : request?.params;
    throw unfit(result.error.issues as z.core.$ZodIssue[], schema, (result as { data?: unknown }).data);
  });
}

function unfit([issue]: readonly z.core.$ZodIssue[], schema: unknown, given: unknown): ApiError {
  const path = issue!.path as (string | number)[];
  const value = path.reduce((at: any, step) => at?.[step], given);
  if (issue!.code === "unrecognized_keys") return unknownKey([...path, issue.keys[0]!], keysAt(schema, path));
  if (issue!.code === "invalid_union" && issue.errors.length > 0) {
    const known = keysAt(schema, path);
    const stranger = typeof value === "object" && value !== null ? Object.keys(value).find((key) => !known.includes(key)) : undefined;
    if (stranger !== undefined) return unknownKey([...path, stranger], known);
    // The shape that was most likely meant is the one that fits best.
    const [best] = [...issue.errors].sort((a, b) => a.length - b.length);
    return unfit(
      best!.map((one) => ({ ...one, path: [...path, ...one.path] })),
      schema,
      given,
    );
  }
  const near = issue!.code === "invalid_value" && typeof value === "string" ? nearest(value, issue.values.map(String)) : null;
  const hint = near === null ? "" : `: did you mean ${near}?`;
  return new ApiError(400, `${path.join(".") || "the request"}: ${issue!.message}${hint}`, {
    path,
    ...(near === null ? {} : { didYouMean: near }),
  });
}

function unknownKey(path: (string | number)[], known: string[]): ApiError {
  const near = nearest(String(path.at(-1)), known);
  const hint = near === null ? `there are ${known.join(", ")}` : `did you mean ${near}?`;
  return new ApiError(400, `unknown key ${path.join(".")}: ${hint}`, { path, ...(near === null ? {} : { didYouMean: near }) });
}

/** The keys that a schema knows at a path. */
function keysAt(schema: any, path: readonly (string | number)[]): string[] {
  let nodes = flat(schema);
  for (const step of path) nodes = nodes.flatMap((node) => flat(node.shape?.[step] ?? node.valueType ?? node.element));
  return [...new Set(nodes.flatMap((node) => Object.keys(node.shape ?? {})))];
}

/** A schema without what is wrapped around it; of a union each part. */
function flat(node: any): any[] {
  while (node?.def?.innerType !== undefined || node?.def?.in !== undefined) node = node.def.innerType ?? node.def.in;
  if (node === undefined) return [];
  return node.options === undefined || node.def?.type !== "union" ? [node] : node.options.flatMap(flat);
}

/** Throws 404 for a thing that is not there, with the nearest that is. */
export function missing(what: string, name: string, known: Iterable<string>): never {
  const near = nearest(name, [...known]);
  throw new ApiError(
    404,
    `there is no ${what} ${name}${near === null ? "" : `: did you mean ${near}?`}`,
    near === null ? {} : { didYouMean: near },
  );
}

/** Throws 404 where no account of messages is kept. */
export function kept<T>(oracle: T | null): T {
  if (oracle === null) throw new ApiError(404, "no account is kept: start with oracle: true, or POST /api/oracle");
  return oracle;
}

/** Throws 404 for a protocol that is switched off. */
export function enabled<T>(protocol: string, part: T | null): T {
  if (part === null) throw new ApiError(404, `${protocol} is not enabled`);
  return part;
}

/** `200ms`, `2s`, `1d` or a number of milliseconds. */
export const Duration = z
  .union([z.string(), z.number()])
  .transform((value, context): number => {
    const ms = parseDuration(value);
    if (ms !== null) return ms;
    context.addIssue({ code: "custom", message: 'expected a duration such as "500ms", "30s" or "7d"' });
    return z.NEVER;
  })
  .openapi({ type: ["string", "number"], example: "30s" });

/** A whole number in a path or query. */
export const Whole = z
  .string()
  .regex(/^\d{1,15}$/, "expected a whole number")
  .transform(Number)
  .openapi({ type: "integer", minimum: 0 });

/** `true` or `false` in a query. */
export const Flag = z
  .enum(["true", "false"])
  .transform((text) => text === "true")
  .openapi({ type: "boolean" });

export const Done = z.object({ done: z.literal(true) }).openapi("Done");
