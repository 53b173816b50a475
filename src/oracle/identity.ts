import type { AnyMessage } from "../hooks/plugin.ts";

/** What makes two messages one and the same: a header's value, the value at a path of the JSON payload (`order.id`), or key and payload. */
export type Identity = "content" | { readonly header: string } | { readonly json: string };

/** A message's fingerprint, and whether it was named by what the user chose. */
export interface Print {
  readonly text: string;
  readonly named: boolean;
}

export function printOf(message: AnyMessage, identity: Identity): Print {
  if (typeof identity === "object") {
    const value = "header" in identity ? message.headers[identity.header] : at(message.json(), identity.json);
    if (value !== undefined && value !== null) {
      const text =
        value instanceof Uint8Array ? Buffer.from(value).toString() : typeof value === "object" ? JSON.stringify(value) : String(value);
      return { text, named: true };
    }
  }
  const key = message.key ?? "";
  const hash = Bun.hash(message.payload, Bun.hash.crc32(key));
  return { text: hash.toString(16).padStart(16, "0"), named: identity === "content" };
}

function at(value: unknown, path: string): unknown {
  let found = value;
  for (const step of path.replace(/^\$\.?/, "").split(/[.[\]]+/)) {
    if (step === "") continue;
    if (typeof found !== "object" || found === null) return undefined;
    found = (found as Record<string, unknown>)[step];
  }
  return found;
}
