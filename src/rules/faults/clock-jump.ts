import { duration, object, optional } from "../../core/shape.ts";
import type { Fault } from "../rule.ts";

/** The brokers' clock jumps on: what would expire in that time does. Clients that can be heard keep their connections. */
const clockJump: Fault<{ by: number }> = {
  name: "clock-jump",
  summary: "the brokers' clock jumps on { by } a duration",
  options: object({ by: optional(duration, 3_600_000) }),
  act: ({ by }, _match, broker) => broker.advance(by),
};

export default clockJump;
