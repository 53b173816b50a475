import { Errors } from "../wire/errors.ts";
import type { Outgoing } from "../../hooks/plugin.ts";
import type { Connection } from "../../net/connection.ts";
import type { Address } from "../../net/dial.ts";
import type { Server } from "../../net/net.ts";
import type { Session } from "../../net/session.ts";
import type { Host } from "../../pipeline/host.ts";
import type { Sent } from "../../pipeline/inject.ts";
import metadata from "../broker/apis/03-metadata.ts";
import brokerApis from "../broker/apis/index.ts";
import { Metrics } from "../broker/metrics.ts";
import { KafkaConnection } from "../pipeline/connection.ts";
import type { CallHeader, ClusterFacts, KafkaApi, KafkaCall, KafkaEndpoint, Place } from "../pipeline/endpoint.ts";
import { topicIdsOf } from "../pipeline/facts.ts";
import { Intake } from "../pipeline/intake.ts";
import type { Received } from "../pipeline/received.ts";
import type { ResponseOf } from "../wire/api.ts";
import { type Batch, producedBatch, Refused } from "../wire/batch.ts";
import passings from "./apis/index.ts";
import { Brokers, type BrokersIn, brokersIn, type Listeners } from "./brokers.ts";
import { GatewayCall } from "./call.ts";
import { answerReader, requestFrame, responseFrame, withBody } from "./frames.ts";
import { Link } from "./link.ts";
import { Answered, type Passing } from "./passing.ts";
import { GatewayProducer } from "./producer.ts";
import { Sequences } from "./sequences.ts";
import { KnownTopic, KnownTopics } from "./topics.ts";

export interface KafkaGatewayOptions {
  /** Connections of clients beyond this many are refused. */
  max_connections: number;
  /** Bytes of the largest request that is read. */
  max_request_size: number;
  /** Our listeners: the first leads to the given address, others are opened when the cluster names its brokers. */
  network: Listeners;
}

/** The correlation id of what the gateway itself asks on a client's connection, which waits for nothing else then. */
const OWN = -1;
/** From this version on Metadata can be asked for topics by id (KIP-516). */
const BY_ID = 12;

/** An API as it is handed on. */
interface Route {
  readonly api: KafkaApi;
  readonly passing: Passing | undefined;
  /** Finds the brokers that its answers name; undefined until the first answer. */
  brokers: BrokersIn | null | undefined;
}

/**
 * Stands in front of a real cluster. Every client has a connection of its own to the broker that its
 * listener leads to, on which its requests go on one after the other: as the very bytes that came, or
 * laid out anew where somebody changed them. Answers come back likewise, but name our own listeners
 * in the place of the cluster's.
 */
export class KafkaGateway implements Server, KafkaEndpoint {
  readonly protocol = "kafka";
  readonly apis: readonly KafkaApi[];
  readonly maxConnections: number;
  readonly maxRequestSize: number;
  /** A cluster refuses a batch whose offsets have holes. */
  readonly leavesHoles = false;
  readonly metrics = new Metrics();
  readonly sequences = new Sequences();
  readonly brokers: Brokers;
  readonly topics = new KnownTopics();
  private readonly intake: Intake;
  private readonly producer: GatewayProducer;
  private readonly links = new Map<Connection, Promise<Link | null>>();
  /** Addresses at which nobody answered last time. */
  private readonly unreachable = new Set<string>();
  private clusterId: string | null = null;
  private controllerId = -1;

  constructor(
    readonly upstream: Address,
    options: KafkaGatewayOptions,
    readonly host: Host,
  ) {
    this.maxConnections = options.max_connections;
    this.maxRequestSize = options.max_request_size;
    this.brokers = new Brokers(upstream, options.network);
    this.producer = new GatewayProducer(upstream, this.brokers, this.topics, host);
    this.intake = new Intake(this, host.pipeline);
    this.apis = (brokerApis as readonly KafkaApi[]).map((api) => this.handedOn(api));
  }

  /** The API with the cluster in the place of our broker. */
  private handedOn(api: KafkaApi): KafkaApi {
    const route: Route = { api, passing: passings.find(({ key }) => key === api.key), brokers: undefined };
    const { shortcut: _, ...rest } = api;
    return { ...rest, handle: (call, body) => this.pass(route, call as GatewayCall, body) };
  }

