import { ArgumentError, isNamed, NotPossibleError } from "../../core/errors.ts";
import { anything, flag, isObject, object, optional, record, show, text, whole, type Shape } from "../../core/shape.ts";
import type { Outgoing, Protocol } from "../../hooks/plugin.ts";
import { protocol } from "../../hooks/shapes.ts";
import { MqttError } from "../../mqtt/wire/reasons.ts";
import { action, fields, notEnabled } from "../action.ts";

declare module "../../hooks/plugin.ts" {
  interface ControlActions {
    /** Puts a message on a topic or exchange as a client would, without passing the `message` hooks again. */
    publish(message: Outgoing): void;
  }
}

/** Null is a value here: a tombstone, no key. */
const payload: Shape<unknown> = { ...anything, wants: "a payload", isOptional: true };
const key: Shape<unknown> = {
  wants: "a text, bytes or null",
  schema: { type: ["string", "null"] },
  isOptional: true,
  read(value, path, flaws) {
    if (value !== undefined && value !== null && typeof value !== "string" && !(value instanceof Uint8Array))
      flaws.push({ path, message: `expected ${key.wants}, not ${show(value)}` });
    return value;
  },
};
const headers = optional(record(anything));
const content = { payload, key, headers, properties: headers };

/** What a message of each protocol is made of. */
const MESSAGES: Record<Protocol, Shape<object>> = {
  kafka: object({ protocol, topic: text, partition: optional(whole(0)), ...content }),
  mqtt: object({ protocol, topic: text, qos: optional(whole(0, 2)), retain: optional(flag), ...content }),
  amqp: object({ protocol, exchange: optional(text), routingKey: optional(text), vhost: optional(text), ...content }),
};

const message = {
  wants: "a message, such as { protocol: kafka, topic: orders, payload: text }",
  schema: {
    type: "object",
    properties: Object.assign({}, ...Object.values(MESSAGES).map(({ schema }) => schema["properties"])),
    required: ["protocol"],
    additionalProperties: false,
  },
  read(value, path, flaws) {
    const before = flaws.length;
    if (!isObject(value)) flaws.push({ path, message: `expected ${message.wants}, not ${show(value)}` });
    else protocol.read(value.protocol, [...path, "protocol"], flaws);
    if (flaws.length > before) return value as Outgoing;
    return MESSAGES[(value as Outgoing).protocol].read(value, path, flaws) as Outgoing;
  },
} satisfies Shape<Outgoing>;

export default action({
  name: "publish",
  summary: "Puts a message on a topic or exchange of any protocol as a client would, past the `message` hooks",
  takes: [fields("message", message, ({ protocol }, world) => notEnabled(protocol, world))],
  run(on, { payload, ...rest }) {
    const given = payload as unknown;
    // What a file says without quotes is a number or true, and is sent as it stands there.
    const sent = given === undefined ? "" : typeof given === "number" || typeof given === "boolean" ? String(given) : payload;
    try {
      on.publish({ ...rest, payload: sent } as Outgoing);
    } catch (error) {
      // The brokers say what is wrong with the message.
      if (isNamed(error)) throw error;
      if (error instanceof RangeError) throw new NotPossibleError(error.message, { cause: error });
      if (error instanceof TypeError || error instanceof MqttError) throw new ArgumentError(error.message);
      throw error;
    }
  },
});
