import { duration, object, optional, whole } from "../../core/shape.ts";
import { compilePattern } from "../../hooks/match.ts";
import { delay, fail, replace, type Operation, type Plugin } from "../../hooks/plugin.ts";
import { FaultError, type Fault } from "../rule.ts";
import apis from "../../kafka/broker/apis/index.ts";
import { meant } from "./support/protocols.ts";

interface Options {
  ms?: number | undefined;
  /** MQTT 5.0: what CONNACK says of it. */
  receive_maximum?: number | undefined;
}

/** What quotas are about, where the rule names no operation. */
const BY_QUOTA = ["Produce", "Fetch"];

/**
 * Clients are slowed down as their protocol does it. Kafka: the answer carries `throttle_time_ms`, and the
 * channel is muted for as long (KIP-219). MQTT: publishes fail with Quota exceeded where they can, and
 * else wait; with `receive_maximum` CONNACK allows so many at a time. AMQP: publishers are told
 * `connection.blocked` and are not read from.
 */
const throttle: Fault<Options> = {
  name: "throttle",
  summary: "slowed down for { ms: 1s } as the protocol does it; MQTT 5.0: CONNACK grants a { receive_maximum }",
  options: object({ ms: optional(duration), receive_maximum: optional(whole(1, 0xffff)) }),
  plugin({ ms: given, receive_maximum }, match): Plugin {
    const protocols = meant(match);
    const ms = given ?? 1000;
    if (receive_maximum !== undefined && !protocols.includes("mqtt"))
      throw new FaultError("only MQTT's CONNACK grants a receive_maximum", ["receive_maximum"]);
    if (receive_maximum !== undefined && given !== undefined && protocols.length === 1)
      throw new FaultError("with receive_maximum nothing of MQTT waits", ["ms"]);
    const names = (operation: string): boolean => match.operation === undefined || compilePattern(match.operation, false)(operation);
    const request: object[] = [],
      response: object[] = [],
      message: object[] = [];
    if (protocols.includes("kafka")) {
      const run = ({ operation }: Operation) => (tells(operation) ? replace({ throttleTimeMs: ms }, "throttle") : undefined);
      response.push({ match: { protocol: "kafka", operation: match.operation ?? BY_QUOTA }, run });
    }
    if (protocols.includes("mqtt") && names(receive_maximum === undefined ? "PUBLISH" : "CONNACK")) {
      if (receive_maximum === undefined)
        request.push({ match: { protocol: "mqtt", operation: "PUBLISH" }, run: (operation: Operation) => mqtt(operation, ms) });
      else
        response.push({
          match: { protocol: "mqtt", operation: "CONNACK" },
          run: (operation: Operation) => granted(operation, receive_maximum),
        });
    }
    if (protocols.includes("amqp")) message.push({ match: { protocol: "amqp" }, run: () => ({ ...delay(ms, "throttle"), tell: true }) });
    return Object.fromEntries(Object.entries({ request, response, message }).filter(([, hooks]) => hooks.length > 0)) as Plugin;
  },
};

/** Whether a Kafka response can tell its client to wait. */
function tells(operation: string): boolean {
  const api = apis.find(({ name }) => name === operation);
  return api !== undefined && "throttleTimeMs" in api.response.fields;
}

function mqtt({ version, body }: Operation, ms: number) {
  return version === 5 && body.qos > 0 ? fail("Quota exceeded", "throttle") : delay(ms, "throttle");
}

function granted({ version, body }: Operation, receiveMaximum: number) {
  if (version < 5 || body.code !== 0) return undefined;
  return replace({ properties: { ...body.properties, receiveMaximum } }, "throttle");
}

export default throttle;
