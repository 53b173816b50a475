import { duplicate, type Plugin } from "../hooks/plugin.ts";
import type { Fault } from "../hooks/rule.ts";

/** Messages are stored more than once. */
const doubled: Fault = {
  name: "duplicate",
  summary: "stored { times } more times, once unless told",
  plugin({ times = 1 }: { times?: number }): Plugin {
    if (!Number.isInteger(times) || times < 1 || times > 1000) throw new TypeError("duplicate takes { times } from 1 to 1000");
    return { message: () => duplicate(times) };
  },
};

export default doubled;
