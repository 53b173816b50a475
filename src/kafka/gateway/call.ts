import type { Connection } from "../../net/connection.ts";
import type { CallHeader, ClusterFacts, KafkaCall, Produced } from "../pipeline/endpoint.ts";
import type { Received } from "../pipeline/received.ts";
import type { AnyTable } from "../wire/api.ts";
import type { KafkaGateway } from "./gateway.ts";

/** One request on its way to the cluster behind. */
export class GatewayCall implements KafkaCall {
  readonly version: number;
  readonly correlationId: number;
  readonly clientId: string;
  readonly since: number;
  produced: ReadonlyMap<object, Produced> | null = null;
  verbatim: { readonly body: any; readonly bytes: Buffer } | null = null;

  constructor(
    readonly gateway: KafkaGateway,
    readonly connection: Connection,
    header: CallHeader,
    readonly received: Received,
  ) {
    this.version = header.version;
    this.correlationId = header.correlationId;
    this.clientId = header.clientId;
    this.since = header.since;
  }

  get served(): readonly AnyTable[] {
    return this.gateway.apis;
  }

  about(): ClusterFacts {
    return this.gateway.about(this.connection.listener);
  }

  /** The connection to the cluster ends with the client's: nothing else waits. */
  cancel(): void {}
}
