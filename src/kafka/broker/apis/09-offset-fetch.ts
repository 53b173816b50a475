import type { Call } from "../call.ts";
import { Errors } from "../../wire/errors.ts";
import { api } from "../api.ts";
import { array, bool, int16, int32, int64, string, uuid, ZERO_UUID } from "../../wire/schema.ts";

const request = () => ({
  groupId: string("0-7", { default: "" }),
  topics: array(
    {
      name: string("0-7"),
      partitionIndexes: array(int32(), "0-7"),
    },
    "0-7",
    { nullable: "2-7", default: [] },
  ),
  groups: array(
    {
      groupId: string("8+"),
      memberId: string("9+", { nullable: "9+", default: null }),
      memberEpoch: int32("9+", { default: -1 }),
      topics: array(
        {
          name: string("8-9"),
          topicId: uuid("10+"),
          partitionIndexes: array(int32(), "8+"),
        },
        "8+",
        { nullable: "8+" },
      ),
    },
    "8+",
    { default: [] },
  ),
  requireStable: bool("7+", { default: false }),
});

const response = () => ({
  throttleTimeMs: int32("3+", { default: 0 }),
  topics: array(
    {
      name: string("0-7"),
      partitions: array(
        {
          partitionIndex: int32("0-7"),
          committedOffset: int64("0-7"),
          committedLeaderEpoch: int32("5-7", { default: -1 }),
          metadata: string("0-7", { nullable: "0-7" }),
          errorCode: int16("0-7"),
        },
        "0-7",
      ),
    },
    "0-7",
    { default: [] },
  ),
  errorCode: int16("2-7", { default: 0 }),
  groups: array(
    {
      groupId: string("8+"),
      topics: array(
        {
          name: string("8-9"),
          topicId: uuid("10+"),
          partitions: array(
            {
              partitionIndex: int32("8+"),
              committedOffset: int64("8+"),
              committedLeaderEpoch: int32("8+", { default: -1 }),
              metadata: string("8+", { nullable: "8+" }),
              errorCode: int16("8+"),
            },
            "8+",
          ),
        },
        "8+",
      ),
      errorCode: int16("8+", { default: 0 }),
    },
    "8+",
    { default: [] },
  ),
});

/** Several groups at once (KIP-709). */
const GROUPS_FROM = 8;
/** Topics by id (KIP-516). */
const IDS_FROM = 10;

export default api({
  key: 9,
  name: "OffsetFetch",
  versions: "1-10",
  flexible: "6+",
  needs: ["Describe Group", "Describe Topic"],
  request,
  response,
  handle(call, body) {
    if (call.version >= GROUPS_FROM) {
      return { groups: body.groups.map(({ groupId, topics }) => ({ groupId, ...positions(call, groupId, topics) })) };
    }
    // One group, whose topics have names.
    return { ...positions(call, body.groupId, body.topics?.map((topic) => ({ ...topic, topicId: ZERO_UUID })) ?? null) };
  },
  refuse(body, error, call) {
    const partitionsOf = (indexes: readonly number[]) => indexes.map((partitionIndex) => none(partitionIndex, error));
    return {
      errorCode: error,
      groups: body.groups.map(({ groupId }) => ({ groupId, errorCode: error, topics: [] })),
      // Before version 2 there is no error for all of it.
      topics:
        call.version >= 2 ? [] : body.topics!.map(({ name, partitionIndexes }) => ({ name, partitions: partitionsOf(partitionIndexes) })),
    };
  },
});

interface Asked {
  readonly name: string;
  readonly topicId: string;
  readonly partitionIndexes: readonly number[];
}

interface Position {
  partitionIndex: number;
  committedOffset: number;
  committedLeaderEpoch: number;
  metadata: string;
  errorCode: number;
}

/** @param asked null for all there are */
function positions(call: Call, groupId: string, asked: readonly Asked[] | null) {
  const error = call.coordinates(groupId);
  if (error !== Errors.NONE) {
    const topics =
      call.version >= 2
        ? []
        : asked!.map(({ name, topicId, partitionIndexes }) => ({
            name,
            topicId,
            partitions: partitionIndexes.map((index) => none(index, error)),
          }));
    return { errorCode: error, topics };
  }
  const offsets = call.cluster.groups.groups.get(groupId)?.offsets;
  const at = (topic: string, partitionIndex: number): Position => {
    const found = offsets?.get(topic, partitionIndex);
    if (found === undefined) return none(partitionIndex, Errors.NONE);
    const { offset, leaderEpoch, metadata } = found;
    return { partitionIndex, committedOffset: offset, committedLeaderEpoch: leaderEpoch, metadata, errorCode: Errors.NONE };
  };
  if (asked === null) {
    const topics = [...(offsets ?? [])].map(([name, partitions]) => ({
      name,
      topicId: call.cluster.topics.get(name)?.id ?? ZERO_UUID,
      partitions: [...partitions.keys()].map((index) => at(name, index)),
    }));
    return { errorCode: Errors.NONE, topics };
  }
  const topics = asked.map((one) => {
    const name = call.version >= IDS_FROM ? call.topic(one, IDS_FROM)?.name : one.name;
    const partitions = one.partitionIndexes.map((index) => (name === undefined ? none(index, Errors.UNKNOWN_TOPIC_ID) : at(name, index)));
    return { name: one.name, topicId: one.topicId, partitions };
  });
  return { errorCode: Errors.NONE, topics };
}

function none(partitionIndex: number, errorCode: number): Position {
  return { partitionIndex, committedOffset: -1, committedLeaderEpoch: -1, metadata: "", errorCode };
}
