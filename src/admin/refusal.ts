import { AmqpError } from "../amqp/model/errors.ts";
import { KafkaError } from "../kafka/wire/errors.ts";
import { ApiError } from "./api.ts";

interface Refusal {
  status: ApiError["status"];
  message: string;
  path?: (string | number)[] | undefined;
  didYouMean?: string | undefined;
}

/** What an error of the brokers means in HTTP. */
export function refusal(error: Error): Refusal {
  if (error instanceof ApiError) return { status: error.status, message: error.message, ...error.more };
  if (error instanceof KafkaError) return { status: byName(error.error), message: error.message };
  if (error instanceof AmqpError) return { status: byName(error.reply), message: error.message };
  const { message, path } = error as Error & { path?: (string | number)[] };
  switch (error.name) {
    // A rule, a fault's options, a scenario, a fixture that does not fit: with the place.
    case "RuleError":
    case "ShapeError":
    case "FaultError":
    case "ScenarioError":
    case "FixtureError":
    case "RangeError":
    case "TypeError":
      return { status: 400, message, path, didYouMean: /did you mean ([^?]+)\?/.exec(message)?.[1] };
    default:
      return { status: 500, message: String(message) };
  }
}

function byName(name: string): Refusal["status"] {
  if (/^(?:NOT_FOUND|UNKNOWN_TOPIC_OR_PARTITION|GROUP_ID_NOT_FOUND)$/.test(name)) return 404;
  if (/EXISTS|^(?:NON_EMPTY_GROUP|PRECONDITION_FAILED|RESOURCE_LOCKED)$/.test(name)) return 409;
  if (name === "ACCESS_REFUSED") return 403;
  return name === "NOT_IMPLEMENTED" ? 501 : 400;
}
