import { api } from "../protocol.ts";
import { array, bool, int16, int32, int64, string } from "../schema.ts";

export default api({
  key: 18,
  name: "ApiVersions",
  versions: "0-5",
  flexible: "3+",
  request: {
    clientSoftwareName: string("3+"),
    clientSoftwareVersion: string("3+"),
    clusterId: string("5+", { nullable: "5+", default: null }),
    nodeId: int32("5+", { default: -1 }),
  },
  response: {
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
  },
});
