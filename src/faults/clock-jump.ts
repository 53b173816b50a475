import { duration, object } from "../core/shape.ts";
import type { Fault } from "../hooks/rule.ts";

/** The brokers' clock jumps on: what would expire in that time does. Clients that can be heard keep their connections. */
const clockJump: Fault<{ by: number }> = {
  name: "clock-jump",
  summary: "the brokers' clock jumps on { by } a duration",
  options: object({ by: duration }),
  act: ({ by }, _match, broker) => broker.advance(by),
};

export default clockJump;
