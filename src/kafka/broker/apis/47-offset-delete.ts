import { Errors } from "../../wire/errors.ts";
import { api } from "../api.ts";
import { array, int16, int32, string } from "../../wire/schema.ts";

const request = () => ({
  groupId: string(),
  topics: array({
    name: string(),
    partitions: array({
      partitionIndex: int32(),
    }),
  }),
});

const response = () => ({
  errorCode: int16(),
  throttleTimeMs: int32("0+", { default: 0 }),
  topics: array({
    name: string(),
    partitions: array({
      partitionIndex: int32(),
      errorCode: int16(),
    }),
  }),
});

export default api({
  key: 47,
  name: "OffsetDelete",
  versions: "0",
  flexible: null,
  needs: ["Delete Group", "Read Topic"],
  request,
  response,
  handle(call, { groupId, topics }) {
    const { groups } = call.cluster;
    const group = groups.groups.get(groupId);
    const error =
      groupId === ""
        ? Errors.INVALID_GROUP_ID
        : call.coordinates(groupId) || (group === undefined ? Errors.GROUP_ID_NOT_FOUND : Errors.NONE);
    if (error !== Errors.NONE) return { errorCode: error, topics: [] };
    // Positions of other kinds of groups can go only when nobody uses them.
    if (group!.members.size > 0 && group!.protocolType !== "consumer") return { errorCode: Errors.NON_EMPTY_GROUP, topics: [] };
    return {
      errorCode: Errors.NONE,
      topics: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex }) => {
          const errorCode =
            call.cluster.partition(name, partitionIndex) === undefined
              ? Errors.UNKNOWN_TOPIC_OR_PARTITION
              : groups.subscribed(group!, name)
                ? Errors.GROUP_SUBSCRIBED_TO_TOPIC
                : Errors.NONE;
          if (errorCode === Errors.NONE) group!.offsets.delete(name, partitionIndex);
          return { partitionIndex, errorCode };
        }),
      })),
    };
  },
  refuse: (_body, error) => ({ errorCode: error, topics: [] }),
});
