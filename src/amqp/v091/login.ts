import { FieldTable } from "./fields.ts";

export interface Login {
  user: string;
  password: string;
}

/** [RFC 4616] NUL user NUL password: nobody acts for another identity. */
function plain(response: Buffer): Login | null {
  const parts = response.toString("utf8").split("\0");
  return parts.length === 3 && parts[0] === "" ? { user: parts[1]!, password: parts[2]! } : null;
}

/** A field table's entries, with LOGIN and PASSWORD among them. */
function amqplain(response: Buffer): Login | null {
  const table = new FieldTable(response);
  const [user, password] = [table.get("LOGIN"), table.get("PASSWORD")];
  return typeof user === "string" && typeof password === "string" ? { user, password } : null;
}

/** Who a client says it is; null for what cannot be read, undefined for a mechanism that is not offered. */
export function loginOf(mechanism: string, response: Buffer): Login | null | undefined {
  return mechanism === "PLAIN" ? plain(response) : mechanism === "AMQPLAIN" ? amqplain(response) : undefined;
}
