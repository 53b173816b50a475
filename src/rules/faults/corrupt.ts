import { object, optional, whole, word } from "../../core/shape.ts";
import { replace, type At, type Message } from "../../hooks/plugin.ts";
import { FaultError, type Fault } from "../rule.ts";
import { at, placeOf } from "./support/place.ts";
import { only } from "./support/protocols.ts";

interface Options {
  how: "bit-flip" | "truncate" | "wrong-schema-id" | "invalid-json" | "wrong-crc";
  /** bit-flip: how many. */
  bits?: number | undefined;
  /** truncate: what is left. */
  bytes?: number | undefined;
  /** wrong-schema-id: the id it says instead. */
  id?: number | undefined;
}

/** Of Confluent's framing: a zero, then the id of the schema in four bytes. */
const PREFIX = 5;

/** Messages are spoilt on their way in, or with `direction: out` on their way to each consumer. */
const corrupt: Fault<Options> = {
  name: "corrupt",
  summary: "spoilt { how: bit-flip (bits), truncate (bytes), wrong-schema-id (id), invalid-json, wrong-crc }",
  options: object(
    {
      how: optional(word("bit-flip", "truncate", "wrong-schema-id", "invalid-json", "wrong-crc"), "bit-flip"),
      bits: optional(whole(1, 1_000_000)),
      bytes: optional(whole(0)),
      id: optional(whole(0, 0x7fff_ffff)),
    },
    ({ how, bits, bytes, id }, flaw) => {
      if (bits !== undefined && how !== "bit-flip") flaw(["bits"], "only bit-flip takes bits");
      if (bytes !== undefined && how !== "truncate") flaw(["bytes"], "only truncate takes bytes");
      if (id !== undefined && how !== "wrong-schema-id") flaw(["id"], "only wrong-schema-id takes an id");
    },
  ),
  plugin(options, match) {
    const place = placeOf(match);
    if (place === "request" || place === "response") throw new FaultError("corrupt acts on messages: name no operation and no group");
    if (options.how === "wrong-crc") {
      const protocol = only(["kafka"], match, "wrong-crc: only Kafka's record batches have a checksum; MQTT and AMQP leave that to TCP");
      return at(place, { match: protocol, run: () => replace({ crc: "wrong" }, "corrupt: wrong checksum") });
    }
    return at(place, ({ payload }: Message, { random }: At) => spoilt(payload, options, random));
  },
};

function spoilt(payload: Buffer, { how, bits, bytes, id }: Options, random: At["random"]) {
  if (payload.length === 0) return undefined;
  switch (how) {
    case "bit-flip": {
      const flipped = Buffer.from(payload);
      const places = new Set<number>();
      for (const most = Math.min(bits ?? 1, 8 * payload.length); places.size < most; ) places.add(random.int(0, 8 * payload.length - 1));
      for (const place of places) flipped[place >> 3]! ^= 1 << (place & 7);
      return replace({ payload: flipped }, `corrupt: bit ${[...places].slice(0, 8).join(", ")} flipped`);
    }
    case "truncate": {
      const left = Math.min(bytes ?? random.int(0, payload.length - 1), payload.length);
      return left === payload.length
        ? undefined
        : replace({ payload: payload.subarray(0, left) }, `corrupt: ${left} of ${payload.length} bytes`);
    }
    case "wrong-schema-id": {
      if (payload.length < PREFIX || payload[0] !== 0) return undefined;
      const other = Buffer.from(payload);
      const before = payload.readUInt32BE(1);
      let wrong = id ?? random.int(1, 0x7fff_ffff);
      if (wrong === before) wrong++;
      other.writeUInt32BE(wrong, 1);
      return replace({ payload: other }, `corrupt: schema id ${wrong} for ${before}`);
    }
    case "invalid-json": {
      const text = payload.toString();
      if (!isJson(text)) return undefined;
      // Cut short it reads like a message that did not come through whole; a bare number or word could still be one.
      const cut = text.trimEnd().slice(0, -1);
      return replace({ payload: isJson(cut) || cut === "" ? `${text}}` : cut }, "corrupt: invalid JSON");
    }
    default:
      return undefined;
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

export default corrupt;
