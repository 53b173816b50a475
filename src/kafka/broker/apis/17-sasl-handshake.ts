import { Errors } from "../../wire/errors.ts";
import { api } from "../api.ts";
import { MECHANISMS, shake } from "../sasl.ts";
import { array, int16, string } from "../../wire/schema.ts";

const request = () => ({
  mechanism: string(),
});

const response = () => ({
  errorCode: int16(),
  mechanisms: array(string()),
});

/** Version 0, after which tokens come without Kafka's headers (KIP-152), is not offered. */
export default api({
  key: 17,
  name: "SaslHandshake",
  versions: "1-1",
  flexible: null,
  needs: [],
  request,
  response,
  handle(call, { mechanism }) {
    if (!MECHANISMS.includes(mechanism)) return { errorCode: Errors.UNSUPPORTED_SASL_MECHANISM, mechanisms: MECHANISMS };
    shake(call.connection);
    return { errorCode: Errors.NONE, mechanisms: MECHANISMS };
  },
  refuse: (_body, error) => ({ errorCode: error, mechanisms: MECHANISMS }),
});
