import apiVersions from "../../broker/apis/18-api-versions.ts";
import { Errors } from "../../wire/errors.ts";
import { passing } from "../passing.ts";

/** A client is offered what the cluster and our tables both know, so that it asks for nothing that cannot be read here. */
export default passing(apiVersions, {
  /** Who asks in a version that the cluster does not know is answered in version 0 (KIP-511). */
  versionOf: ({ version }, bytes, start) => (bytes.readInt16BE(start) === Errors.UNSUPPORTED_VERSION ? 0 : version),

  answer(call, _body, answer) {
    if (answer === null) return null;
    const apiKeys = [];
    for (const { apiKey, minVersion, maxVersion } of answer.apiKeys) {
      const ours = call.gateway.apiByKey(apiKey);
      if (ours === undefined) continue;
      const both = { apiKey, minVersion: Math.max(minVersion, ours.advertisedFrom), maxVersion: Math.min(maxVersion, ours.last) };
      if (both.minVersion <= both.maxVersion) apiKeys.push(both);
    }
    return { ...answer, apiKeys };
  },
});
