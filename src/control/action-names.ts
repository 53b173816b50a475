import type { Broker } from "../hooks/plugin.ts";

/** What of the control surface changes something: written to the journal before it is done, and done again by a replay. */
export const ACTIONS = [
  "publish",
  "disconnect",
  "block",
  "unblock",
  "partition",
  "heal",
  "electLeader",
  "movePartition",
  "freezeMetadata",
  "refreshMetadata",
  "moveCoordinator",
  "killBroker",
  "restartBroker",
  "crashBroker",
  "pauseBroker",
  "resumeBroker",
  "rebalance",
  "expelMember",
  "redeliver",
  "expireSession",
  "raiseAlarm",
  "clearAlarm",
  "advance",
] as const satisfies readonly (keyof Broker)[];

export type Action = (typeof ACTIONS)[number];
