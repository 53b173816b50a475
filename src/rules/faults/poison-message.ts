import { flag, object, optional, size, text, word } from "../../core/shape.ts";
import { delay, replace, type AmqpMessage, type At, type KafkaMessage, type Message, type Target } from "../../hooks/plugin.ts";
import { FaultError, type Fault } from "../rule.ts";
import { at, placeOf } from "./support/place.ts";

const KINDS = ["garbage", "empty", "null", "wrong-type", "deep-json", "huge"] as const;

interface Options {
  /** Garbage when nothing is said. */
  as?: (typeof KINDS)[number] | undefined;
  /** A text of one's own. */
  payload?: string | undefined;
  /** For `huge`, in bytes: 1 MiB when nothing is said. */
  size?: number | undefined;
  beside: boolean;
}

/** Levels that parsers which call themselves do not survive. */
const DEPTH = 100_000;

/** A message that consumers cannot handle is put in the place of one, or right before it. */
const poisonMessage: Fault<Options> = {
  name: "poison-message",
  summary:
    "replaced { as: garbage, empty, null, wrong-type, deep-json, huge (size) } or by a { payload }; { beside: true }: sent right before it",
  options: object(
    { as: optional(word(...KINDS)), payload: optional(text), size: optional(size), beside: optional(flag, false) },
    ({ as, payload, size }, flaw) => {
      if (as !== undefined && payload !== undefined) flaw(["payload"], "either as or a payload");
      if (size !== undefined && as !== "huge") flaw(["size"], "only as: huge takes a size");
    },
  ),
  plugin({ as = "garbage", payload, size = 1024 * 1024, beside }, match) {
    const place = placeOf(match);
    if (place === "request" || place === "response")
      throw new FaultError("poison-message acts on messages: name no operation and no group");
    if (beside && place === "delivery")
      throw new FaultError("beside puts a message where others are stored: leave out direction and queue", ["beside"]);
    const made = payload ?? poison(as, size);
    const reason = `poison-message: ${payload === undefined ? as : "payload"}`;
    return at(place, (message: Message, { broker }: At) => {
      if (!beside) return replace({ payload: made }, reason);
      const { key, headers } = message;
      broker.publish({ ...addressOf(message), payload: made, headers: { ...headers }, ...(message.protocol === "kafka" ? { key } : {}) });
      // The message itself goes on; the verdict says that the rule fired.
      return delay(0, reason);
    });
  },
};

function poison(as: (typeof KINDS)[number], size: number): Buffer | string | null {
  switch (as) {
    case "garbage":
      return Buffer.from([0xff, 0xfe, 0x00, 0xc3, 0x28, 0x7b, 0x22, 0x80]); // neither UTF-8 nor JSON
    case "empty":
      return "";
    case "null":
      return null; // a tombstone in Kafka, elsewhere nothing
    case "wrong-type":
      return "[]";
    case "deep-json":
      return "[".repeat(DEPTH) + "]".repeat(DEPTH);
    case "huge":
      return Buffer.alloc(size, "x");
  }
}

/** Where the message is going. */
function addressOf(message: Message): Target {
  switch (message.protocol) {
    case "kafka":
      return { protocol: "kafka", topic: message.topic, partition: (message as KafkaMessage).partition };
    case "mqtt":
      return { protocol: "mqtt", topic: message.topic, qos: message.qos };
    case "amqp": {
      const { exchange, routingKey, vhost } = message as AmqpMessage;
      return { protocol: "amqp", exchange, routingKey, vhost };
    }
  }
}

export default poisonMessage;
