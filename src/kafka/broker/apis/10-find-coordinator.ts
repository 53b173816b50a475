import type { Call } from "../call.ts";
import { Errors } from "../../wire/errors.ts";
import { api } from "../api.ts";
import { array, int16, int32, int8, string } from "../../wire/schema.ts";

const request = () => ({
  key: string("0-3", { default: "" }),
  keyType: int8("1+", { default: 0 }),
  coordinatorKeys: array(string(), "4+", { default: [] }),
});

const response = () => ({
  throttleTimeMs: int32("1+", { default: 0 }),
  errorCode: int16("0-3", { default: 0 }),
  errorMessage: string("1-3", { nullable: "1-3", default: "" }),
  nodeId: int32("0-3", { default: 0 }),
  host: string("0-3", { default: "" }),
  port: int32("0-3", { default: 0 }),
  coordinators: array(
    {
      key: string("4+"),
      nodeId: int32("4+"),
      host: string("4+"),
      port: int32("4+"),
      errorCode: int16("4+"),
      errorMessage: string("4+", { nullable: "4+" }),
    },
    "4+",
    { default: [] },
  ),
});

/** Several keys at once (KIP-699). */
const BATCHED_FROM = 4;
const GROUP = 0;
const NOWHERE = { nodeId: -1, host: "", port: -1, errorMessage: null };

export default api({
  key: 10,
  name: "FindCoordinator",
  versions: "0-6",
  flexible: "3+",
  needs: ["Describe Group", "Describe TransactionalId"],
  request,
  response,
  handle(call, body) {
    const find = (key: string) => coordinator(call, key, body.keyType);
    return call.version >= BATCHED_FROM ? { coordinators: body.coordinatorKeys.map(find) } : find(body.key);
  },
  refuse: (body, error) => ({
    ...NOWHERE,
    errorCode: error,
    errorMessage: null,
    coordinators: body.coordinatorKeys.map((key) => ({ key, ...NOWHERE, errorCode: error, errorMessage: null })),
  }),
});

function coordinator(call: Call, key: string, keyType: number) {
  if (keyType !== GROUP) {
    return { key, ...NOWHERE, errorCode: Errors.INVALID_REQUEST, errorMessage: `there are no coordinators of type ${keyType}` };
  }
  const node = call.cluster.nodes.coordinator(key);
  if (node === undefined) return { key, ...NOWHERE, errorCode: Errors.COORDINATOR_NOT_AVAILABLE };
  return { key, nodeId: node.id, ...call.address(node.id), errorCode: Errors.NONE, errorMessage: "" };
}
