import { duration, object, optional } from "../../core/shape.ts";
import type { Preset } from "../rule.ts";
import { onlyProtocol } from "./support/match.ts";

interface Options {
  after: number;
  for: number;
}

/** Clients' tokens expire: their connections are cut, and they are not let in again before they have new ones. */
const tokenExpiry: Preset<Options> = {
  name: "token-expiry",
  summary: "{ after } a while connections are cut and logins refused, { for } as long as clients need for new tokens (Kafka: with SASL)",
  options: object({ after: optional(duration, 0), for: optional(duration, 5000) }),
  goesBy: ["protocol", "client", "user"],
  rules({ after, for: lasts }, match) {
    const { client, user } = match;
    const who = { ...(client !== undefined && { client }), ...(user !== undefined && { user }) };
    return [
      { match: { ...onlyProtocol(match), ...who }, when: { after: `${after}ms` }, for: lasts, fault: "auth-fail" },
      {
        match: onlyProtocol(match),
        when: { after: `${after}ms` },
        fault: { storm: { times: 1, ...(client !== undefined && { client }), ...(user !== undefined && { user }) } },
      },
    ];
  },
};

export default tokenExpiry;
