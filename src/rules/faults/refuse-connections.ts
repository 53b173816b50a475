import { object, optional, text, word } from "../../core/shape.ts";
import { close, fail, type Plugin } from "../../hooks/plugin.ts";
import { FaultError, type Fault } from "../rule.ts";
import { protocolsWith } from "./support/errors.ts";

interface Options {
  how: "reset" | "fin";
  /** The protocol's error instead. */
  code?: string | undefined;
}

/** Clients are turned away as soon as they have said who they are. */
const refuseConnections: Fault<Options> = {
  name: "refuse-connections",
  summary: 'turned away { how: reset | fin }, or with an error { code: "Server unavailable" (MQTT), CONNECTION_FORCED (AMQP) }',
  options: object({ how: optional(word("reset", "fin"), "reset"), code: optional(text) }),
  plugin({ how, code }, match): Plugin {
    if (code === undefined) return { connect: () => close({ reset: how === "reset" }, "refuse-connections") };
    const protocol = protocolsWith(code, match, ["code"]).filter((one) => one !== "kafka");
    if (protocol.length === 0) throw new FaultError("Kafka has no answer that refuses a connection: leave out code", ["code"]);
    return { connect: { match: { protocol }, run: () => fail(code as never, "refuse-connections") } };
  },
};

export default refuseConnections;
