/** Shapes of what the plugin API names and people also write in files and over HTTP: patterns and connection filters. */
import { list, object, optional, show, whole, word, type JsonSchema, type Shape } from "../core/shape.ts";
import type { ConnectionFilter, Pattern } from "./plugin.ts";

/** A regular expression in a text: `/^pay/i`. */
const EXPRESSION = /^\/(.+)\/([dgimsuvy]*)$/s;

export function patternOf(value: unknown): string | RegExp | undefined {
  if (value instanceof RegExp) return value;
  if (typeof value === "number") return String(value);
  if (typeof value !== "string") return undefined;
  const expression = EXPRESSION.exec(value);
  return expression === null ? value : new RegExp(expression[1]!, expression[2]);
}

/** Like `shape`, but `read` may throw to say more. */
export function telling<T>(wants: string, schema: JsonSchema, read: (value: unknown) => T | undefined): Shape<T> {
  return {
    wants,
    schema,
    read(value, path, flaws) {
      try {
        const answer = read(value);
        if (answer !== undefined) return answer;
        flaws.push({ path, message: `expected ${wants}, not ${show(value)}` });
      } catch (error) {
        flaws.push({ path, message: (error as Error).message });
      }
      return undefined as never;
    },
  };
}

const onePattern = telling("a text with wildcards or /a regular expression/", { type: ["string", "number"] }, patternOf);

/** A pattern or a list of them. */
export const pattern: Shape<Pattern> = {
  wants: "a text with wildcards, /a regular expression/ or a list of them",
  schema: { anyOf: [{ type: ["string", "number"] }, { type: "array", items: { type: ["string", "number"] }, minItems: 1 }] },
  read: (value, path, flaws) => (Array.isArray(value) ? list(onePattern, 1).read(value, path, flaws) : onePattern.read(value, path, flaws)),
};

/** Keeps one as one and several as a list, as a match has them. */
export function oneOrMore<T>(of: Shape<T>): Shape<T | T[]> {
  return {
    wants: `${of.wants}, or a list`,
    schema: { anyOf: [of.schema, { type: "array", items: of.schema, minItems: 1 }] },
    read: (value, path, flaws) => (Array.isArray(value) ? list(of, 1).read(value, path, flaws) : of.read(value, path, flaws)),
  };
}

export const protocol = word("kafka", "mqtt", "amqp");
export const transport = word("tcp", "tls", "websocket", "memory");

/** Which connections are meant. */
export const connectionFilter = object({
  protocol: optional(oneOrMore(protocol)),
  client: optional(pattern),
  user: optional(pattern),
  connection: optional(oneOrMore(whole(1))),
  transport: optional(transport),
  broker: optional(oneOrMore(whole(0))),
  id: optional(whole(0)),
}) as Shape<ConnectionFilter>;
