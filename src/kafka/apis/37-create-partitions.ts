import { Errors, KafkaError } from "../errors.ts";
import { api } from "../protocol.ts";
import { array, bool, int16, int32, string } from "../schema.ts";

const request = {
  topics: array({
    name: string(),
    count: int32(),
    assignments: array({
      brokerIds: array(int32()),
    }, "0+", { nullable: "0+" }),
  }),
  timeoutMs: int32(),
  validateOnly: bool(),
};

const response = {
  throttleTimeMs: int32("0+", { default: 0 }),
  results: array({
    name: string(),
    errorCode: int16(),
    errorMessage: string("0+", { nullable: "0+", default: null }),
  }),
};

export default api({
  key: 37,
  name: "CreatePartitions",
  versions: "0-3",
  flexible: "2+",
  request,
  response,
  handle: (call, body) => ({
    results: body.topics.map(({ name, count, assignments }) => {
      const topic = call.cluster.topics.get(name);
      if (topic === undefined) return { name, errorCode: Errors.UNKNOWN_TOPIC_OR_PARTITION };
      try {
        call.cluster.addPartitions(topic, count, assignments?.map(({ brokerIds }) => brokerIds) ?? null, body.validateOnly);
        return { name, errorCode: Errors.NONE };
      } catch (error) {
        if (error instanceof KafkaError) return { name, errorCode: Errors[error.error], errorMessage: error.message };
        throw error;
      }
    }),
  }),
  refuse: (body, error) => ({ results: body.topics.map(({ name }) => ({ name, errorCode: error })) }),
});
