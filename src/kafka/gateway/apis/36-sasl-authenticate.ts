import saslAuthenticate from "../../broker/apis/36-sasl-authenticate.ts";
import { Errors } from "../../wire/errors.ts";
import { claimed, hasLoggedIn } from "../login.ts";
import { passing } from "../passing.ts";

/** The cluster judges; the gateway only learns who the client is. */
export default passing(saslAuthenticate, {
  ask({ connection }, body) {
    claimed(connection, body.authBytes);
    return body;
  },
  answer({ connection }, _body, answer) {
    if (answer?.errorCode === Errors.NONE) hasLoggedIn(connection);
    return answer;
  },
});
