import type { Outgoing } from "../../hooks/plugin.ts";
import type { Address } from "../../net/dial.ts";
import type { Host } from "../../pipeline/host.ts";
import produce from "../broker/apis/00-produce.ts";
import metadata from "../broker/apis/03-metadata.ts";
import apiVersions from "../broker/apis/18-api-versions.ts";
import { partitionForKey } from "../broker/partitioner.ts";
import type { Place } from "../pipeline/endpoint.ts";
import type { AnyTable, RequestDraft, ResponseOf } from "../wire/api.ts";
import type { Batch } from "../wire/batch.ts";
import { errorName, Errors } from "../wire/errors.ts";
import { ZERO_UUID } from "../wire/schema.ts";
import type { Brokers } from "./brokers.ts";
import { answerReader, requestFrame } from "./frames.ts";
import { Link } from "./link.ts";
import type { KnownTopics } from "./topics.ts";

/** The name by which the cluster sees it. */
const CLIENT_ID = "havoq";
/** The last version of Produce that names topics, not ids (KIP-516). */
const BY_NAME = 12;
/** Milliseconds that the cluster may take to store a batch on all replicas. */
const TIMEOUT = 30_000;
/** Milliseconds between two tries, and how many tries there are. */
const PAUSE = 100,
  TRIES = 50;
/** Milliseconds after which the leaders of a topic are asked for again (`metadata.max.age.ms`). */
const MAX_AGE = 300_000;

/** Where the partitions of a topic are. */
interface Layout {
  /** Node ids by partition. */
  readonly leaders: readonly number[];
  readonly since: number;
  /** Records without a key go round the partitions. */
  next: number;
}

/** What may be otherwise in a moment. */
const PASSING: ReadonlySet<number> = new Set([
  Errors.LEADER_NOT_AVAILABLE,
  Errors.NOT_LEADER_OR_FOLLOWER,
  Errors.UNKNOWN_TOPIC_OR_PARTITION,
  Errors.NOT_ENOUGH_REPLICAS,
]);

/** A connection of our own to one broker, and the versions that it speaks, by API key. */
interface Own {
  readonly link: Link;
  readonly versions: ReadonlyMap<number, { readonly minVersion: number; readonly maxVersion: number }>;
}

/**
 * Sends records to the cluster that no client's request carries: those that a hook lets come late,
 * those that are rerouted, and those that are sent from within. It logs in nowhere.
 */
export class GatewayProducer {
  private readonly connections = new Map<string, Promise<Own>>();
  private readonly layouts = new Map<string, Layout>();
  /** The last batch on its way to each place: the next one waits for it. */
  private readonly tails = new Map<string, Promise<unknown>>();
  private lastId = 0;

  constructor(
    private readonly given: Address,
    private readonly brokers: Brokers,
    private readonly topics: KnownTopics,
    private readonly host: Host,
  ) {}

  /** The partition that the message names, else that of its key, else the next one. @throws RangeError where there is none */
  async destination(message: Outgoing & { protocol: "kafka" }, key: Uint8Array | null): Promise<Place> {
    const layout = await this.layout(message.topic);
    const count = layout.leaders.length;
    const index = message.partition ?? (key === null ? layout.next++ % count : partitionForKey(key, count));
    if (index < 0 || index >= count) throw new RangeError(`there is no partition ${index} of topic ${message.topic}`);
    return this.topics.named(message.topic).place(index);
  }

  /** Stores a batch, behind those that were given before for the same place. @returns its base offset, or why it could not be stored */
  append(place: Place, batch: Batch): Promise<number | string> {
    const before = this.tails.get(place.name) ?? Promise.resolve();
    const stored = before.then(() => this.store(place, batch)).catch((error: Error) => error.message);
    this.tails.set(place.name, stored);
    void stored.then(() => {
      if (this.tails.get(place.name) === stored) this.tails.delete(place.name);
    });
    return stored;
  }

  close(): void {
    for (const own of this.connections.values())
      void own.then(
        ({ link }) => link.close(),
        () => undefined,
      );
    this.connections.clear();
  }

