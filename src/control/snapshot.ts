import { decode, encode } from "@msgpack/msgpack";
import { load as loadAmqp, save as saveAmqp, type VhostState } from "../amqp/broker/snapshot.ts";
import type { Parts } from "./context.ts";
import { ArgumentError } from "../core/errors.ts";
import { type KafkaState, loadKafka, saveKafka } from "../kafka/broker/snapshot.ts";
import { loadMqtt, type MqttState, saveMqtt } from "../mqtt/broker/snapshot.ts";

/** The state of all brokers as plain data: what outlives the connections of their clients. */
export interface Snapshot {
  havoq: "snapshot";
  version: 1;
  kafka: KafkaState | null;
  mqtt: MqttState | null;
  amqp: VhostState[] | null;
}

export function take({ kafka, mqtt, amqp }: Parts): Snapshot {
  return { havoq: "snapshot", version: 1, kafka: kafka && saveKafka(kafka), mqtt: mqtt && saveMqtt(mqtt), amqp: amqp && saveAmqp(amqp) };
}

/**
 * Puts a snapshot in the place of all state. The clients of every broker have to be gone. A broker that the
 * snapshot does not know begins empty.
 */
export function put({ kafka, mqtt, amqp }: Parts, snapshot: Snapshot): void {
  if (kafka !== null) loadKafka(kafka, snapshot.kafka ?? { lastProducerId: -1, topics: [], groups: [] });
  if (mqtt !== null) loadMqtt(mqtt, snapshot.mqtt ?? { messages: [], retained: [], sessions: [] });
  if (amqp === null) return;
  amqp.clear();
  loadAmqp(amqp, snapshot.amqp ?? []);
}

/** As MessagePack. */
export function pack(snapshot: Snapshot): Uint8Array {
  return encode(snapshot, { ignoreUndefined: true });
}

/** @throws ArgumentError when it is none */
export function unpack(bytes: Uint8Array): Snapshot {
  let snapshot: Partial<Snapshot> | null;
  try {
    snapshot = decode(bytes) as Partial<Snapshot> | null;
  } catch (error) {
    throw new ArgumentError(`this is no snapshot: ${(error as Error).message}`);
  }
  if (snapshot?.havoq !== "snapshot") throw new ArgumentError("this is no snapshot of havoq");
  if (snapshot.version !== 1) throw new ArgumentError(`a snapshot of version ${String(snapshot.version)}: this havoq reads version 1`);
  return snapshot as Snapshot;
}
