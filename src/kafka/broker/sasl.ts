import type { Connection } from "../../net/connection.ts";

/** The only mechanism: any user with any password may come in, so that clients which have to log in can be tested. */
export const MECHANISMS = ["PLAIN"];

/** Connections that said how they are going to log in. */
const shaken = new WeakSet<Connection>();

export function shake(connection: Connection): void {
  shaken.add(connection);
}

export function hasShaken(connection: Connection): boolean {
  return shaken.has(connection);
}

/** [RFC 4616] identity NUL user NUL password. The user; null for what cannot be read. */
export function plainUser(bytes: Uint8Array): string | null {
  const parts = Buffer.from(bytes).toString("utf8").split("\0");
  return parts.length === 3 && parts[1] !== "" && parts[2] !== "" ? parts[1]! : null;
}
