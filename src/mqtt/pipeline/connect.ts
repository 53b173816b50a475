import type { Final } from "../../hooks/chain.ts";
import type { Close, Hang } from "../../hooks/verdicts.ts";
import type { Connection } from "../../net/connection.ts";
import type { CloseReason } from "../../net/session.ts";
import type { Host } from "../../pipeline/host.ts";
import { type AdapterAt, applyVerdict } from "../../pipeline/verdict.ts";
import type { Version } from "../wire/publish.ts";
import { errorNamed, type ErrorName } from "../wire/reasons.ts";
import { ClientEvent } from "./events.ts";

/** A client that has said who it is. */
export interface Guest {
  readonly version: Version;
  refuseClient(reason: ErrorName, version: Version): void;
  /** Whatever still comes is left without an answer. */
  ignore(): void;
  end(how: Close | Hang): void;
  wait<T>(until: Promise<T>, run: (value: T) => void): void;
}

/** Lets a client in, unless a hook has it otherwise. */
export function admit(host: Host, connection: Connection, guest: Guest, enter: () => void): void {
  const adapter: AdapterAt<"connect", null> = {
    pass: enter,
    drop: () => guest.ignore(),
    close: (_, verdict) => guest.end(verdict),
    fail: (_, { code }) => guest.refuseClient(errorNamed(code, host), guest.version),
  };
  const settle = (final: Final | null): void => {
    if (!connection.isClosed) applyVerdict(final, null, adapter);
  };
  const decision = host.pipeline.connect(connection, () => new ClientEvent(connection, "connect", "client"));
  if (decision instanceof Promise) guest.wait(decision, settle);
  else settle(decision);
}

/** The connection is over. The socket's end waits for the promise. */
export function depart(host: Host, connection: Connection, reason: CloseReason): Promise<unknown> | undefined {
  return host.pipeline.disconnect(connection, () => new ClientEvent(connection, "disconnect", reason));
}
