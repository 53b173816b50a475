import type { Chain, Final } from "../hooks/chain.ts";
import type { HookEvent } from "../hooks/event.ts";
import type { Observer } from "../hooks/observer.ts";
import type { AnyMessage, Target } from "../hooks/plugin.ts";

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

/** One message that is sent from within, as it goes through the `message` hooks. */
export interface Injected<Event extends HookEvent & AnyMessage> {
  readonly event: Event;
  readonly chain: Chain | null;
  readonly observer: Observer | null;
  /** Puts it, as the hooks left it, into its place. */
  store(): void;
  reroute(to: Target): void;
}

/**
 * Asks the hooks and carries out what they decide. There is no connection behind the message: where a
 * client would see an error, lose its connection or wait for ever, it counts as refused.
 */
export function inject<Event extends HookEvent & AnyMessage>(message: Injected<Event>, sent: Sent): void | Promise<void> {
  const { event, chain, observer } = message;
  if (observer !== null) observer.received(event);
  const decision = chain?.decide(event) ?? null;
  return decision instanceof Promise ? decision.then((final) => settle(final, message, sent)) : settle(decision, message, sent);
}

function settle<Event extends HookEvent & AnyMessage>(
  final: Final | null,
  { event, observer, store, reroute }: Injected<Event>,
  sent: Sent,
): void {
  switch (final?.kind) {
    case undefined:
      return store();
    case "duplicate":
      for (let i = 0; i < final.times; i++) store();
      return store();
    case "later":
      return final.go(store);
  }
  if (observer !== null) observer.refused(event, final!.kind);
  switch (final!.kind) {
    case "reroute":
      reroute(final!.to);
      sent.accepted++;
      return;
    case "drop":
      sent.accepted++;
      return;
    case "fail":
      return sent.refuse(final!.code);
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