  private async store({ topic: { name }, index }: Place, batch: Batch): Promise<number | string> {
    const topicData = [{ name, topicId: ZERO_UUID, partitionData: [{ index, records: batch.bytes }] }];
    for (let tries = 1; ; tries++) {
      const leader = (await this.layout(name)).leaders[index];
      const address = leader === undefined ? undefined : this.brokers.of(leader);
      let error: number = Errors.LEADER_NOT_AVAILABLE;
      if (address !== undefined) {
        const { responses } = await this.ask(address, produce, { acks: -1, timeoutMs: TIMEOUT, topicData }, BY_NAME);
        const [told] = responses[0]!.partitionResponses;
        if (told!.errorCode === Errors.NONE) return told!.baseOffset;
        error = told!.errorCode;
      }
      this.layouts.delete(name);
      if (tries === TRIES || !PASSING.has(error)) return errorName(error);
      await this.host.clock.sleep(PAUSE);
    }
  }

  /** @throws RangeError where the topic is not there, and cannot be made */
  private async layout(topic: string): Promise<Layout> {
    for (let tries = 1; ; tries++) {
      const known = this.layouts.get(topic);
      const now = this.host.clock.now();
      if (known !== undefined && now - known.since < MAX_AGE) return known;
      const answer = await this.ask(this.given, metadata, {
        topics: [{ name: topic, topicId: ZERO_UUID }],
        allowAutoTopicCreation: true,
        includeClusterAuthorizedOperations: false,
        includeTopicAuthorizedOperations: false,
      });
      for (const { nodeId, host, port } of answer.brokers) this.brokers.learn(nodeId, { host, port });
      this.topics.learn(answer);
      const [told] = answer.topics;
      if (told!.errorCode === Errors.NONE && told!.partitions.length > 0) {
        const leaders: number[] = [];
        for (const { partitionIndex, leaderId } of told!.partitions) leaders[partitionIndex] = leaderId;
        const layout = { leaders, since: now, next: known?.next ?? 0 };
        this.layouts.set(topic, layout);
        return layout;
      }
      if (tries === TRIES || !PASSING.has(told!.errorCode)) throw new RangeError(`topic ${topic}: ${errorName(told!.errorCode)}`);
      await this.host.clock.sleep(PAUSE);
    }
  }

  /** @param most the last version that will do */
  private async ask<A extends AnyTable>(address: Address, api: A, body: RequestDraft<A>, most = api.last): Promise<ResponseOf<A>> {
    const { link, versions } = await this.connection(address);
    const theirs = versions.get(api.key);
    const version = Math.min(most, theirs?.maxVersion ?? -1);
    if (version < Math.max(api.first, theirs?.minVersion ?? 0))
      throw new Error(`the cluster has no version of ${api.name} that havoq speaks`);
    return exchange(link, api, version, ++this.lastId, body);
  }

  private connection(address: Address): Promise<Own> {
    const where = `${address.host}:${address.port}`;
    let own = this.connections.get(where);
    if (own === undefined) {
      const forget = (): void => void this.connections.delete(where);
      own = this.open(address, forget);
      own.catch(forget);
      this.connections.set(where, own);
    }
    return own;
  }

  private async open(address: Address, forget: () => void): Promise<Own> {
    const link = await Link.open(address, forget);
    const { apiKeys } = await exchange(link, apiVersions, 0, ++this.lastId, { clientSoftwareName: "", clientSoftwareVersion: "" });
    return { link, versions: new Map(apiKeys.map(({ apiKey, ...range }) => [apiKey, range])) };
  }
}

async function exchange<A extends AnyTable>(link: Link, api: A, version: number, id: number, body: unknown): Promise<ResponseOf<A>> {
  const bytes = await link.ask(requestFrame(api, version, id, CLIENT_ID, body), id);
  if (bytes === null) {
    throw new Error(`the cluster ended the connection and answered no ${api.name}: if it wants a login, havoq itself has none to give`);
  }
  return api.response.decode(version, answerReader(api, version, bytes)) as ResponseOf<A>;
}
