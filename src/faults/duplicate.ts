import { object, optional, whole } from "../core/shape.ts";
import { duplicate, type Plugin } from "../hooks/plugin.ts";
import type { Fault } from "../hooks/rule.ts";

/** Messages are stored more than once. */
const doubled: Fault<{ times: number }> = {
  name: "duplicate",
  summary: "stored { times } more times, once unless told",
  options: object({ times: optional(whole(1, 1000), 1) }),
  plugin: ({ times }): Plugin => ({ message: () => duplicate(times) }),
};

export default doubled;
