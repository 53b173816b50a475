import { EMPTY } from "../../../bytes/writer.ts";
import { Errors } from "../../wire/errors.ts";
import { api } from "../api.ts";
import { hasShaken, plainUser } from "../sasl.ts";
import { bytes, int16, int64, string } from "../../wire/schema.ts";

const request = () => ({
  authBytes: bytes(),
});

const response = () => ({
  errorCode: int16(),
  errorMessage: string("0+", { nullable: "0+" }),
  authBytes: bytes(),
  sessionLifetimeMs: int64("1+", { default: 0 }),
});

export default api({
  key: 36,
  name: "SaslAuthenticate",
  versions: "0-2",
  flexible: "2+",
  needs: [],
  request,
  response,
  handle({ connection }, { authBytes }) {
    if (!hasShaken(connection)) return refused(Errors.ILLEGAL_SASL_STATE, "SaslAuthenticate request received before SaslHandshake");
    const user = plainUser(authBytes);
    if (user === null) return refused(Errors.SASL_AUTHENTICATION_FAILED, "Authentication failed: the token is not one of PLAIN");
    connection.loggedIn(user);
    return { errorCode: Errors.NONE, errorMessage: null, authBytes: EMPTY };
  },
  // A client that is refused is told so, and the connection ends behind that.
  endsWith: (answer) => answer!.errorCode !== Errors.NONE,
  refuse: (_body, error) =>
    refused(error, error === Errors.SASL_AUTHENTICATION_FAILED ? "Authentication failed: Invalid username or password" : null),
});

function refused(errorCode: number, errorMessage: string | null) {
  return { errorCode, errorMessage, authBytes: EMPTY };
}
