import { InvalidArgumentError, type Command } from "commander";
import { parseDuration, parseSize } from "../../core/units.ts";

/** Where a broker listens. */
export interface Server {
  host: string;
  port: number;
}

/** @param defaultPort 0 where the command finds it out itself. `host:port`, `host`, `[::1]:port`, or a URL of the protocol. */
export function serverOption(defaultPort: number): (text: string) => Server {
  return (text) => {
    const match = /^(?:\w+:\/\/)?(?:\[([^\]]+)\]|([^:/@]+))(?::(\d{1,5}))?\/?$/.exec(text);
    const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
    if (match === null || (match[3] !== undefined && port < 1) || port > 65_535)
      throw new InvalidArgumentError(`${text} is not a server: host:port, such as localhost:${defaultPort || 9092}.`);
    return { host: match[1] ?? match[2]!, port };
  };
}

/** Adds `--server`, which every client has. */
export function addServer(command: Command, port: number): Command {
  return command.option("--server <host:port>", `the broker to talk to (127.0.0.1:${port})`, serverOption(port), {
    host: "127.0.0.1",
    port,
  });
}

/** A whole number from `least` to `most`. */
export function wholeOption(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(
        `${text} is not a whole number ${most === Number.MAX_SAFE_INTEGER ? `from ${least}` : `from ${least} to ${most}`}.`,
      );
    }
    return value;
  };
}

/** Milliseconds. */
export function durationOption(text: string): number {
  const value = parseDuration(text);
  if (value === null) throw new InvalidArgumentError(`${text} is not a duration such as 500ms, 30s or 5m.`);
  return value;
}

/** Collects `name=value` of an option that may stand more than once. */
export function pairOption(text: string, before: Record<string, string> = {}): Record<string, string> {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError(`${text} is not name=value.`);
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

/** One of some words. */
export function wordOption<Word extends string>(...words: readonly Word[]): (text: string) => Word {
  return (text) => {
    const word = words.find((one) => one === text.toLowerCase());
    if (word === undefined) throw new InvalidArgumentError(`It is ${words.slice(0, -1).join(", ")} or ${words.at(-1)}.`);
    return word;
  };
}

/** Values as programs want them: numbers and booleans where the text is one. */
export function typed(pairs: Readonly<Record<string, string>>): Record<string, string | number | boolean> {
  const read = (text: string): string | number | boolean =>
    text === "true" || text === "false" ? text === "true" : /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
  return Object.fromEntries(Object.entries(pairs).map(([name, text]) => [name, read(text)]));
}

/** Adds where havoq's HTTP API is, for what a protocol cannot say. */
export function addAdmin(command: Command): Command {
  return command
    .option("--admin <url>", "havoq's HTTP API (HAVOQ_ADMIN_URL, else http://127.0.0.1:9080)")
    .option("--token <text>", "its token, where it wants one (HAVOQ_ADMIN_TOKEN)");
}

/** Bytes. */
export function sizeOption(text: string): number {
  const value = parseSize(text);
  if (value === null) throw new InvalidArgumentError(`${text} is not a size such as 100, 64KiB or 1MiB.`);
  return value;
}
