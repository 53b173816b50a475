import fetch from "../../broker/apis/01-fetch.ts";
import { Errors } from "../../wire/errors.ts";
import { Answered, passing } from "../passing.ts";

/** Epochs of a fetch session (KIP-227): this one asks for everything, and for no session. */
const NO_SESSION = -1;

/**
 * In a fetch session a request names only what changed since the one before, so that nobody else
 * knows from which offset on a client reads. The cluster is asked for no session, which clients take
 * as "no room for one": every request is a whole one.
 */
export default passing(fetch, {
  ask(call, body) {
    if (body.sessionEpoch > 0) return new Answered(fetch.refuse(body, Errors.FETCH_SESSION_ID_NOT_FOUND, call));
    if (body.sessionEpoch === NO_SESSION && body.sessionId === 0) return body;
    return { ...body, sessionId: 0, sessionEpoch: NO_SESSION, forgottenTopicsData: [] };
  },
});
