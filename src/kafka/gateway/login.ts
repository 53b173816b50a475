import type { Connection } from "../../net/connection.ts";
import { plainUser } from "../broker/sasl.ts";

interface Login {
  readonly mechanism: string;
  /** Who the client says it is; null: it has not said. */
  user: string | null;
}

const logins = new WeakMap<Connection, Login>();

/** A client chose how it logs in. */
export function chooseMechanism(connection: Connection, mechanism: string): void {
  logins.set(connection, { mechanism, user: null });
}

/** A client sent a token: notes who it says it is, where the mechanism says that in plain text. */
export function claimed(connection: Connection, token: Uint8Array): void {
  const login = logins.get(connection);
  if (login === undefined || login.user !== null) return;
  if (login.mechanism === "PLAIN") login.user = plainUser(token);
  else if (login.mechanism.startsWith("SCRAM-")) login.user = scramUser(token);
}

/** The cluster took a token. Of several it is the first that names the user. */
export function hasLoggedIn(connection: Connection): void {
  const user = logins.get(connection)?.user ?? null;
  if (user !== null && connection.user !== user) connection.loggedIn(user);
}

/** [RFC 5802] section 7: `n,,n=user,r=nonce`, in which "," and "=" of a name are written `=2C` and `=3D`. */
function scramUser(token: Uint8Array): string | null {
  const found = /^[^,]*,[^,]*,(?:[^,]*,)*?n=([^,]+),r=/.exec(Buffer.from(token).toString("utf8"));
  return found === null ? null : found[1]!.replaceAll("=2C", ",").replaceAll("=3D", "=");
}
