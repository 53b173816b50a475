import { brokerConfigs } from "../broker-configs.ts";
import type { Call } from "../call.ts";
import { ConfigSource, TOPIC_CONFIGS } from "../configs.ts";
import { Errors } from "../../wire/errors.ts";
import { api } from "../api.ts";
import { array, bool, type Draft, type Infer, int16, int32, int8, string } from "../../wire/schema.ts";
import { nameProblem } from "../topics.ts";

const request = () => ({
  resources: array({
    resourceType: int8(),
    resourceName: string(),
    configurationKeys: array(string(), "0+", { nullable: "0+" }),
  }),
  includeSynonyms: bool("1+", { default: false }),
  includeDocumentation: bool("3+", { default: false }),
});

const response = () => ({
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
      synonyms: array(
        {
          name: string("1+"),
          value: string("1+", { nullable: "0+" }),
          source: int8("1+"),
        },
        "1+",
      ),
      configType: int8("3+", { default: 0 }),
      documentation: string("3+", { nullable: "0+" }),
    }),
  }),
});

const TOPIC = 2,
  BROKER = 4;

export default api({
  key: 32,
  name: "DescribeConfigs",
  versions: "1-4",
  flexible: "4+",
  needs: ["DescribeConfigs Topic", "DescribeConfigs Cluster"],
  request,
  response,
  handle: (call, body) => ({
    results: body.resources.map((resource) => {
      const found = describe(call, resource, body.includeSynonyms);
      const failed = typeof found === "string";
      return {
        errorCode: failed ? Errors[found] : Errors.NONE,
        errorMessage: failed ? `${resource.resourceName}: ${found}` : "",
        resourceType: resource.resourceType,
        resourceName: resource.resourceName,
        configs: failed ? [] : found,
      };
    }),
  }),
  refuse: (body, error) => ({
    results: body.resources.map(({ resourceType, resourceName }) => ({
      errorCode: error,
      errorMessage: null,
      resourceType,
      resourceName,
      configs: [],
    })),
  }),
});

type Resource = Infer<ReturnType<typeof request>>["resources"][number];
type Config = Draft<ReturnType<typeof response>>["results"][number]["configs"][number];

function describe(
  call: Call,
  resource: Resource,
  synonyms: boolean,
): Config[] | "INVALID_TOPIC_EXCEPTION" | "UNKNOWN_TOPIC_OR_PARTITION" | "INVALID_REQUEST" {
  const { resourceType, resourceName, configurationKeys } = resource;
  const wanted = (name: string): boolean =>
    configurationKeys === null || configurationKeys.length === 0 || configurationKeys.includes(name);
  if (resourceType === TOPIC) {
    if (nameProblem(resourceName) !== null) return "INVALID_TOPIC_EXCEPTION";
    const topic = call.cluster.topics.get(resourceName);
    if (topic === undefined) return "UNKNOWN_TOPIC_OR_PARTITION";
    return Object.entries(TOPIC_CONFIGS)
      .filter(([name]) => wanted(name))
      .map(([name, { type }]) => {
        const { value, source } = topic.config.get(name);
        return { ...config(name, value, source, type, false), synonyms: synonyms ? topic.config.synonyms(name) : [] };
      });
  }
  if (resourceType === BROKER) {
    if (resourceName === "") return []; // what was changed for all brokers while they ran: nothing
    if (!call.cluster.nodes.isUp(Number(resourceName))) return "INVALID_REQUEST";
    return brokerConfigs(call, resourceName)
      .filter(({ name }) => wanted(name))
      .map(({ name, value, type }) => {
        const source = ConfigSource.STATIC_BROKER;
        return { ...config(name, value, source, type, true), synonyms: synonyms ? [{ name, value, source }] : [] };
      });
  }
  return "INVALID_REQUEST";
}

function config(name: string, value: string, configSource: number, configType: number, readOnly: boolean): Omit<Config, "synonyms"> {
  return { name, value, readOnly, configSource, isSensitive: false, configType, documentation: null };
}
