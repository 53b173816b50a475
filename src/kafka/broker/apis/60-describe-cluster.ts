import { Errors } from "../../wire/errors.ts";
import { CLUSTER_OPERATIONS, NOT_ASKED } from "../operations.ts";
import { api } from "../api.ts";
import { array, bool, int16, int32, int8, string } from "../../wire/schema.ts";

const request = () => ({
  includeClusterAuthorizedOperations: bool(),
  endpointType: int8("1+", { default: 1 }),
  includeFencedBrokers: bool("2+"),
});

const response = () => ({
  throttleTimeMs: int32("0+", { default: 0 }),
  errorCode: int16(),
  errorMessage: string("0+", { nullable: "0+", default: null }),
  endpointType: int8("1+", { default: 1 }),
  clusterId: string(),
  controllerId: int32("0+", { default: -1 }),
  brokers: array({
    brokerId: int32(),
    host: string(),
    port: int32(),
    rack: string("0+", { nullable: "0+", default: null }),
    isFenced: bool("2+"),
  }),
  clusterAuthorizedOperations: int32("0+", { default: -2147483648 }),
});

/** Types of endpoints; controllers cannot be reached from outside. */
const BROKERS = 1,
  CONTROLLERS = 2;

export default api({
  key: 60,
  name: "DescribeCluster",
  versions: "0-2",
  flexible: "0+",
  needs: ["Describe Cluster"],
  request,
  response,
  handle(call, body) {
    const { id, nodes } = call.cluster;
    const errorCode =
      body.endpointType === BROKERS
        ? Errors.NONE
        : body.endpointType === CONTROLLERS
          ? Errors.MISMATCHED_ENDPOINT_TYPE
          : Errors.UNSUPPORTED_ENDPOINT_TYPE;
    if (errorCode !== Errors.NONE)
      return { errorCode, errorMessage: `this is a broker, not an endpoint of type ${body.endpointType}`, clusterId: "", brokers: [] };
    return {
      errorCode,
      endpointType: BROKERS,
      clusterId: id,
      clusterAuthorizedOperations: body.includeClusterAuthorizedOperations ? CLUSTER_OPERATIONS : NOT_ASKED,
      controllerId: nodes.controller,
      brokers: nodes.up.map((node) => ({ brokerId: node.id, ...call.address(node.id), isFenced: false })),
    };
  },
  refuse: (_body, error) => ({ errorCode: error, clusterId: "", brokers: [] }),
});
