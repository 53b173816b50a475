import { Message } from "../wire/codec.ts";
import type { ApiTable } from "../wire/api.ts";
import { bounds, type Draft, type Fields, type Infer, type Range } from "../wire/schema.ts";
import type { Asker, Shortcut } from "../pipeline/endpoint.ts";
import type { Call } from "./call.ts";
import type { Partition } from "./topics.ts";

/** One API: both tables, the versions we serve, and what answers it. */
export interface Api<Name extends string = string, Req extends Fields = Fields, Res extends Fields = Fields>
  extends ApiTable<Name, Req, Res>,
    Handling<Infer<Req>, Answer<Res>> {}

/** What Kafka's ACLs can allow (`AclOperation`), and on what (`ResourceType`). */
export type Permission = `${AclOperation} ${"Topic" | "Group" | "Cluster" | "TransactionalId"}`;
type AclOperation =
  | "Read"
  | "Write"
  | "Create"
  | "Delete"
  | "Alter"
  | "Describe"
  | "ClusterAction"
  | "DescribeConfigs"
  | "AlterConfigs"
  | "IdempotentWrite";

/** How an API is carried out: what each of these is for, `KafkaApi` says. */
interface Handling<Body, Answered> {
  /**
   * What a client has to be allowed: each of these on whatever of its kind the request names, and on
   * the cluster where it names nothing else, such as a broker's configuration or a producer id without
   * a transaction. Empty: everybody may ask.
   */
  readonly needs: readonly Permission[];
  handle(call: Call, body: Body): Answered | Promise<Answered>;
  refuse(body: Body, error: number, asker: Asker): Answered;
  isSilent?(body: Body): boolean;
  hasFailed?(answer: Answered): boolean;
  endsWith?(answer: Answered): boolean;
  readonly records?: "in" | "out";
  readonly shortcut?: {
    place(call: Call, body: Body): Partition | null;
    make(call: Call, body: Body): Shortcut | null;
  };
  unsupported?(asker: Asker): Answered;
}

type Answer<Res extends Fields> = Draft<Res> | null;

/** An API whose tables are not looked into. */
export type AnyApi = Api<string, any, any>;

interface Definition<Name extends string, Req extends Fields, Res extends Fields> extends Handling<Infer<Req>, Answer<Res>> {
  key: number;
  name: Name;
  versions: Range;
  /** Versions that use compact lengths and tags; null for none. */
  flexible: `${number}+` | null;
  advertisedFrom?: number;
  /** The tables are functions: a start of the broker does not wait for five hundred fields that nobody asked for yet. */
  request: () => Req;
  response: () => Res;
}

export function api<const Name extends string, Req extends Fields, Res extends Fields>(d: Definition<Name, Req, Res>): Api<Name, Req, Res> {
  const { versions, flexible, request, response, ...handling } = d;
  const [first, last] = bounds(versions);
  return {
    advertisedFrom: first,
    ...handling,
    first,
    last,
    flexibleFrom: flexible === null ? Infinity : bounds(flexible)[0],
    request: new Message(d.name, "request", request, flexible),
    response: new Message(d.name, "response", response, flexible),
  };
}
