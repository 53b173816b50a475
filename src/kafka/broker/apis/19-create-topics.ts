import type { Call } from "../call.ts";
import { TOPIC_CONFIGS } from "../configs.ts";
import { Errors, KafkaError } from "../../wire/errors.ts";
import { api } from "../api.ts";
import { array, bool, type Draft, type Infer, int16, int32, int8, string, uuid, ZERO_UUID } from "../../wire/schema.ts";
import { PARTITIONS_MOST } from "../topics.ts";

const request = () => ({
  topics: array({
    name: string(),
    numPartitions: int32(),
    replicationFactor: int16(),
    assignments: array({
      partitionIndex: int32(),
      brokerIds: array(int32()),
    }),
    configs: array({
      name: string(),
      value: string("0+", { nullable: "0+" }),
    }),
  }),
  timeoutMs: int32("0+", { default: 60000 }),
  validateOnly: bool("1+", { default: false }),
});

const response = () => ({
  throttleTimeMs: int32("2+", { default: 0 }),
  topics: array({
    name: string(),
    topicId: uuid("7+"),
    errorCode: int16(),
    errorMessage: string("1+", { nullable: "0+" }),
    topicConfigErrorCode: int16("5+", { tag: 0 }),
    numPartitions: int32("5+", { default: -1 }),
    replicationFactor: int16("5+", { default: -1 }),
    configs: array(
      {
        name: string("5+"),
        value: string("5+", { nullable: "5+" }),
        readOnly: bool("5+"),
        configSource: int8("5+", { default: -1 }),
        isSensitive: bool("5+"),
      },
      "5+",
      { nullable: "5+" },
    ),
  }),
});

export default api({
  key: 19,
  name: "CreateTopics",
  versions: "2-7",
  flexible: "5+",
  needs: ["Create Topic"],
  request,
  response,
  handle(call, body) {
    if (partitionsOf(body.topics, call.cluster.options.default_partitions) > PARTITIONS_MOST) {
      return {
        topics: body.topics.map(({ name }) =>
          failed(name, Errors.POLICY_VIOLATION, `more than ${PARTITIONS_MOST} partitions in one request`),
        ),
      };
    }
    const asked = Map.groupBy(body.topics, ({ name }) => name);
    return {
      topics: [...asked].map(([name, [topic, again]]) =>
        again === undefined
          ? create(call, topic!, body.validateOnly)
          : failed(name, Errors.INVALID_REQUEST, `topic ${name} is asked for twice`),
      ),
    };
  },
  refuse: (body, error) => ({ topics: body.topics.map(({ name }) => failed(name, error, null)) }),
});

type Asked = Infer<ReturnType<typeof request>>["topics"][number];
type Created = Draft<ReturnType<typeof response>>["topics"][number];

function partitionsOf(topics: readonly Asked[], otherwise: number): number {
  let partitions = 0;
  for (const { numPartitions, assignments } of topics) {
    partitions += assignments.length > 0 ? assignments.length : numPartitions === -1 ? otherwise : Math.max(0, numPartitions);
  }
  return partitions;
}

function create(call: Call, asked: Asked, validateOnly: boolean): Created {
  const { name, numPartitions, replicationFactor, assignments, configs } = asked;
  try {
    const nullConfig = configs.find(({ value }) => value === null);
    if (nullConfig !== undefined) throw new KafkaError("INVALID_CONFIG", `${nullConfig.name} has no value`);
    const topic = call.cluster.createTopic(
      name,
      {
        partitions: numPartitions,
        replicationFactor,
        assignments: inOrder(assignments),
        config: Object.fromEntries(configs.map((one) => [one.name, one.value!])),
      },
      validateOnly,
    );
    return {
      name,
      topicId: topic.id,
      errorCode: Errors.NONE,
      errorMessage: null,
      topicConfigErrorCode: Errors.NONE,
      numPartitions: topic.partitions.length,
      replicationFactor: topic.replicationFactor,
      configs: Object.entries(TOPIC_CONFIGS).map(([config]) => {
        const { value, source } = topic.config.get(config);
        return { name: config, value, readOnly: false, configSource: source, isSensitive: false };
      }),
    };
  } catch (error) {
    if (error instanceof KafkaError) return failed(name, Errors[error.error], error.message);
    throw error;
  }
}

/** Node ids by partition; partitions have to count from 0 without a hole. */
function inOrder(assignments: Asked["assignments"]): number[][] {
  const sorted = [...assignments].sort((a, b) => a.partitionIndex - b.partitionIndex);
  if (sorted.some(({ partitionIndex }, i) => partitionIndex !== i)) {
    throw new KafkaError("INVALID_REPLICA_ASSIGNMENT", "partitions of a manual assignment count from 0 without a hole");
  }
  return sorted.map(({ brokerIds }) => brokerIds);
}

function failed(name: string, errorCode: number, errorMessage: string | null): Created {
  return { name, topicId: ZERO_UUID, errorCode, errorMessage, configs: [] };
}
