import list from "./handlers/index.ts";
import type { Link } from "./link.ts";
import { PACKET_TYPES, type PacketType } from "../wire/reasons.ts";

/** What the broker does with one packet type; `buf[start, end)` is the whole packet. Throws `MqttError`. */
export interface Handler {
  type: PacketType;
  handle(link: Link, buf: Buffer, start: number, end: number): void;
}

/** By packet type number; types that only servers send have none. */
export const handlers: (Handler | undefined)[] = PACKET_TYPES.map((type) => list.find((handler: Handler) => handler.type === type));
