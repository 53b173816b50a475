import { errorName, Errors } from "../../wire/errors.ts";
import { api } from "../api.ts";
import { array, int16, int32, int64, string, uuid } from "../../wire/schema.ts";

const request = () => ({
  groupId: string(),
  generationIdOrMemberEpoch: int32("1+", { default: -1 }),
  memberId: string("1+"),
  groupInstanceId: string("7+", { nullable: "7+", default: null }),
  retentionTimeMs: int64("2-4", { default: -1 }),
  topics: array({
    name: string("0-9"),
    topicId: uuid("10+"),
    partitions: array({
      partitionIndex: int32(),
      committedOffset: int64(),
      committedLeaderEpoch: int32("6+", { default: -1 }),
      committedMetadata: string("0+", { nullable: "0+" }),
    }),
  }),
});

const response = () => ({
  throttleTimeMs: int32("3+", { default: 0 }),
  topics: array({
    name: string("0-9"),
    topicId: uuid("10+"),
    partitions: array({
      partitionIndex: int32(),
      errorCode: int16(),
    }),
  }),
});

/** Topics by id (KIP-516). */
const IDS_FROM = 10;
/** Clients know that a group may not be there (KIP-848). */
const NOT_FOUND_FROM = 9;
/** `offset.metadata.max.bytes`. */
const METADATA_MOST = 4096;

export default api({
  key: 8,
  name: "OffsetCommit",
  versions: "2-10",
  flexible: "8+",
  needs: ["Read Group", "Read Topic"],
  request,
  response,
  handle(call, body) {
    const { groupId, memberId, groupInstanceId, generationIdOrMemberEpoch } = body;
    const { groups } = call.cluster;
    const { events } = call.cluster.host;
    const who = { peer: call.connection, groupId, memberId, instanceId: groupInstanceId, generation: generationIdOrMemberEpoch };
    let error = call.coordinates(groupId) || groups.checkCommit(who);
    if (error === Errors.GROUP_ID_NOT_FOUND && call.version < NOT_FOUND_FROM) error = Errors.ILLEGAL_GENERATION;
    const topics = body.topics.map((asked) => {
      const topic = call.topic(asked, IDS_FROM);
      const partitions = asked.partitions.map(({ partitionIndex, committedOffset, committedLeaderEpoch, committedMetadata }) => {
        const metadata = committedMetadata ?? "";
        const errorCode =
          error !== Errors.NONE
            ? error
            : topic?.partitions[partitionIndex] === undefined
              ? call.noTopic(topic, IDS_FROM)
              : metadata.length > METADATA_MOST
                ? Errors.OFFSET_METADATA_TOO_LARGE
                : Errors.NONE;
        if (events !== null && topic !== undefined) {
          const refused = errorCode === Errors.NONE ? null : errorName(errorCode);
          events.committed(groupId, `${topic.name}-${partitionIndex}`, committedOffset, memberId, call.connection, refused);
        }
        if (errorCode === Errors.NONE) groups.commit(groupId, topic!.name, partitionIndex, committedOffset, committedLeaderEpoch, metadata);
        return { partitionIndex, errorCode };
      });
      return { name: asked.name, topicId: asked.topicId, partitions };
    });
    return { topics };
  },
  refuse: (body, error) => ({
    topics: body.topics.map(({ name, topicId, partitions }) => ({
      name,
      topicId,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: error })),
    })),
  }),
});
