import type { Final } from "./chain.ts";
import type { Target } from "./plugin.ts";

/** What became of messages that were sent from within, as a client would send them. */
export class Sent {
  /** Acknowledged: stored, or said to be by a plugin that dropped or rerouted them. */
  accepted = 0;
  refused = 0;
  /** Why the last of them was refused. */
  reason: string | null = null;

  refuse(reason: string): void {
    this.refused++;
    this.reason = reason;
  }
}

/**
 * Carries out what the `message` hooks decided for one message that has no connection behind it:
 * where a client would see an error or lose its connection, the message counts as refused.
 */
export function settle(final: Final | null, sent: Sent, store: () => void, reroute: (to: Target) => void): void {
  switch (final?.kind) {
    case undefined:
      return store();
    case "duplicate":
      for (let i = 0; i < final.times; i++) store();
      return store();
    case "reroute":
      reroute(final.to);
      sent.accepted++;
      return;
    case "drop":
      sent.accepted++;
      return;
    case "fail":
      return sent.refuse(final.code);
    default:
      return sent.refuse(`a plugin answered ${final!.kind}`);
  }
}

/** Does `one` for each of them in turn; waits where it has to, so that order holds. */
export function inTurn<T>(items: readonly T[], one: (item: T) => void | Promise<void>): void | Promise<void> {
  for (let i = 0; i < items.length; i++) {
    const wait = one(items[i]!);
    if (wait instanceof Promise) {
      return (async () => {
        await wait;
        for (let k = i + 1; k < items.length; k++) await one(items[k]!);
      })();
    }
  }
}
