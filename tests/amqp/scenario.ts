import type { Plain } from "../../src/amqp/model/values.ts";
import { FieldTable } from "../../src/amqp/v091/fields.ts";
import type { Properties } from "../../src/amqp/model/properties.ts";
import { Closed, type RawClient, type Received, show } from "./raw-client.ts";

type Open = Parameters<RawClient["open"]>[0];

/** One client in a scenario, on channel 1 unless told, with short words for what scenarios do most. */
export class Actor {
  constructor(
    readonly raw: RawClient,
    readonly channel = 1,
  ) {}

  /** The same client on another channel. */
  on(channel: number): Actor {
    return new Actor(this.raw, channel);
  }

  async open(): Promise<this> {
    await this.raw.call(this.channel, "channel.open", {}, "channel.open-ok");
    return this;
  }

  declareExchange(
    exchange: string,
    type: string,
    flags: {
      passive?: boolean;
      durable?: boolean;
      autoDelete?: boolean;
      internal?: boolean;
      noWait?: boolean;
      arguments?: { [name: string]: Plain };
    } = {},
  ): void {
    const table = FieldTable.of(flags.arguments ?? {});
    this.raw.send(this.channel, "exchange.declare", {
      exchange,
      type,
      passive: false,
      durable: false,
      autoDelete: false,
      internal: false,
      noWait: false,
      ...flags,
      arguments: table,
    });
  }
  async exchange(...args: Parameters<Actor["declareExchange"]>): Promise<void> {
    this.declareExchange(...args);
    await this.raw.expect("exchange.declare-ok");
  }
  deleteExchange(exchange: string, ifUnused = false): void {
    this.raw.send(this.channel, "exchange.delete", { exchange, ifUnused, noWait: false });
  }
  bindExchange(destination: string, source: string, routingKey = "", table: { [name: string]: Plain } = {}): void {
    this.raw.send(this.channel, "exchange.bind", { destination, source, routingKey, noWait: false, arguments: FieldTable.of(table) });
  }
  unbindExchange(destination: string, source: string, routingKey = "", table: { [name: string]: Plain } = {}): void {
    this.raw.send(this.channel, "exchange.unbind", { destination, source, routingKey, noWait: false, arguments: FieldTable.of(table) });
  }

  declareQueue(
    queue: string,
    flags: {
      passive?: boolean;
      durable?: boolean;
      exclusive?: boolean;
      autoDelete?: boolean;
      noWait?: boolean;
      arguments?: { [name: string]: Plain };
    } = {},
  ): void {
    const table = FieldTable.of(flags.arguments ?? {});
    this.raw.send(this.channel, "queue.declare", {
      queue,
      passive: false,
      durable: false,
      exclusive: true,
      autoDelete: false,
      noWait: false,
      ...flags,
      arguments: table,
    });
  }
  /** An exclusive queue, unless told; returns its name. */
  async queue(...args: Parameters<Actor["declareQueue"]>): Promise<string> {
    this.declareQueue(...args);
    return (await this.raw.expect("queue.declare-ok")).args.queue;
  }
  bindQueue(queue: string, exchange: string, routingKey = "", table: { [name: string]: Plain } = {}): void {
    this.raw.send(this.channel, "queue.bind", { queue, exchange, routingKey, noWait: false, arguments: FieldTable.of(table) });
  }
  async bind(...args: Parameters<Actor["bindQueue"]>): Promise<void> {
    this.bindQueue(...args);
    await this.raw.expect("queue.bind-ok");
  }
  unbindQueue(queue: string, exchange: string, routingKey = "", table: { [name: string]: Plain } = {}): void {
    this.raw.send(this.channel, "queue.unbind", { queue, exchange, routingKey, arguments: FieldTable.of(table) });
  }
  purge(queue: string): void {
    this.raw.send(this.channel, "queue.purge", { queue, noWait: false });
  }
  deleteQueue(queue: string, flags: { ifUnused?: boolean; ifEmpty?: boolean } = {}): void {
    this.raw.send(this.channel, "queue.delete", { queue, ifUnused: false, ifEmpty: false, noWait: false, ...flags });
  }

