import type { Call } from "./call.ts";
import { configsProblem } from "./configs.ts";
import { type ErrorName, Errors, KafkaError } from "../wire/errors.ts";
import { nameProblem, type Topic } from "./topics.ts";

const TOPIC = 2,
  BROKER = 4;

/** What is to be changed: a topic, or a broker, whose configuration does not change while it runs. */
export interface Resource {
  readonly resourceType: number;
  readonly resourceName: string;
  readonly configs: readonly { readonly name: string }[];
}

/**
 * Changes the configuration of topics, each for itself: one that is refused does not keep the others back.
 *
 * @param wanted the values that a topic is to have of its own
 * @throws KafkaError from `wanted`, which is that topic's answer
 */
export function alterConfigs<R extends Resource>(
  { cluster }: Call,
  resources: readonly R[],
  validateOnly: boolean,
  wanted: (topic: Topic, resource: R) => Record<string, string>,
) {
  const times = new Map<string, number>();
  for (const { resourceType, resourceName } of resources) {
    const resource = `${resourceType} ${resourceName}`;
    times.set(resource, (times.get(resource) ?? 0) + 1);
  }
  const alter = (resource: R): void => {
    const { resourceType, resourceName, configs } = resource;
    const refuse = (error: ErrorName, reason: string): never => {
      throw new KafkaError(error, reason);
    };
    if (times.get(`${resourceType} ${resourceName}`)! > 1) refuse("INVALID_REQUEST", "a resource is named twice");
    if (resourceType === BROKER) refuse("INVALID_REQUEST", "brokers are configured before they start");
    if (resourceType !== TOPIC) refuse("INVALID_REQUEST", `resources of type ${resourceType} have no configuration here`);
    if (resourceName === "") refuse("INVALID_REQUEST", "a topic has a name");
    const problem = nameProblem(resourceName);
    if (problem !== null) refuse("INVALID_TOPIC_EXCEPTION", problem);
    const topic = cluster.topics.get(resourceName);
    if (topic === undefined) throw new KafkaError("UNKNOWN_TOPIC_OR_PARTITION", `there is no topic ${resourceName}`);
    if (new Set(configs.map(({ name }) => name)).size < configs.length) refuse("INVALID_REQUEST", "a configuration is named twice");
    const values = wanted(topic, resource);
    const wrong = configsProblem(values);
    if (wrong !== null) refuse("INVALID_CONFIG", wrong);
    if (validateOnly) return;
    const gone = Object.keys(topic.config.own())
      .filter((name) => !(name in values))
      .map((name) => [name, null]);
    topic.config.change({ ...Object.fromEntries(gone), ...values });
  };
  return {
    responses: resources.map((resource) => {
      const { resourceType, resourceName } = resource;
      try {
        alter(resource);
        return { errorCode: Errors.NONE, errorMessage: null, resourceType, resourceName };
      } catch (error) {
        if (error instanceof KafkaError) return { errorCode: Errors[error.error], errorMessage: error.message, resourceType, resourceName };
        throw error;
      }
    }),
  };
}

/** The answer that refuses all of them. */
export function refuseConfigs(resources: readonly Resource[], errorCode: number) {
  return { responses: resources.map(({ resourceType, resourceName }) => ({ errorCode, errorMessage: null, resourceType, resourceName })) };
}
