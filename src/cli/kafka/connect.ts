import { Admin, GenericError, type ClusterTopicMetadata } from "@platformatic/kafka";
import { nearest } from "../../core/nearest.ts";
import { CommandError, UsageError } from "../lib/errors.ts";
import type { Server } from "../lib/options.ts";
import { explain, reach } from "../lib/probe.ts";

/** What every client is made with. */
export function clientOptions({ host, port }: Server) {
  return {
    clientId: "havoq-cli",
    bootstrapBrokers: [{ host, port }],
    connectTimeout: 5000,
    requestTimeout: 15_000,
    timeout: 10_000,
    retries: 8,
    // A cluster that says "not yet" needs a moment, such as for its first group; what is no Kafka never will.
    retryDelay: (_client: object, _operation: string, _attempt: number, _retries: number, error: Error) =>
      protocolError(error) === null ? 50 : 500,
  };
}

/** Runs with an admin client, which is closed again; tells errors in words that help. */
export async function withAdmin<Result>(server: Server, run: (admin: Admin) => Promise<Result>): Promise<Result> {
  return withClient(server, new Admin(clientOptions(server)), run);
}

export async function withClient<Client extends { close(...args: never[]): unknown }, Result>(
  server: Server,
  client: Client,
  run: (client: Client) => Promise<Result>,
): Promise<Result> {
  try {
    await reach(server, "kafka");
    return await run(client);
  } catch (error) {
    throw await inWords(server, error);
  } finally {
    await Promise.resolve((client.close as (force?: boolean) => unknown)()).catch(() => undefined);
  }
}

/** The error that the broker gave, by its name in the protocol; null when it was something else. */
export function errorName(error: unknown): string | null {
  return protocolError(error)?.apiId ?? null;
}

interface Told {
  apiId: string;
  message: string;
  serverErrorMessage: string | null;
}

function protocolError(error: unknown): Told | null {
  if (typeof error !== "object" || error === null) return null;
  if ("apiId" in error && typeof error.apiId === "string") return error as Told;
  const inner = "errors" in error && Array.isArray(error.errors) ? error.errors : "cause" in error ? [error.cause] : [];
  for (const one of inner) {
    const found = protocolError(one);
    if (found !== null) return found;
  }
  return null;
}

/** An error of the client's, as people can use it. */
export async function inWords(server: Server, error: unknown): Promise<Error> {
  if (error instanceof CommandError || error instanceof UsageError) return error;
  const told = protocolError(error);
  if (told !== null) return new CommandError(`the broker says ${told.apiId}: ${told.serverErrorMessage || told.message}`);
  if (error instanceof Error && GenericError.isGenericError(error)) return explain(server, "kafka", deepest(error));
  return error instanceof Error ? error : new Error(String(error));
}

/** What lies at the bottom of errors in errors. */
function deepest(error: Error): string {
  const inner = (error as AggregateError).errors?.[0] ?? error.cause;
  return inner instanceof Error ? deepest(inner) : error.message;
}

/** A topic that is there; else an error that names those that are. */
export async function knownTopic(
  admin: Pick<Admin, "metadata"> & Partial<Pick<Admin, "listTopics">>,
  name: string,
): Promise<ClusterTopicMetadata> {
  const topics = await admin.listTopics!({ includeInternals: true });
  if (!topics.includes(name)) throw unknownTopic(name, topics);
  const { topics: found } = await admin.metadata({ topics: [name], forceUpdate: true });
  return found.get(name)!;
}

export function unknownTopic(name: string, topics: readonly string[]): CommandError {
  const near = nearest(name, topics);
  const hint =
    near === null
      ? `"havoq kafka topics create ${name}" makes it, "havoq kafka topics list" lists those that are`
      : `did you mean ${near}?`;
  return new CommandError(`there is no topic ${name}: ${hint}`);
}

/** First or last offset of partitions, or the first at a time. */
export async function offsetsAt(
  admin: Admin,
  topic: string,
  partitions: readonly number[],
  timestamp: bigint,
): Promise<Map<number, bigint>> {
  if (partitions.length === 0) return new Map();
  const [found] = await admin.listOffsets({
    topics: [{ name: topic, partitions: partitions.map((partitionIndex) => ({ partitionIndex, timestamp })) }],
  });
  return new Map(found!.partitions.map(({ partitionIndex, offset }) => [partitionIndex, offset]));
}

export const EARLIEST = -2n;
export const LATEST = -1n;

/** 0 … n - 1 */
export const indexes = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
