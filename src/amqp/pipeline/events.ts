import { type Fact, type FactName, deliveryStream, type HookEvent, messageStream, operationStream } from "../../hooks/event.ts";
import type { AmqpMessage, ConnectionInfo, Disconnect, Headers, MessageChanges, Operation } from "../../hooks/plugin.ts";
import { Address, type Message } from "../model/message.ts";
import { type Properties, propertiesOf } from "../model/properties.ts";
import { type Plain, Table } from "../model/values.ts";

/** What operations of one protocol version are made of. */
export interface OperationTable {
  /** Arguments as plugins see them. */
  plain(args: object): object;
  /** Puts the fields of `changes` in place of those of the arguments. Throws TypeError for a field that the operation does not have. */
  merge(operation: string, args: object, changes: object): object;
}

/** A method on its way in or out. */
export class AmqpOperation implements HookEvent, Operation {
  readonly protocol = "amqp";
  readonly version = 0;
  private seen: object | null = null;

  constructor(
    readonly connection: ConnectionInfo,
    readonly operation: string,
    /** What is carried out or sent: `replace` changes it. */
    public args: object,
    /** 0 for the connection itself. */
    readonly channel: number,
    private readonly table: OperationTable,
    /** For a confirm: where its message went. */
    private readonly about?: { readonly exchange: string; readonly routingKey: string },
  ) {}

  get name(): string {
    return this.operation;
  }
  get stream(): string {
    return operationStream(this.connection, this.operation);
  }

  get body(): any {
    return (this.seen ??= this.table.plain(this.args));
  }

  fact(name: FactName): Fact {
    const value = ((this.about ?? this.args) as Record<string, unknown>)[name];
    if (typeof value === "string") return value;
    // `exchange.bind` calls its two exchanges by what they are to each other.
    const { source, destination } = this.args as { source?: string; destination?: string };
    return name === "exchange" && source !== undefined && destination !== undefined ? [source, destination] : undefined;
  }

  change(changes: object): void {
    this.args = this.table.merge(this.operation, this.args, changes);
    this.seen = null;
  }
}

/** A message before it is routed, or on its way to one consumer. */
export class AmqpMessageEvent implements HookEvent, AmqpMessage {
  readonly protocol = "amqp";
  private props: Properties | null = null;
  private plainHeaders: Headers | null = null;
  private bytes: Buffer | null = null;

  constructor(
    readonly connection: ConnectionInfo | null,
    readonly vhost: string,
    /** What goes on from here: `replace` puts another in its place. */
    public message: Message,
    /** Empty before routing. */
    readonly queue: string,
    readonly redelivered: boolean,
    /** Tells the publisher that it has to wait. */
    readonly tell: (reason: string) => void = () => undefined,
  ) {}

  get name(): string {
    return this.destination;
  }
  get destination(): string {
    return this.queue === "" ? this.exchange : this.queue;
  }
  get exchange(): string {
    return this.message.address.exchange;
  }
  get routingKey(): string {
    return this.message.address.routingKey;
  }
  get key(): string {
    return this.routingKey;
  }
  get stream(): string {
    if (this.queue === "") return messageStream("amqp", this.exchange, this.routingKey);
    return deliveryStream("amqp", this.queue, null, this.connection?.clientId ?? "");
  }

  get properties(): Readonly<Record<string, unknown>> {
    const { headers, ...properties } = this.decoded;
    void headers;
    return properties;
  }
  get headers(): Headers {
    return (this.plainHeaders ??= (this.decoded.headers?.toObject() ?? {}) as Headers);
  }
  get payload(): Buffer {
    return (this.bytes ??= this.message.body());
  }
  text(): string {
    return this.payload.toString("utf8");
  }
  json(): any {
    try {
      return JSON.parse(this.text());
    } catch {
      return undefined;
    }
  }

  private get decoded(): Properties {
    return (this.props ??= this.message.properties());
  }

  fact(name: FactName): Fact {
    if (name === "exchange") return this.exchange;
    if (name === "queue") return this.queue;
    return name === "routingKey" || name === "key" ? this.routingKey : undefined;
  }

  change(changes: MessageChanges): void {
    const { exchange, routingKey } = this;
    const address = new Address(changes.exchange ?? exchange, changes.routingKey ?? routingKey);
    const properties: Properties = { ...this.decoded, ...propertiesOf(changes.properties ?? {}) };
    if (changes.headers !== undefined) properties.headers = Table.of(changes.headers as { [name: string]: Plain });
    const { payload } = changes;
    const body = payload === undefined ? this.payload : Buffer.from((payload ?? "") as string);
    this.message = this.message.with(address, properties, body);
    this.props = this.plainHeaders = this.bytes = null;
  }
}

/** A client that has said who it is, or is gone. */
export class AmqpConnectEvent implements HookEvent, Disconnect {
  readonly protocol = "amqp";
  readonly name = "";

  constructor(
    readonly connection: ConnectionInfo,
    private readonly point: "connect" | "disconnect",
    readonly reason: Disconnect["reason"] = "client",
  ) {}

  get stream(): string {
    return operationStream(this.connection, this.point);
  }
  fact(): Fact {
    return undefined;
  }
  change(): void {
    throw new TypeError("a connection cannot be replaced");
  }
}
