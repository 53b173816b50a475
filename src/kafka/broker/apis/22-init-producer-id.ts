import { Errors } from "../../wire/errors.ts";
import { api } from "../api.ts";
import { int16, int32, int64, string } from "../../wire/schema.ts";

const request = () => ({
  transactionalId: string("0+", { nullable: "0+" }),
  transactionTimeoutMs: int32(),
  producerId: int64("3+", { default: -1 }),
  producerEpoch: int16("3+", { default: -1 }),
});

const response = () => ({
  throttleTimeMs: int32("0+", { default: 0 }),
  errorCode: int16(),
  producerId: int64("0+", { default: -1 }),
  producerEpoch: int16(),
});

export default api({
  key: 22,
  name: "InitProducerId",
  versions: "0-5",
  flexible: "2+",
  needs: ["Write TransactionalId", "IdempotentWrite Cluster"],
  request,
  response,
  handle(call, { transactionalId, producerId, producerEpoch }) {
    // A producer that comes back names both or neither (KIP-360).
    if ((producerId === -1) !== (producerEpoch === -1)) return { errorCode: Errors.INVALID_REQUEST, producerEpoch: -1 };
    if (transactionalId !== null) return { errorCode: Errors.INVALID_REQUEST, producerEpoch: -1 }; // there are no transactions
    return { errorCode: Errors.NONE, producerId: call.cluster.nextProducerId(), producerEpoch: 0 };
  },
  refuse: (_body, error) => ({ errorCode: error, producerEpoch: -1 }),
});
