import { api } from "../protocol.ts";
import { array, bool, int16, int32, int8, string } from "../schema.ts";

export default api({
  key: 32,
  name: "DescribeConfigs",
  versions: "1-4",
  flexible: "4+",
  request: {
    resources: array({
      resourceType: int8(),
      resourceName: string(),
      configurationKeys: array(string(), "0+", { nullable: "0+" }),
    }),
    includeSynonyms: bool("1+", { default: false }),
    includeDocumentation: bool("3+", { default: false }),
  },
  response: {
    throttleTimeMs: int32("0+", { default: 0 }),
    results: array({
      errorCode: int16(),
      errorMessage: string("0+", { nullable: "0+" }),
      resourceType: int8(),
      resourceName: string(),
      configs: array({
        name: string(),
        value: string("0+", { nullable: "0+" }),
        readOnly: bool(),
        configSource: int8("1+", { default: -1 }),
        isSensitive: bool(),
        synonyms: array({
          name: string("1+"),
          value: string("1+", { nullable: "0+" }),
          source: int8("1+"),
        }, "1+"),
        configType: int8("3+", { default: 0 }),
        documentation: string("3+", { nullable: "0+" }),
      }),
    }),
  },
});
