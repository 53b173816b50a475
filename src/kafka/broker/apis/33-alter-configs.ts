import { alterConfigs, refuseConfigs } from "../alter-configs.ts";
import { KafkaError } from "../../wire/errors.ts";
import { api } from "../api.ts";
import { array, bool, int16, int32, int8, string } from "../../wire/schema.ts";

const request = () => ({
  resources: array({
    resourceType: int8(),
    resourceName: string(),
    configs: array({
      name: string(),
      value: string("0+", { nullable: "0+" }),
    }),
  }),
  validateOnly: bool(),
});

const response = () => ({
  throttleTimeMs: int32("0+", { default: 0 }),
  responses: array({
    errorCode: int16(),
    errorMessage: string("0+", { nullable: "0+" }),
    resourceType: int8(),
    resourceName: string(),
  }),
});

/** The values given are all that the topic has of its own afterwards; IncrementalAlterConfigs changes single ones. */
export default api({
  key: 33,
  name: "AlterConfigs",
  versions: "0-2",
  flexible: "2+",
  needs: ["AlterConfigs Topic", "AlterConfigs Cluster"],
  request,
  response,
  handle: (call, body) =>
    alterConfigs(call, body.resources, body.validateOnly, (_topic, { configs }) => {
      const values: Record<string, string> = {};
      for (const { name, value } of configs) {
        if (value === null) throw new KafkaError("INVALID_REQUEST", `${name} has no value`);
        values[name] = value;
      }
      return values;
    }),
  refuse: (body, error) => refuseConfigs(body.resources, error),
});
