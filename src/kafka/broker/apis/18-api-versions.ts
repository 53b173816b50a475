import { Errors } from "../../wire/errors.ts";
import type { Asker } from "../../pipeline/endpoint.ts";
import { api } from "../api.ts";
import type { AnyTable } from "../../wire/api.ts";
import { array, bool, type Draft, int16, int32, int64, string } from "../../wire/schema.ts";

const request = () => ({
  clientSoftwareName: string("3+"),
  clientSoftwareVersion: string("3+"),
  clusterId: string("5+", { nullable: "5+", default: null }),
  nodeId: int32("5+", { default: -1 }),
});

const response = () => ({
  errorCode: int16(),
  apiKeys: array({
    apiKey: int16(),
    minVersion: int16(),
    maxVersion: int16(),
  }),
  throttleTimeMs: int32("1+", { default: 0 }),
  supportedFeatures: array(
    {
      name: string("3+"),
      minVersion: int16("3+"),
      maxVersion: int16("3+"),
    },
    "3+",
    { tag: 0 },
  ),
  finalizedFeaturesEpoch: int64("3+", { tag: 1, default: -1 }),
  finalizedFeatures: array(
    {
      name: string("3+"),
      maxVersionLevel: int16("3+"),
      minVersionLevel: int16("3+"),
    },
    "3+",
    { tag: 2 },
  ),
  zkMigrationReady: bool("3+", { tag: 3, default: false }),
});

export default api({
  key: 18,
  name: "ApiVersions",
  versions: "0-5",
  flexible: "3+",
  needs: [],
  request,
  response,
  handle(call, { clientSoftwareName, clientSoftwareVersion, clusterId, nodeId }) {
    const named = /^[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?$/;
    const wellNamed = call.version < 3 || (named.test(clientSoftwareName) && named.test(clientSoftwareVersion));
    // A client may say which cluster and node it means to reach (KIP-1242).
    const means = clusterId !== null;
    if (!wellNamed || means !== nodeId >= 0) return refused(call, Errors.INVALID_REQUEST);
    if (means && (clusterId !== call.cluster.id || nodeId !== call.node)) return refused(call, Errors.REBOOTSTRAP_REQUIRED);
    return { errorCode: Errors.NONE, apiKeys: call.cluster.apis.map(described) };
  },
  refuse: (_body, error, asker) => refused(asker, error),
  unsupported: (asker) => refused(asker, Errors.UNSUPPORTED_VERSION),
});

function described({ key, advertisedFrom, last }: AnyTable) {
  return { apiKey: key, minVersion: advertisedFrom, maxVersion: last };
}

/** Whoever asks in an unknown version learns which versions of this API he can ask in (KIP-511). */
function refused({ served }: Asker, errorCode: number): Draft<ReturnType<typeof response>> {
  const known = served.filter(({ name }) => name === "ApiVersions" && errorCode === Errors.UNSUPPORTED_VERSION);
  return { errorCode, apiKeys: known.map(described) };
}
