import { UsageError } from "./errors.ts";

/** A payload as JSON has it: text where it is text, base64 under another name where it is not. */
export function payloadField(name: string, bytes: Uint8Array | null | undefined): Record<string, string | null> {
  if (bytes === null || bytes === undefined) return { [name]: null };
  const text = textOf(bytes);
  return text === null ? { [`${name}Base64`]: Buffer.from(bytes).toString("base64") } : { [name]: text };
}

/** Null when the bytes are not UTF-8. */
function textOf(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** Bytes for people. */
export function shown(bytes: Uint8Array | null | undefined): string {
  return bytes === null || bytes === undefined ? "(null)" : Buffer.from(bytes).toString();
}

/** What an option gives, or all lines of standard input, one payload each. */
export async function payloads(given: string | undefined, option: string): Promise<Buffer[]> {
  if (given !== undefined) return [Buffer.from(given)];
  if (process.stdin.isTTY) throw new UsageError(`say what to send with ${option}, or pipe it in, a line a message`);
  const text = await Bun.stdin.text();
  const lines = text.split("\n").map((line) => line.replace(/\r$/, ""));
  if (lines.at(-1) === "") lines.pop();
  return lines.map((line) => Buffer.from(line));
}