  apiByKey(key: number): KafkaApi | undefined {
    return this.apis.find((api) => api.key === key);
  }

  accept(connection: Connection): Session {
    return new KafkaConnection(this, connection);
  }

  // --- Behind the stages ------------------------------------------------------------------------

  call(connection: Connection, header: CallHeader, received: Received): GatewayCall {
    return new GatewayCall(this, connection, header, received);
  }

  answered(api: KafkaApi, answer: any, ms: number): void {
    this.metrics.api(api).add(answer ?? null, ms);
  }

  left(connection: Connection): void {
    const link = this.links.get(connection);
    this.links.delete(connection);
    void link?.then((one) => one?.close());
  }

  get topicsById(): ReadonlyMap<string, { readonly name: string }> {
    return this.topics.byId;
  }

  /** Ids that no answer has named yet are asked for: a client may know them from before. */
  learn(_api: KafkaApi, call: KafkaCall, body: any): Promise<void> | null {
    const unknown = topicIdsOf(body).filter((id) => !this.topics.byId.has(id));
    return unknown.length === 0 ? null : this.askTopics(call as GatewayCall, unknown);
  }

  private async askTopics(call: GatewayCall, ids: readonly string[]): Promise<void> {
    const link = await this.link(call.connection);
    const body = { topics: ids.map((topicId) => ({ topicId, name: null })), allowAutoTopicCreation: false };
    const frame = requestFrame(metadata, BY_ID, OWN, call.clientId, { ...NO_OPERATIONS, ...body });
    const answer = (await link?.ask(frame, OWN)) ?? null;
    if (answer === null) return;
    const told = metadata.response.decode(BY_ID, answerReader(metadata, BY_ID, answer));
    this.showBrokers(brokersIn(metadata.response.fields), told, call.connection.listener);
    this.told(told);
  }

  /** The name of a topic in a Produce or Fetch request; undefined where its id is not known. */
  nameOf({ name, topicId }: { name: string; topicId: string }): string | undefined {
    return name === "" ? this.topics.byId.get(topicId)?.name : name;
  }

  place(_call: KafkaCall, { name, topicId }: { name: string; topicId: string }, index: number): Place | undefined {
    const topic = name === "" ? this.topics.byId.get(topicId) : (this.topics.byName.get(name) ?? new KnownTopic(name));
    return topic?.place(index);
  }

  /** Only the cluster knows whether it will take a batch. */
  examine(_call: KafkaCall, _place: Place, records: Buffer | null): { batch: Batch | null; problem: "error" | null } {
    const batch = producedBatch(records, Infinity);
    return batch instanceof Refused ? { batch: null, problem: "error" } : { batch, problem: null };
  }

  destination(message: Outgoing & { protocol: "kafka" }, key: Uint8Array | null): Promise<Place> {
    return this.producer.destination(message, key);
  }

  refusal(): null {
    return null;
  }

  append(place: Place, batch: Batch): Promise<number | string> {
    return this.producer.append(place, batch);
  }

  removeBelow(place: Place): string {
    return `a record of ${place.name} cannot expire: the gateway deletes nothing from a real cluster`;
  }

  // --- On to the cluster ------------------------------------------------------------------------

  private async pass(route: Route, call: GatewayCall, body: any): Promise<any> {
    const { api, passing } = route;
    const { connection, version, correlationId, received } = call;
    received.keep();
    const sent = passing?.ask === undefined ? body : passing.ask(call, body);
    if (sent instanceof Answered) return sent.answer;
    const link = await this.link(connection);
    if (link === null) return null;
    const came = received.buf.subarray(received.start, received.end) as Buffer;
    const frame = sent === received.body ? came : withBody(api, version, came, sent);
    if (api.isSilent?.(sent) === true) {
      await link.tell(frame);
      const answer = passing?.answer === undefined ? null : passing.answer(call, body, null, sent);
      // A client that waits for an answer all the same is told that all went well, as far as anybody knows.
      return answer ?? (api.isSilent(received.body) ? null : api.refuse(sent, Errors.NONE, call));
    }
    const bytes = await link.ask(frame, correlationId);
    if (bytes === null) return null; // the connection ends with the one to the cluster
    return this.read(route, call, body, sent, bytes);
  }

