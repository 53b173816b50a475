import { flag, object, optional, size } from "../../core/shape.ts";
import { close, type Chunk, type ConnectionInfo, type Plugin } from "../../hooks/plugin.ts";
import { aside, FaultError, type Fault } from "../rule.ts";
import { at, namesContent, placeOf } from "./support/place.ts";

interface Options {
  reset: boolean;
  /** Bytes after which the connection ends. */
  at?: number | undefined;
}

/** The connection that sends the message, gets it, or asks for the operation that the rule names, is closed instead; or at a byte. */
const disconnect: Fault<Options> = {
  name: "disconnect",
  summary:
    "the connection is closed, or with { reset: true } reset; { at: 4096 }: after so many bytes to the client (direction: in: from it)",
  options: object({ reset: optional(flag, false), at: optional(size) }),
  plugin(options, match): Plugin {
    const { reset } = options;
    if (options.at === undefined) return at(placeOf(match), () => close({ reset }, "disconnect"));
    if (namesContent(match)) throw new FaultError("bytes are counted for connections, not for messages or operations", ["at"]);
    return { bytes: atByte(options.at, reset, match.direction ?? "out") };
  },
};

function atByte(at: number, reset: boolean, direction: "in" | "out"): Plugin["bytes"] {
  const counts = new WeakMap<ConnectionInfo, number>();
  return [
    // All are counted, also those that `when` lets pass.
    aside({
      match: { direction },
      run: ({ connection, data }: Chunk) => void counts.set(connection, (counts.get(connection) ?? 0) + data.length),
    }),
    {
      match: { direction },
      run({ connection, data }: Chunk) {
        const count = counts.get(connection)!;
        return count < at ? undefined : close({ reset, after: Math.max(0, at - (count - data.length)) }, `disconnect at byte ${at}`);
      },
    },
  ];
}

export default disconnect;
