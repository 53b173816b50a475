import type { Call } from "../call.ts";
import { Errors } from "../../wire/errors.ts";
import { api } from "../api.ts";
import { array, int16, int32, string, uuid, ZERO_UUID } from "../../wire/schema.ts";

const request = () => ({
  topics: array(
    {
      name: string("6+", { nullable: "6+", default: null }),
      topicId: uuid("6+"),
    },
    "6+",
    { default: [] },
  ),
  topicNames: array(string(), "0-5", { default: [] }),
  timeoutMs: int32(),
});

const response = () => ({
  throttleTimeMs: int32("1+", { default: 0 }),
  responses: array({
    name: string("0+", { nullable: "6+" }),
    topicId: uuid("6+"),
    errorCode: int16(),
    errorMessage: string("5+", { nullable: "5+", default: null }),
  }),
});

/** Topics by name or id (KIP-516). */
const IDS_FROM = 6;

export default api({
  key: 20,
  name: "DeleteTopics",
  versions: "1-6",
  flexible: "4+",
  needs: ["Delete Topic"],
  request,
  response,
  handle(call, body) {
    const asked = call.version >= IDS_FROM ? body.topics : body.topicNames.map((name) => ({ name, topicId: ZERO_UUID }));
    const responses = [...Map.groupBy(asked, ({ name, topicId }) => name ?? topicId).values()].map(([topic, again]) =>
      again === undefined
        ? remove(call, topic!)
        : { ...topic!, errorCode: Errors.INVALID_REQUEST, errorMessage: "a topic is asked for twice" },
    );
    return { responses };
  },
  refuse: (body, error) => ({
    responses: [...body.topics, ...body.topicNames.map((name) => ({ name, topicId: ZERO_UUID }))].map((asked) => ({
      ...asked,
      errorCode: error,
    })),
  }),
});

function remove(call: Call, { name, topicId }: { name: string | null; topicId: string }) {
  const { topics, topicsById } = call.cluster;
  if ((name === null) === (topicId === ZERO_UUID)) {
    return { name, topicId, errorCode: Errors.INVALID_REQUEST, errorMessage: "a topic goes by its name or by its id" };
  }
  const topic = name === null ? topicsById.get(topicId) : topics.get(name);
  if (topic === undefined) {
    return name === null
      ? { name, topicId, errorCode: Errors.UNKNOWN_TOPIC_ID, errorMessage: "no topic has this id" }
      : { name, topicId, errorCode: Errors.UNKNOWN_TOPIC_OR_PARTITION, errorMessage: `there is no topic ${name}` };
  }
  call.cluster.deleteTopic(topic);
  return { name: topic.name, topicId: topic.id, errorCode: Errors.NONE };
}
