import { AmqpError, type Condition } from "../amqp/model/errors.ts";
import { isNamed } from "../core/errors.ts";
import { type ErrorName, KafkaError } from "../kafka/wire/errors.ts";
import { MqttError } from "../mqtt/wire/reasons.ts";
import { ApiError } from "./api.ts";

interface Refusal {
  status: ApiError["status"];
  message: string;
  path?: readonly (string | number)[] | undefined;
  didYouMean?: string | undefined;
}

/** The statuses of errors that Kafka names; others are 400. */
const KAFKA: Partial<Record<ErrorName, Refusal["status"]>> = {
  UNKNOWN_TOPIC_OR_PARTITION: 404,
  GROUP_ID_NOT_FOUND: 404,
  TOPIC_ALREADY_EXISTS: 409,
  NON_EMPTY_GROUP: 409,
};
/** The same for AMQP. */
const AMQP: Partial<Record<Condition, Refusal["status"]>> = {
  NOT_FOUND: 404,
  PRECONDITION_FAILED: 409,
  RESOURCE_LOCKED: 409,
  ACCESS_REFUSED: 403,
  NOT_IMPLEMENTED: 501,
};

/** What an error means in HTTP: its own status where it has one, that of its name in its protocol, else 500. */
export function refusal(error: Error): Refusal {
  const { message } = error;
  if (error instanceof ApiError) return { status: error.status, message, ...error.more };
  if (error instanceof KafkaError) return { status: KAFKA[error.error] ?? 400, message };
  if (error instanceof AmqpError) return { status: AMQP[error.condition] ?? 400, message };
  if (isNamed(error)) return { status: error.status, message, path: error.path, didYouMean: error.didYouMean };
  // What the brokers say of a message or a name that was given.
  if (error instanceof TypeError || error instanceof RangeError || error instanceof MqttError) return { status: 400, message };
  return { status: 500, message: String(message) };
}
