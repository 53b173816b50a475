import { duration, object, optional } from "../../core/shape.ts";
import type { Preset } from "../rule.ts";
import { onlyProtocol } from "./support/match.ts";

interface Options {
  /** Milliseconds that each broker is away, between two of them, and until it begins. */
  down: number;
  pause: number;
  after: number;
}

/** One broker after the other restarts, as when a new version is rolled out. */
const rollingUpgrade: Preset<Options> = {
  name: "rolling-upgrade",
  summary: "one broker after the other is { down }, with a { pause } between them",
  options: object({ down: optional(duration, 2000), pause: optional(duration, 2000), after: optional(duration, 0) }),
  goesBy: ["protocol"],
  rules: ({ down, pause, after }, match) => [
    {
      match: onlyProtocol(match),
      when: { after: `${after}ms` },
      fault: { "broker-restart": { broker: "all", rolling: true, down, pause } },
    },
  ],
};

export default rollingUpgrade;
