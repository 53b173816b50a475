import type { Sent } from "../pipeline/inject.ts";
import type { Outgoing } from "../hooks/plugin.ts";
import type { Declaration, Hearing } from "./model.ts";
import type { HeardMessage } from "./template/scene.ts";

/** What was heard, and where. */
export interface Heard {
  readonly message: HeardMessage;
  /** Topic, or the routing key. */
  readonly topic: string;
  readonly captures: readonly string[];
}

/** A broker, as fixtures see it. */
export interface Port {
  /** Puts messages in as a client would, through the `message` hooks; MQTT responders do not answer what is `unheard`. */
  send(messages: readonly Outgoing[], unheard: boolean): Sent | Promise<Sent>;
  /** Makes what is not there yet. Throws where something else is. */
  declare(declaration: Declaration): void;
  /** Tells of every message there; the answer ends it. */
  hear(hearing: Hearing, listener: (heard: Heard) => void): () => void;
}