  /** What the client is told for what the cluster answered. */
  private read(route: Route, call: GatewayCall, body: any, sent: any, bytes: Buffer): any {
    const { api, passing } = route;
    const { version, connection } = call;
    const reader = answerReader(api, version, bytes);
    const spoken = passing?.versionOf?.(call, bytes, reader.pos) ?? version;
    const answer = api.response.decode(spoken, reader);
    const renamed = this.showBrokers(
      route.brokers === undefined ? (route.brokers = brokersIn(api.response.fields)) : route.brokers,
      answer,
      connection.listener,
    );
    this.topics.learn(answer);
    const told = passing?.answer === undefined ? answer : passing.answer(call, body, answer, sent);
    if (told === answer && !renamed) call.verbatim = { body: told, bytes };
    else if (spoken !== version) call.verbatim = { body: told, bytes: responseFrame(api, spoken, call.correlationId, told) };
    return told;
  }

  /** Puts our listeners in the place of the cluster's brokers. True: the answer names some. */
  private showBrokers(find: BrokersIn | null, answer: any, listener: string): boolean {
    let changed = false;
    find?.(answer, (entry) => {
      const node = entry.nodeId ?? entry.brokerId!;
      if (node < 0 || entry.host === "") return;
      this.brokers.learn(node, { host: entry.host, port: entry.port });
      Object.assign(entry, this.brokers.shown(node, listener));
      changed = true;
    });
    return changed;
  }

  /** The client's own connection to the cluster, opened with its first request. Null: there is none, and the client's is closed. */
  private link(connection: Connection): Promise<Link | null> {
    let link = this.links.get(connection);
    if (link === undefined) {
      if (connection.isClosed) return Promise.resolve(null);
      this.links.set(connection, (link = this.open(connection)));
    }
    return link;
  }

  private async open(connection: Connection): Promise<Link | null> {
    const address = this.brokers.behind(connection.broker);
    const where = `${address.host}:${address.port}`;
    try {
      const link = await Link.open(address, (error) => {
        if (error !== null) this.host.print(`kafka: the connection to ${where} was lost: ${String(error)}`);
        connection.close();
      });
      this.unreachable.delete(where);
      return link;
    } catch (error) {
      if (!this.unreachable.has(where))
        this.host.print(`kafka: ${(error as Error).message}: clients are turned away until somebody listens there`);
      this.unreachable.add(where);
      connection.close();
      return null;
    }
  }

  // --- What is known of the cluster -------------------------------------------------------------

  /** Metadata was answered. */
  told(answer: ResponseOf<typeof metadata>): void {
    if (answer.clusterId !== null) this.clusterId = answer.clusterId;
    if (answer.controllerId >= 0) this.controllerId = answer.controllerId;
    this.topics.learn(answer);
  }

  /** @param listener the kind of listener that the client came by */
  about(listener: string): ClusterFacts {
    const brokers = this.brokers.nodes.map((nodeId) => ({ nodeId, ...this.brokers.shown(nodeId, listener) }));
    return { brokers, clusterId: this.clusterId, controllerId: this.controllerId };
  }

  // --- From within ------------------------------------------------------------------------------

  /** Puts a record into a topic as a client would, without the `message` hooks. What cannot be stored is printed. */
  publish(message: Outgoing): void {
    if (message.protocol !== "kafka") throw new TypeError(`${message.protocol} messages are not for Kafka`);
    void Promise.resolve(this.intake.publish(message)).catch((error: Error) => {
      this.host.print(`kafka: a message could not be sent to ${message.topic}: ${error.message}`);
    });
  }

  /** Puts records into their topics as a producer would, through the `message` hooks. */
  send(messages: readonly Outgoing[]): Sent | Promise<Sent> {
    return this.intake.send(messages);
  }

  /** Ends the connections of its own. Those of clients end with theirs. */
  close(): void {
    this.producer.close();
  }
}

const NO_OPERATIONS = { includeClusterAuthorizedOperations: false, includeTopicAuthorizedOperations: false };
