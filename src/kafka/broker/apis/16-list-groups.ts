import { api } from "../api.ts";
import { array, int16, int32, string } from "../../wire/schema.ts";

const request = () => ({
  statesFilter: array(string(), "4+"),
  typesFilter: array(string(), "5+"),
});

const response = () => ({
  throttleTimeMs: int32("1+", { default: 0 }),
  errorCode: int16(),
  groups: array({
    groupId: string(),
    protocolType: string(),
    groupState: string("4+"),
    groupType: string("5+"),
  }),
});

const CLASSIC = "classic";

export default api({
  key: 16,
  name: "ListGroups",
  versions: "0-5",
  flexible: "3+",
  needs: ["Describe Group"],
  request,
  response,
  handle(call, body) {
    const states = lowered(body.statesFilter),
      types = lowered(body.typesFilter);
    const groups = [...call.cluster.groups.groups.values()]
      .filter(({ id, state }) => call.coordinates(id) === 0 && admits(states, state) && admits(types, CLASSIC))
      .map(({ id, protocolType, state }) => ({ groupId: id, protocolType: protocolType ?? "", groupState: state, groupType: CLASSIC }));
    return { errorCode: 0, groups };
  },
  refuse: (_body, error) => ({ errorCode: error, groups: [] }),
});

function lowered(filter: readonly string[]): string[] {
  return filter.map((one) => one.toLowerCase());
}

/** An empty filter admits everything. */
function admits(filter: readonly string[], value: string): boolean {
  return filter.length === 0 || filter.includes(value.toLowerCase());
}
