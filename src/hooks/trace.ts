import type { AnyMessage, Connect, ConnectionInfo, Disconnect, Operation, Plugin, Protocol } from "./plugin.ts";

/** Letters of a text, items of a list and fields of an object that are shown; what is beyond is counted. */
const TEXT_MOST = 60;
const ITEMS_MOST = 4;
const FIELDS_MOST = 16;
const DEPTH_MOST = 4;
/** Fields that hold what only their owner may know. */
const SECRET: ReadonlySet<string> = new Set(["password", "authBytes", "response", "newSecret"]);
/** Letters of a whole line. */
const LINE_MOST = 400;

/**
 * Hooks that change nothing and print every operation as it passes, a line each:
 *
 *     1.204 kafka → shop#1 Produce v9 { acks: -1, topicData: [{ name: "orders", … }] }
 *
 * seconds since the start, protocol, direction (`→` to the broker, `←` from it), client id and which of its
 * connections, operation, fields. What hooks change is shown as it goes out, and as it came in. Messages on
 * their way to a consumer are shown as deliveries, where the protocol has no answer that holds them.
 */
export function traceOf(print: (line: string) => void, now: () => number): Plugin {
  const begun = now();
  const line = (protocol: Protocol, arrow: "→" | "←" | "·", connection: ConnectionInfo | null, what: string): undefined => {
    const seconds = ((now() - begun) / 1000).toFixed(3);
    const text = `${seconds} ${protocol} ${arrow} ${nameOf(connection)} ${what}`;
    print(text.length > LINE_MOST ? `${text.slice(0, LINE_MOST)}…` : text);
    return undefined;
  };
  const operation = (arrow: "→" | "←") => (event: Operation) => {
    const version = event.protocol === "kafka" ? ` v${event.version}` : "";
    return line(event.protocol, arrow, event.connection, `${event.operation}${version} ${show(event.body)}`);
  };
  const message = (arrow: "→" | "←") => (event: AnyMessage) =>
    line(event.protocol, arrow, event.connection, `${arrow === "→" ? "message" : "delivery"} ${event.destination} ${contentOf(event)}`);
  return {
    connect: (event: Connect) => line(event.protocol, "·", event.connection, `connected from ${event.connection.remote}`),
    disconnect: (event: Disconnect) => line(event.protocol, "·", event.connection, `disconnected by ${event.reason}`),
    request: operation("→") as never,
    response: operation("←") as never,
    // The content of an AMQP publish is no method, a PUBLISH is traced as the packet that it is.
    message: { match: { protocol: "amqp" }, run: message("→") as never },
    delivery: { match: { protocol: ["mqtt", "amqp"] }, run: message("←") as never },
  };
}

function nameOf(connection: ConnectionInfo | null): string {
  if (connection === null) return "(from within)";
  const broker = connection.broker === undefined ? "" : `@${connection.broker}`;
  return `${connection.clientId === "" ? "?" : connection.clientId}${broker}#${connection.ordinal}`;
}

function contentOf({ key, payload, headers }: AnyMessage): string {
  const fields: Record<string, unknown> = {
    ...(key === null ? {} : { key }),
    ...(Object.keys(headers).length > 0 ? { headers } : {}),
    payload,
  };
  return show(fields);
}

/** A value on one line, cut where it is long; bytes as text where they are some. */
export function show(value: unknown, depth = 0): string {
  if (typeof value === "string") return JSON.stringify(cut(value));
  if (value instanceof Uint8Array) return bytes(value);
  if (typeof value !== "object" || value === null) return String(value);
  if (value instanceof Date) return value.toISOString();
  if (depth >= DEPTH_MOST) return Array.isArray(value) ? "[…]" : "{…}";
  if (Array.isArray(value)) {
    if (value.length > 0 && value.every((one) => one instanceof Uint8Array)) return bytes(Buffer.concat(value));
    const shown = value.slice(0, ITEMS_MOST).map((one) => show(one, depth + 1));
    if (value.length > ITEMS_MOST) shown.push(`… ${value.length} in all`);
    return `[${shown.join(", ")}]`;
  }
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  if (fields.length === 0) return "{}";
  const shown = fields.slice(0, FIELDS_MOST).map(([name, field]) => `${name}: ${SECRET.has(name) ? "(hidden)" : show(field, depth + 1)}`);
  if (fields.length > FIELDS_MOST) shown.push("…");
  return `{ ${shown.join(", ")} }`;
}

function bytes(value: Uint8Array): string {
  const text = Buffer.from(value.buffer, value.byteOffset, Math.min(value.length, TEXT_MOST)).toString();
  return /[\p{Cc}\ufffd]/u.test(text.slice(0, -1))
    ? `${value.length} bytes`
    : `${JSON.stringify(text)}${value.length > TEXT_MOST ? `… ${value.length} bytes` : ""}`;
}

function cut(text: string): string {
  return text.length > TEXT_MOST ? `${text.slice(0, TEXT_MOST)}…` : text;
}
