import { EMPTY } from "../bytes/writer.ts";
import { z } from "./api.ts";

/** A stored message as the API shows it, whatever the protocol. */
export const StoredMessage = z
  .object({
    protocol: z.enum(["kafka", "mqtt", "amqp"]),
    /** Kafka or MQTT topic, AMQP queue. */
    destination: z.string(),
    partition: z.int().optional(),
    offset: z.int().optional(),
    vhost: z.string().optional(),
    exchange: z.string().optional(),
    /** Record key, routing key. */
    key: z.string().nullable(),
    /** Text as it is; other bytes in base64. Null: a tombstone. */
    payload: z.string().nullable(),
    encoding: z.enum(["text", "base64"]),
    /** The payload read as JSON, where it is. */
    json: z.unknown().optional(),
    headers: z.record(z.string(), z.unknown()),
    properties: z.record(z.string(), z.unknown()).optional(),
    /** Milliseconds since 1970. */
    timestamp: z.number().optional(),
    redelivered: z.boolean().optional(),
  })
  .openapi("StoredMessage");

export type StoredMessage = z.output<typeof StoredMessage>;

/** Payload, encoding and, where it is some, JSON. */
export function shown(payload: Uint8Array | null): Pick<StoredMessage, "payload" | "encoding" | "json"> {
  if (payload === null) return { payload: null, encoding: "text" };
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
  const text = asText(bytes);
  if (text === null) return { payload: bytes.toString("base64"), encoding: "base64" };
  const json = /^\s*[[{]/.test(text) ? parsed(text) : undefined;
  return { payload: text, encoding: "text", ...(json === undefined ? {} : { json }) };
}

/** Null where the bytes are no text. */
function asText(bytes: Buffer): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Values that JSON does not have: bytes that are text as text, others and large numbers as `{ $bytes }` and `{ $bigint }`. */
export function plain(value: unknown): unknown {
  if (typeof value === "bigint") return { $bigint: String(value) };
  if (value instanceof Uint8Array) return asText(Buffer.from(value)) ?? { $bytes: Buffer.from(value).toString("base64") };
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "object" && value !== null) return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
  return value;
}

/** What a publisher gave as payload, as the control surface takes it. */
export function payloadOf(payload: unknown, encoding: "text" | "base64"): Uint8Array | string | object | null {
  if (encoding === "base64" && typeof payload === "string") return Buffer.from(payload, "base64");
  if (payload === undefined) return EMPTY;
  return typeof payload === "number" || typeof payload === "boolean" ? String(payload) : (payload as string | object | null);
}