  publish(
    exchange: string,
    routingKey: string,
    body = "",
    properties: Properties = {},
    flags: { mandatory?: boolean; immediate?: boolean } = {},
  ): void {
    this.raw.publish(this.channel, { exchange, routingKey, ...flags }, body, properties);
  }
  getOne(queue: string, noAck = true): void {
    this.raw.send(this.channel, "basic.get", { queue, noAck });
  }
  /** What `basic.get` brings: the body, or null. */
  async get(queue: string, noAck = true): Promise<string | null> {
    this.getOne(queue, noAck);
    return (await this.raw.next()).body?.toString() ?? null;
  }
  subscribe(
    queue: string,
    flags: { consumerTag?: string; noAck?: boolean; exclusive?: boolean; noWait?: boolean; arguments?: { [name: string]: Plain } } = {},
  ): void {
    const table = FieldTable.of(flags.arguments ?? {});
    this.raw.send(this.channel, "basic.consume", {
      queue,
      consumerTag: "",
      noLocal: false,
      noAck: false,
      exclusive: false,
      noWait: false,
      ...flags,
      arguments: table,
    });
  }
  async consume(...args: Parameters<Actor["subscribe"]>): Promise<string> {
    this.subscribe(...args);
    return (await this.raw.expect("basic.consume-ok")).args.consumerTag;
  }
  /** The next `n` deliveries' bodies. */
  async deliveries(n: number): Promise<string[]> {
    const bodies: string[] = [];
    for (let i = 0; i < n; i++) bodies.push((await this.raw.expect("basic.deliver")).body!.toString());
    return bodies;
  }
  cancel(consumerTag: string, noWait = false): void {
    this.raw.send(this.channel, "basic.cancel", { consumerTag, noWait });
  }
  async qos(prefetchCount: number, global = false): Promise<void> {
    await this.raw.call(this.channel, "basic.qos", { prefetchSize: 0, prefetchCount, global }, "basic.qos-ok");
  }
  ack(deliveryTag: number, multiple = false): void {
    this.raw.send(this.channel, "basic.ack", { deliveryTag, multiple });
  }
  nack(deliveryTag: number, requeue: boolean, multiple = false): void {
    this.raw.send(this.channel, "basic.nack", { deliveryTag, multiple, requeue });
  }
  reject(deliveryTag: number, requeue: boolean): void {
    this.raw.send(this.channel, "basic.reject", { deliveryTag, requeue });
  }
  async confirm(): Promise<void> {
    await this.raw.call(this.channel, "confirm.select", { noWait: false }, "confirm.select-ok");
  }
  /** Settles once all that this channel asked for so far has been done. */
  async settle(): Promise<void> {
    this.raw.send(this.channel, "basic.qos", { prefetchSize: 0, prefetchCount: 0, global: false });
    for (;;) {
      const { name } = await this.raw.next();
      if (name === "basic.qos-ok" || name === "channel.close" || name === "connection.close") return;
    }
  }
  async close(): Promise<void> {
    await this.raw.call(this.channel, "channel.close", { replyCode: 200, replyText: "", classId: 0, methodId: 0 }, "channel.close-ok");
  }
  async next(): Promise<Received> {
    return this.raw.next();
  }
}

/** What scenarios get: clients of one broker, and a transcript of all that those received. */
export class Stage {
  private readonly actors: { name: string; raw: RawClient; log: string[] }[] = [];

  constructor(
    private readonly dial: () => Promise<RawClient>,
    readonly wait: (ms: number) => Promise<void>,
  ) {}

  /** A client that has not yet said a word. */
  async raw(): Promise<RawClient> {
    const raw = await this.dial();
    const log: string[] = [];
    raw.onMethod = (received) => log.push(line(received));
    this.actors.push({ name: `client ${this.actors.length + 1}`, raw, log });
    return raw;
  }

  /** A client with an open channel 1. */
  async client(options: Open = {}): Promise<Actor> {
    const raw = await this.raw();
    await raw.open(options);
    return new Actor(raw).open();
  }

  /** Ends all clients and tells what each received, handshakes aside. */
  async transcript(): Promise<string[]> {
    const lines: string[] = [];
    for (const { name, raw, log } of this.actors) {
      // How the goodbyes cross each other says nothing.
      const said = raw.onMethod;
      raw.onMethod = (received) => received.name === "connection.close-ok" || said(received);
      await leave(raw);
      lines.push(...log.filter((text) => !/^0 connection.(start|tune|open-ok) /.test(text)).map((text) => `${name}: ${text}`));
      if (raw.refusal !== null) lines.push(`${name}: refused with ${raw.refusal.toString("latin1")}`);
    }
    return lines;
  }
}

/** Runs a scenario against the broker that `dial` leads to. What it did not expect is part of the transcript. */
export async function play(
  scenario: (stage: Stage) => Promise<unknown>,
  dial: () => Promise<RawClient>,
  wait: (ms: number) => Promise<void>,
): Promise<string[]> {
  const stage = new Stage(dial, wait);
  let unexpected: string[] = [];
  try {
    await scenario(stage);
  } catch (error) {
    unexpected = [String(error)];
  }
  return [...(await stage.transcript()), ...unexpected];
}

/** Closes the connection the way that is open for it, and reads to the end. */
async function leave(raw: RawClient): Promise<void> {
  try {
    for (const { name } of raw.drain()) if (name === "connection.close") return (raw.send(0, "connection.close-ok", {}), await end(raw));
    if (raw.isClosed) return;
    raw.send(0, "connection.close", { replyCode: 200, replyText: "", classId: 0, methodId: 0 });
    for (;;) {
      const { name } = await raw.next();
      if (name === "connection.close") raw.send(0, "connection.close-ok", {});
      if (name === "connection.close-ok") return raw.end();
    }
  } catch (error) {
    if (!(error instanceof Closed)) raw.end();
  }
}
async function end(raw: RawClient): Promise<void> {
  for (;;) await raw.next();
}

/** One received method as a line, with everything that differs from run to run made the same. */
function line({ channel, name, args, properties, body }: Received): string {
  const parts = [`${channel} ${name} ${text(show(args))}`];
  if (properties !== undefined) parts.push(text(show(properties)), text(body!.toString()));
  return parts.join(" ");
}
function text(value: unknown): string {
  return JSON.stringify(value, (key, inner) => {
    if (key === "time") return "(time)";
    if (typeof inner === "bigint") return `${inner}n`;
    if (inner === null || typeof inner !== "object" || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  }).replaceAll(/amq\.(gen-|ctag-|rabbitmq\.reply-to\.)[\w.=+/-]+/g, "amq.$1*");
}
