import { Writer } from "../../bytes/writer.ts";
import type { Fact, FactName, HookEvent } from "../../hooks/event.ts";
import { deliveryStream, messageStream, operationStream } from "../../hooks/event.ts";
import type {
  Connect,
  ConnectionInfo,
  Disconnect,
  Headers,
  HeaderValue,
  MessageChanges,
  MqttMessage,
  Operation,
} from "../../hooks/plugin.ts";
import type { Message } from "../wire/message.ts";
import { encode, type Packet } from "../wire/packets.ts";
import type { Properties } from "../wire/properties.ts";
import type { QoS, Version } from "../wire/publish.ts";

/** A message before it is stored, or a copy of it on its way to one client. */
export class MessageEvent implements HookEvent, MqttMessage {
  readonly protocol = "mqtt";

  constructor(
    readonly connection: ConnectionInfo | null,
    /** What goes on: replaced by `change`. */
    public message: Message,
    private readonly now: number,
    public qos: QoS,
    public retain: boolean,
    readonly dup: boolean,
    /** The client that gets it; null before the message is stored. */
    private readonly consumer: string | null,
  ) {}

  get name(): string {
    return this.message.topic;
  }
  get topic(): string {
    return this.message.topic;
  }
  get destination(): string {
    return this.message.topic;
  }
  get key(): null {
    return null;
  }
  get stream(): string {
    return this.consumer === null ? messageStream("mqtt", this.topic, null) : deliveryStream("mqtt", this.topic, null, this.consumer);
  }
  get payload(): Buffer {
    return this.message.payload;
  }
  get properties(): Readonly<Record<string, unknown>> {
    return this.message.properties(this.now);
  }
  get headers(): Headers {
    const headers: Record<string, HeaderValue> = {};
    for (const [name, value] of (this.properties as Properties).userProperties ?? []) {
      const before = headers[name];
      headers[name] = before === undefined ? value : Array.isArray(before) ? [...before, value] : [before, value];
    }
    return headers;
  }
  text(): string {
    return this.payload.toString();
  }
  json(): unknown {
    try {
      return JSON.parse(this.text());
    } catch {
      return undefined;
    }
  }

  fact(name: FactName): Fact {
    return name === "topic" ? this.topic : undefined;
  }

  change(changes: MessageChanges): void {
    this.message = this.message.with(this.now, { qos: this.qos, retain: this.retain, ...changes });
    this.qos = this.message.qos;
    this.retain = this.message.retain;
  }
}

/** A packet that came in, or a control packet on its way out. */
export class PacketEvent implements HookEvent, Operation {
  readonly protocol = "mqtt";
  changed = false;

  /** @param topic of the message that an acknowledgement is about, or that a PUBLISH means by its alias */
  constructor(
    readonly connection: ConnectionInfo,
    public body: Packet,
    readonly version: Version,
    private readonly topic?: string,
  ) {}

  get name(): string {
    return this.body.type;
  }
  get operation(): string {
    return this.body.type;
  }
  get stream(): string {
    return operationStream(this.connection, this.body.type);
  }

  fact(name: FactName): Fact {
    if (name !== "topic") return undefined;
    switch (this.body.type) {
      case "PUBLISH":
        return this.body.topic === "" ? this.topic : this.body.topic;
      case "SUBSCRIBE":
        return this.body.subscriptions.map(({ filter }) => filter);
      case "UNSUBSCRIBE":
        return this.body.filters;
      default:
        return this.topic;
    }
  }

  /** The fields given take the place of those of the body; the type stays. Throws for what is no packet then. */
  change(changes: object): void {
    for (const name of Object.keys(changes)) {
      if (!(name in this.body) && !OPTIONAL.has(name)) throw new TypeError(`${this.body.type} has no ${name}`);
    }
    const body = { ...this.body, ...changes, type: this.body.type } as Packet;
    encode(new Writer(), body, this.version); // throws for what cannot be written, while it can still be laid at the plugin's door
    this.body = body;
    this.changed = true;
  }
}
const OPTIONAL = new Set(["properties", "will", "username", "password"]);

/** A client said who it is, or went. */
export class ClientEvent implements HookEvent, Connect, Disconnect {
  readonly protocol = "mqtt";
  readonly name = "";

  constructor(
    readonly connection: ConnectionInfo,
    private readonly what: "connect" | "disconnect",
    readonly reason: Disconnect["reason"],
  ) {}

  get stream(): string {
    return operationStream(this.connection, this.what);
  }
  fact(): Fact {
    return undefined;
  }
  change(): void {
    throw new TypeError(`${this.what} takes no replace`);
  }
}
