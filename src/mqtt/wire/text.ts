import { MqttError } from "./reasons.ts";

/**
 * Whether `buf[start, end)` is text as MQTT allows it: well-formed UTF-8 [MQTT-1.5.4-1] without U+0000
 * [MQTT-1.5.4-2], and without the control and non-characters that a receiver may refuse and that
 * Mosquitto and HiveMQ do refuse (1.5.4).
 */
export function isText(buf: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const byte = buf[i]!;
    if (byte >= 0x20 && byte < 0x7f) continue;
    if (byte < 0xc2 || byte > 0xf4) return false;
    const more = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    if (i + more >= end) return false;
    let point = byte & (0x3f >> more);
    for (let k = 0; k < more; k++) {
      const next = buf[++i]!;
      if ((next & 0xc0) !== 0x80) return false;
      point = (point << 6) | (next & 0x3f);
    }
    if (more === 1 ? point < 0xa0 : point < (more === 2 ? 0x800 : 0x10000) || point > 0x10ffff) return false;
    if (point >= 0xd800 && point <= 0xdfff) return false;
    if ((point >= 0xfdd0 && point <= 0xfdef) || (point & 0xfffe) === 0xfffe) return false;
  }
  return true;
}

/** Levels a topic or filter may have: Mosquitto's limit, so that one packet cannot plant a very deep tree. */
const MOST_LEVELS = 200;

/** Whether a PUBLISH may name it: at least one character [MQTT-4.7.3-1], no wildcards [MQTT-3.3.2-2]. */
export function isTopicName(topic: string): boolean {
  return topic.length > 0 && !topic.includes("+") && !topic.includes("#") && levels(topic) <= MOST_LEVELS;
}

/** Whether wildcards stand where they may [MQTT-4.7.1-1..3]. */
export function isTopicFilter(filter: string): boolean {
  if (filter.length === 0 || levels(filter) > MOST_LEVELS) return false;
  for (let i = 0; i < filter.length; i++) {
    const char = filter.charCodeAt(i);
    if (char !== PLUS && char !== HASH) continue;
    if (i > 0 && filter.charCodeAt(i - 1) !== SLASH) return false;
    if (i + 1 < filter.length && (char === HASH || filter.charCodeAt(i + 1) !== SLASH)) return false;
  }
  return true;
}
const PLUS = 0x2b,
  HASH = 0x23,
  SLASH = 0x2f;

function levels(topic: string): number {
  let n = 1;
  for (let at = topic.indexOf("/"); at >= 0; at = topic.indexOf("/", at + 1)) n++;
  return n;
}

/** A subscription's filter taken apart: `$share/{group}/{filter}` belongs to a group (5.0, 4.8.2). */
export interface ParsedFilter {
  filter: string;
  group?: string;
}

/** Takes `$share` off. Throws for a filter that is not well-formed; "Topic Filter invalid" is for those that are and are not wanted. */
export function parseFilter(text: string): ParsedFilter {
  if (!text.startsWith("$share/")) {
    if (text === "$share" || !isTopicFilter(text)) throw new MqttError("Malformed Packet", `topic filter ${JSON.stringify(text)}`);
    return { filter: text };
  }
  const slash = text.indexOf("/", 7);
  const group = text.slice(7, slash);
  // [MQTT-4.8.2-1], [MQTT-4.8.2-2]
  if (slash < 8 || /[+#]/.test(group) || !isTopicFilter(text.slice(slash + 1))) {
    throw new MqttError("Malformed Packet", `shared subscription ${JSON.stringify(text)}`);
  }
  return { filter: text.slice(slash + 1), group };
}
