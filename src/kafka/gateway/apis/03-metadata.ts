import metadata from "../../broker/apis/03-metadata.ts";
import { passing } from "../passing.ts";

/** Metadata is what the gateway itself knows the cluster by. */
export default passing(metadata, {
  answer(call, _body, answer) {
    if (answer !== null) call.gateway.told(answer);
    return answer;
  },
});
