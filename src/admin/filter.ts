import type { ConnectionInfo } from "../hooks/plugin.ts";
import { z } from "./api.ts";

const Pattern = z.union([z.string(), z.array(z.string())]);
const Protocol = z.enum(["kafka", "mqtt", "amqp"]);

/** Which connections are meant: all that is given must hold; `*` and `?` in texts. */
export const Filter = z
  .strictObject({
    protocol: z.union([Protocol, z.array(Protocol)]).optional(),
    client: Pattern.optional(),
    user: Pattern.optional(),
    broker: z.union([z.int(), z.array(z.int())]).optional(),
    transport: z.enum(["tcp", "tls", "websocket", "memory"]).optional(),
    id: z.int().optional(),
  })
  .openapi("ConnectionFilter");

export const Connection = z
  .object({
    id: z.int(),
    protocol: Protocol,
    transport: z.string(),
    remote: z.string(),
    clientId: z.string(),
    user: z.string(),
    /** Node id of the virtual Kafka broker. */
    broker: z.int().optional(),
    /** 1 for the first connection of its client id. */
    ordinal: z.int(),
  })
  .openapi("Connection");

export function connectionOf({
  id,
  protocol,
  transport,
  remote,
  clientId,
  user,
  broker,
  ordinal,
}: ConnectionInfo): z.output<typeof Connection> {
  return { id, protocol, transport, remote, clientId, user, ordinal, ...(broker === undefined ? {} : { broker }) };
}
