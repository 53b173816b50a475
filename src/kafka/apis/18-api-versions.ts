import type { Call } from "../call.ts";
import { Errors } from "../errors.ts";
import { api } from "../protocol.ts";
import { array, bool, type Draft, int16, int32, int64, string } from "../schema.ts";

const request = {
  clientSoftwareName: string("3+"),
  clientSoftwareVersion: string("3+"),
  clusterId: string("5+", { nullable: "5+", default: null }),
  nodeId: int32("5+", { default: -1 }),
};

const response = {
  errorCode: int16(),
  apiKeys: array({
    apiKey: int16(),
    minVersion: int16(),
    maxVersion: int16(),
  }),
  throttleTimeMs: int32("1+", { default: 0 }),
  supportedFeatures: array({
    name: string("3+"),
    minVersion: int16("3+"),
    maxVersion: int16("3+"),
  }, "3+", { tag: 0 }),
  finalizedFeaturesEpoch: int64("3+", { tag: 1, default: -1 }),
  finalizedFeatures: array({
    name: string("3+"),
    maxVersionLevel: int16("3+"),
    minVersionLevel: int16("3+"),
  }, "3+", { tag: 2 }),
  zkMigrationReady: bool("3+", { tag: 3, default: false }),
};

export default api({
  key: 18,
  name: "ApiVersions",
  versions: "0-5",
  flexible: "3+",
  request,
  response,
  handle(call, { clientSoftwareName, clientSoftwareVersion, clusterId, nodeId }) {
    const named = /^[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?$/;
    if (call.version >= 3 && !(named.test(clientSoftwareName) && named.test(clientSoftwareVersion))) return list(call, Errors.INVALID_REQUEST);
    // The client means another cluster or node than the one it reached (KIP-1242).
    if ((clusterId !== null && clusterId !== call.cluster.id) || (nodeId >= 0 && nodeId !== call.node)) return list(call, Errors.REBOOTSTRAP_REQUIRED);
    return list(call, Errors.NONE);
  },
  refuse: (_body, error, call) => list(call, error),
});

/** Also an error comes with the list, so that a client learns which versions to use. */
function list(call: Call, errorCode: number): Draft<typeof response> {
  return {
    errorCode,
    apiKeys: call.cluster.apis.map(({ key, advertisedFrom, last }) => ({ apiKey: key, minVersion: advertisedFrom, maxVersion: last })),
  };
}
