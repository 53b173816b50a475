import type { Final } from "../../hooks/chain.ts";
import type { Fail } from "../../hooks/verdicts.ts";
import type { Connection } from "../../net/connection.ts";
import type { CloseReason } from "../../net/session.ts";
import type { Host } from "../../pipeline/host.ts";
import { type AdapterAt, applyVerdict } from "../../pipeline/verdict.ts";
import { AmqpConnectEvent } from "./events.ts";

/** Who comes in. */
export interface Guest {
  /** The connection is closed with an error. */
  refuseAnswer(channel: number, verdict: Fail): void;
  /** Does something later that may fail as an operation does. */
  guard(channel: null, run: () => void): void;
}

/** Lets a client in that has said who it is, unless a hook has it otherwise. */
export function admit(host: Host, connection: Connection, guest: Guest, enter: () => void): void {
  const { pipeline } = host;
  const adapter: AdapterAt<"connect", null> = {
    pass: enter,
    drop: () => undefined,
    fail: (_, verdict) => guest.refuseAnswer(0, verdict),
    close: (_, verdict) => pipeline.end(connection, verdict),
  };
  const settle = (final: Final | null): void => applyVerdict(final, null, adapter);
  const decision = pipeline.connect(connection, () => new AmqpConnectEvent(connection, "connect"));
  if (decision instanceof Promise) connection.holdInput(decision.then((final) => guest.guard(null, () => settle(final))));
  else settle(decision);
}

/** A client that was let in is gone. The socket's end waits for the promise. */
export function depart(host: Host, connection: Connection, reason: CloseReason): void | Promise<unknown> {
  return host.pipeline.disconnect(connection, () => new AmqpConnectEvent(connection, "disconnect", reason));
}
