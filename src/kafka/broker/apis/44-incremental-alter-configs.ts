import { alterConfigs, refuseConfigs } from "../alter-configs.ts";
import { ConfigType, listed, TOPIC_CONFIGS } from "../configs.ts";
import { KafkaError } from "../../wire/errors.ts";
import { api } from "../api.ts";
import { array, bool, type Infer, int16, int32, int8, string } from "../../wire/schema.ts";
import type { Topic } from "../topics.ts";

const request = () => ({
  resources: array({
    resourceType: int8(),
    resourceName: string(),
    configs: array({
      name: string(),
      configOperation: int8(),
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

/** What is to be done with a value (KIP-339). */
const SET = 0,
  DELETE = 1,
  APPEND = 2,
  SUBTRACT = 3;

export default api({
  key: 44,
  name: "IncrementalAlterConfigs",
  versions: "0-1",
  flexible: "1+",
  needs: ["AlterConfigs Topic", "AlterConfigs Cluster"],
  request,
  response,
  handle: (call, body) => alterConfigs(call, body.resources, body.validateOnly, changed),
  refuse: (body, error) => refuseConfigs(body.resources, error),
});

type Resource = Infer<ReturnType<typeof request>>["resources"][number];

function changed(topic: Topic, { configs }: Resource): Record<string, string> {
  const values = topic.config.own();
  for (const { name, configOperation, value } of configs) {
    if (configOperation === DELETE) {
      delete values[name];
      continue;
    }
    if (value === null) throw new KafkaError("INVALID_REQUEST", `${name} has no value`);
    values[name] = configOperation === SET ? value : inList(topic, name, configOperation, listed(value));
  }
  return values;
}

function inList(topic: Topic, name: string, operation: number, items: readonly string[]): string {
  if (operation !== APPEND && operation !== SUBTRACT)
    throw new KafkaError("UNKNOWN_SERVER_ERROR", `there is no operation ${operation} on a configuration`);
  if (TOPIC_CONFIGS[name]?.type !== ConfigType.LIST) throw new KafkaError("INVALID_CONFIG", `${name} is no list`);
  const has = listed(topic.config.get(name).value);
  return (operation === APPEND ? [...has, ...items] : has.filter((item) => !items.includes(item))).join(",");
}
