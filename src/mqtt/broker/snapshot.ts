import type { MqttBroker } from "./broker.ts";
import { type Copy, Message } from "../wire/message.ts";
import type { Will } from "../wire/packets.ts";
import type { QoS } from "../wire/publish.ts";
import { parseFilter } from "../wire/text.ts";

/** The broker as plain data: retained messages, and the sessions that outlive their connections. Times are milliseconds from now. */
export interface MqttState {
  /** Each once, however many copies there are. */
  messages: MessageState[];
  /** Places in `messages`. */
  retained: number[];
  sessions: SessionState[];
}

interface MessageState {
  topic: string;
  payload: Uint8Array;
  qos: QoS;
  retain: boolean;
  /** 5.0 properties as they are on the wire. */
  props: Uint8Array;
  publisher: string | null;
  ago: number;
  /** Null: it does not expire. */
  expiresIn: number | null;
}

export interface CopyState {
  message: number;
  qos: QoS;
  retain: boolean;
  ids: readonly number[] | null;
  /** Packet identifier, 0 for one that was not sent. */
  id: number;
  /** PUBREC came. */
  released: boolean;
}

export interface SessionState {
  clientId: string;
  /** Seconds that it outlives its connection; null: for good. */
  expiry: number | null;
  /** Milliseconds until it ends; null: nothing ends it while it is as it was. */
  endsIn: number | null;
  lastId: number;
  /** QoS 2 packets that came and were not released. */
  received: number[];
  subscriptions: { filter: string; qos: QoS; noLocal: boolean; retainAsPublished: boolean; identifier: number }[];
  /** What was sent, then what waits. */
  copies: CopyState[];
  /** A Will that is still to come. */
  will: { will: Will; user: string; in: number } | null;
}

export function saveMqtt(broker: MqttBroker): MqttState {
  const now = broker.host.clock.now();
  const places = new Map<Message, number>();
  const messages: MessageState[] = [];
  const place = (message: Message): number => {
    let at = places.get(message);
    if (at !== undefined) return at;
    places.set(message, (at = messages.length));
    const { topic, payload, qos, retain, props, publisher, expiresAt } = message;
    messages.push({
      topic,
      payload,
      qos,
      retain,
      props,
      publisher,
      ago: now - message.at,
      expiresIn: expiresAt === Infinity ? null : expiresAt - now,
    });
    return at;
  };
  const retained = broker.retained
    .topics()
    .map((topic) => broker.retained.get(topic, now))
    .filter((message) => message !== undefined)
    .map(place);
  const sessions = [...broker.sessions.values()].filter(({ expiry }) => expiry > 0).map((session) => session.save(now, place));
  return { messages, retained, sessions };
}

/** Puts a state in the place of all there is. Its clients have to be gone. */
export function loadMqtt(broker: MqttBroker, { messages, retained, sessions }: MqttState): void {
  const now = broker.host.clock.now();
  broker.retained.forgetSince(-Infinity);
  for (const session of [...broker.sessions.values()]) session.discard();
  const known = messages.map(({ ago, expiresIn, payload, props, ...rest }) =>
    Message.restored(
      now - ago,
      { ...rest, payload: Buffer.from(payload) },
      Buffer.from(props),
      expiresIn === null ? Infinity : now + expiresIn,
    ),
  );
  for (const at of retained) broker.retained.keep(known[at]!);
  for (const state of sessions) {
    const session = broker.session(state.clientId);
    if (session === null) continue;
    for (const { filter: text, ...options } of state.subscriptions) {
      const { filter, group } = parseFilter(text);
      session.subscriptions.set(text, broker.subscriptions.add(session, text, filter, group, options));
    }
    session.load(
      state,
      state.copies.map(({ message, ...copy }): Copy & { released: boolean } => ({ ...copy, message: known[message]! })),
    );
  }
}
