import { type Plain, Table } from "./values.ts";

/** What may be said of a message beside its body. `timestamp` is in seconds, `expiration` a text of milliseconds. */
export interface Properties {
  contentType?: string;
  contentEncoding?: string;
  headers?: Table;
  /** 1 transient, 2 persistent. */
  deliveryMode?: number;
  priority?: number;
  correlationId?: string;
  replyTo?: string;
  expiration?: string;
  messageId?: string;
  timestamp?: number;
  type?: string;
  userId?: string;
  appId?: string;
  clusterId?: string;
}

export type PropertyName = keyof Properties;

const KINDS: { readonly [N in PropertyName]-?: "text" | "number" | "timestamp" | "table" } = {
  contentType: "text",
  contentEncoding: "text",
  headers: "table",
  deliveryMode: "number",
  priority: "number",
  correlationId: "text",
  replyTo: "text",
  expiration: "text",
  messageId: "text",
  timestamp: "timestamp",
  type: "text",
  userId: "text",
  appId: "text",
  clusterId: "text",
};

/** The longest text of a property, in bytes. */
const TEXT_MOST = 255;

/**
 * Properties as plugins give them. Throws TypeError for one that there is not, or of a wrong type, RangeError for
 * a text that is too long.
 */
export function propertiesOf(given: Record<string, unknown>): Properties {
  const properties: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given)) {
    const kind = Object.hasOwn(KINDS, name) ? KINDS[name as PropertyName] : undefined;
    if (value === undefined) properties[name] = undefined;
    else if (kind === "table") properties[name] = Table.of(value as { [name: string]: Plain });
    else if (kind === "timestamp" && value instanceof Date) properties[name] = Math.floor(value.getTime() / 1000);
    else if (name === "expiration" && /^\d+$/.test(String(value))) properties[name] = String(value);
    else if (name !== "expiration" && kind !== undefined && typeof value === (kind === "text" ? "string" : "number"))
      properties[name] = kind === "text" ? short(name, value as string) : value;
    else throw new TypeError(`there is no basic property ${name} that could be ${JSON.stringify(value)}`);
  }
  return properties as Properties;
}

function short(name: string, text: string): string {
  const size = Buffer.byteLength(text);
  if (size > TEXT_MOST) throw new RangeError(`the property ${name} has ${size} bytes: at most ${TEXT_MOST}`);
  return text;
}
