import type { Call } from "../call.ts";
import { Errors, KafkaError } from "../../wire/errors.ts";
import { api } from "../api.ts";
import { array, bool, type Infer, int16, int32, string } from "../../wire/schema.ts";
import { PARTITIONS_MOST } from "../topics.ts";

const request = () => ({
  topics: array({
    name: string(),
    count: int32(),
    assignments: array(
      {
        brokerIds: array(int32()),
      },
      "0+",
      { nullable: "0+" },
    ),
  }),
  timeoutMs: int32(),
  validateOnly: bool(),
});

const response = () => ({
  throttleTimeMs: int32("0+", { default: 0 }),
  results: array({
    name: string(),
    errorCode: int16(),
    errorMessage: string("0+", { nullable: "0+", default: null }),
  }),
});

export default api({
  key: 37,
  name: "CreatePartitions",
  versions: "0-3",
  flexible: "2+",
  needs: ["Alter Topic"],
  request,
  response,
  handle(call, body) {
    const { topics } = call.cluster;
    const more = body.topics.reduce((sum, { name, count }) => sum + Math.max(0, count - (topics.get(name)?.partitions.length ?? count)), 0);
    if (more > PARTITIONS_MOST) {
      return {
        results: body.topics.map(({ name }) => ({
          name,
          errorCode: Errors.POLICY_VIOLATION,
          errorMessage: `more than ${PARTITIONS_MOST} partitions in one request`,
        })),
      };
    }
    return {
      results: [...Map.groupBy(body.topics, ({ name }) => name)].map(([name, [asked, again]]) =>
        again === undefined
          ? create(call, asked!, body.validateOnly)
          : { name, errorCode: Errors.INVALID_REQUEST, errorMessage: `topic ${name} is asked for twice` },
      ),
    };
  },
  refuse: (body, error) => ({ results: body.topics.map(({ name }) => ({ name, errorCode: error })) }),
});

type Asked = Infer<ReturnType<typeof request>>["topics"][number];

function create({ cluster }: Call, { name, count, assignments }: Asked, validateOnly: boolean) {
  const topic = cluster.topics.get(name);
  if (topic === undefined) return { name, errorCode: Errors.UNKNOWN_TOPIC_OR_PARTITION };
  try {
    cluster.addPartitions(topic, count, assignments?.map(({ brokerIds }) => brokerIds) ?? null, validateOnly);
    return { name, errorCode: Errors.NONE };
  } catch (error) {
    if (error instanceof KafkaError) return { name, errorCode: Errors[error.error], errorMessage: error.message };
    throw error;
  }
}
