import saslHandshake from "../../broker/apis/17-sasl-handshake.ts";
import { Errors } from "../../wire/errors.ts";
import { chooseMechanism } from "../login.ts";
import { passing } from "../passing.ts";

/** The cluster says which mechanisms there are; the gateway only notes which one a client chose. */
export default passing(saslHandshake, {
  answer({ connection }, { mechanism }, answer) {
    if (answer?.errorCode === Errors.NONE) chooseMechanism(connection, mechanism);
    return answer;
  },
});
