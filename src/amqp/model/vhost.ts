import { Tally } from "../../core/tally.ts";
import type { Clock } from "../../core/time.ts";
import type { Random } from "../../hooks/random.ts";
import { queueArguments, same, sameField, sameQueueArguments, typeName } from "./arguments.ts";
import { deadLetter } from "./dead-letter.ts";
import { AmqpError } from "./errors.ts";
import { type Binding, type Destination, Exchange, type ExchangeSettings, EXCHANGE_TYPES } from "./exchange.ts";
import type { Message } from "./message.ts";
import { AmqpQueue, type DeathReason, type Listening, type QueueHost, type QueueSettings } from "./queue.ts";
import { Route } from "./route.ts";
import { type Field, Table } from "./values.ts";

/** The exchanges that every vhost has from the start. */
const PREDECLARED = [
  ["", "direct", false],
  ["amq.direct", "direct", false],
  ["amq.fanout", "fanout", false],
  ["amq.headers", "headers", false],
  ["amq.match", "headers", false],
  ["amq.rabbitmq.trace", "topic", true],
  ["amq.topic", "topic", false],
] as const;

/** Names of the broker's own begin with this. */
const RESERVED = "amq.";
/** Routes of recent publishes that are remembered, so that an address is resolved once. */
const ROUTES_MOST = 10_000;

/**
 * Exchanges, queues and what binds them. The operations are those of the protocols; a refused one
 * throws AmqpError with RabbitMQ's code and text. `owner` stands for the connection that asks.
 */
export class Vhost implements QueueHost {
  readonly exchanges = new Map<string, Exchange>();
  readonly queues = new Map<string, AmqpQueue>();
  /** What exchanges and queues that were deleted had counted, by name. */
  readonly gonePublished = new Tally();
  readonly goneDelivered = new Tally();
  private routes = new Map<string, Route>();
  private readonly owned = new Map<object, Set<AmqpQueue>>();

  constructor(
    readonly name: string,
    readonly clock: Clock,
    readonly listening: Listening,
    private readonly random: Random,
  ) {
    for (const [exchange, type, internal] of PREDECLARED) {
      this.exchanges.set(exchange, new Exchange(exchange, { type, durable: true, autoDelete: false, internal, arguments: Table.EMPTY }));
    }
  }

  // --- Exchanges --------------------------------------------------------------------------------

  /** Throws NOT_FOUND. */
  exchange(name: string): Exchange {
    const exchange = this.exchanges.get(name);
    if (exchange === undefined) throw new AmqpError("NOT_FOUND", `no ${this.what("exchange", name)}`);
    return exchange;
  }

  /** For those who only ask whether it is there, or name it as a destination: the default exchange is neither. */
  checkExchange(name: string): Exchange {
    notDefault(name);
    return this.exchange(name);
  }

  declareExchange(name: string, settings: ExchangeSettings): Exchange {
    if (!EXCHANGE_TYPES.includes(settings.type))
      throw new AmqpError("COMMAND_INVALID", `${settings.type === "" ? "invalid" : "unknown"} exchange type '${settings.type}'`);
    notDefault(name);
    const what = this.what("exchange", name);
    const known = this.exchanges.get(name);
    if (known !== undefined) {
      same("type", settings.type, known.settings.type, what);
      same("durable", settings.durable, known.settings.durable, what);
      same("auto_delete", settings.autoDelete, known.settings.autoDelete, what);
      same("internal", settings.internal, known.settings.internal, what);
      sameField(
        "alternate-exchange",
        settings.arguments.field("alternate-exchange"),
        known.settings.arguments.field("alternate-exchange"),
        what,
      );
      return known;
    }
    notReserved("exchange", name);
    this.textArgument(settings.arguments.field("alternate-exchange"), "alternate-exchange", `exchange '${name}'`);
    const exchange = new Exchange(name, { ...settings, arguments: settings.arguments.keep() });
    this.exchanges.set(name, exchange);
    this.changed();
    return exchange;
  }

  /** Whether or not there is one: deleting what is not there succeeds. */
  deleteExchange(name: string, ifUnused: boolean): void {
    notDefault(name);
    if (name.startsWith(RESERVED)) throw new AmqpError("ACCESS_REFUSED", `deletion of system ${this.what("exchange", name)} not allowed`);
    const exchange = this.exchanges.get(name);
    if (exchange === undefined) return;
    if (ifUnused && exchange.bindings.size > 0) throw new AmqpError("PRECONDITION_FAILED", `${this.what("exchange", name)} in use`);
    this.exchanges.delete(name);
    this.gonePublished.add(name, exchange.published);
    for (const binding of [...exchange.bindings.values(), ...exchange.sources]) this.removeBinding(binding);
    this.changed();
  }

  // --- Queues -----------------------------------------------------------------------------------

  /** Throws NOT_FOUND, and RESOURCE_LOCKED when it is another's alone. */
  queue(name: string, owner: object | null): AmqpQueue {
    const queue = this.queues.get(name);
    if (queue === undefined) throw new AmqpError("NOT_FOUND", `no ${this.what("queue", name)}`);
    this.checkOwner(queue, owner);
    return queue;
  }

  /** An empty name lets the broker choose one. */
  declareQueue(name: string, asked: QueueSettings, owner: object | null): AmqpQueue {
    const what = this.what("queue", name);
    // A queue that ends with its connection outlives nothing.
    const settings = asked.owner === null ? asked : { ...asked, durable: false };
    const known = name === "" ? undefined : this.queues.get(name);
    if (known !== undefined) {
      this.checkOwner(known, owner);
      // Those that asked for it alone and those that did not ask for two different queues.
      if (known.settings.owner !== settings.owner) throw locked(what);
      same("durable", settings.durable, known.settings.durable, what);
      same("auto_delete", settings.autoDelete, known.settings.autoDelete, what);
      sameQueueArguments(settings.arguments, known.settings.arguments, what);
      known.touch();
      return known;
    }
    notReserved("queue", name);
    const chosen = name === "" ? this.generateName("amq.gen-") : name;
    const given = queueArguments(settings.arguments, this.what("queue", chosen));
    if (given.isQuorum) {
      if (name === "") throw new AmqpError("PRECONDITION_FAILED", "Cannot declare a server-named queue for type rabbit_quorum_queue");
      const refused = settings.autoDelete
        ? "auto-delete"
        : settings.owner !== null
          ? "exclusive-owner"
          : !settings.durable
            ? "non-durable"
            : null;
      if (refused !== null) throw new AmqpError("PRECONDITION_FAILED", `invalid property '${refused}' for ${what}`);
    }
    const queue = new AmqpQueue(this, chosen, { ...settings, arguments: settings.arguments.keep() }, given);
    this.addQueue(queue);
    return queue;
  }

  /** Puts a queue in that was here before, whatever its name. */
  restoreQueue(name: string, settings: QueueSettings): void {
    this.addQueue(new AmqpQueue(this, name, settings, queueArguments(settings.arguments, this.what("queue", name))));
  }

  /** Puts a queue in under its name; without a declaration for those that the broker makes for itself. */
  addQueue(queue: AmqpQueue): void {
    this.queues.set(queue.name, queue);
    const { owner } = queue.settings;
    if (owner !== null) {
      const owned = this.owned.get(owner) ?? new Set();
      this.owned.set(owner, owned.add(queue));
    }
    this.changed();
  }

  /** Returns how many ready messages went with it. */
  deleteQueue(queue: AmqpQueue): number {
    if (queue.isDeleted) return 0;
    this.queues.delete(queue.name);
    this.goneDelivered.add(queue.name, queue.delivered);
    if (queue.settings.owner !== null) this.owned.get(queue.settings.owner)?.delete(queue);
    for (const binding of queue.sources) this.removeBinding(binding);
    this.changed();
    return queue.close();
  }

  /** The connection has ended: what was its alone goes too. */
  ownerGone(owner: object): void {
    const owned = this.owned.get(owner);
    this.owned.delete(owner);
    for (const queue of owned ?? []) this.deleteQueue(queue);
  }

  /** `prefix` and 22 characters, from the broker's seed. */
  generateName(prefix: string): string {
    for (;;) {
      const bytes = Buffer.from(Array.from({ length: 16 }, () => this.random.int(0, 255)));
      const name = prefix + bytes.toString("base64url");
      if (!this.queues.has(name)) return name;
    }
  }

  private checkOwner(queue: AmqpQueue, owner: object | null): void {
    const { settings } = queue;
    if (settings.owner !== null && settings.owner !== owner) throw locked(this.what("queue", queue.name));
  }

  // --- Bindings ---------------------------------------------------------------------------------

  /** Throws NOT_FOUND for an exchange that is not there; a binding that is there already stays the one it is. */
  bind(source: string, find: () => Destination, routingKey: string, table: Table): void {
    const exchange = this.checkExchange(source);
    const destination = find();
    exchange.router.check?.(table);
    const identity = identityOf(destination, routingKey, table);
    if (exchange.bindings.has(identity)) return;
    const binding: Binding = { source: exchange, destination, routingKey, arguments: table.keep(), identity };
    exchange.bindings.set(identity, binding);
    exchange.router.add(binding);
    destination.sources.add(binding);
    this.changed();
  }

  /** Does nothing where there is no such binding. */
  unbind(source: string, destination: Pick<Destination, "kind" | "name">, routingKey: string, table: Table, owner: object | null): void {
    notDefault(source);
    const binding = this.exchanges.get(source)?.bindings.get(identityOf(destination, routingKey, table));
    if (binding === undefined) return;
    if (binding.destination.kind === "queue") this.checkOwner(binding.destination, owner);
    this.removeBinding(binding);
    this.changed();
  }

  private removeBinding(binding: Binding): void {
    const { source, destination, identity } = binding;
    source.bindings.delete(identity);
    source.router.remove(binding);
    destination.sources.delete(binding);
    if (source.settings.autoDelete && source.bindings.size === 0 && this.exchanges.get(source.name) === source) {
      this.deleteExchange(source.name, false);
    }
  }

  // --- Routing ----------------------------------------------------------------------------------

  /**
   * The way to an address as things are now: remembered until the next declaration, binding or
   * deletion, and for a `routingKey` seen before.
   */
  route(exchange: string, routingKey: string): Route {
    const key = `${exchange}\0${routingKey}`;
    let route = this.routes.get(key);
    if (route === undefined) {
      if (this.routes.size >= ROUTES_MOST) this.routes.clear();
      this.routes.set(key, (route = new Route(this, exchange, routingKey)));
    }
    return route;
  }

  /** Publishes as the broker itself; to an exchange that is not there it is lost. */
  publish(message: Message): void {
    const { exchange, routingKey } = message.address;
    for (const queue of this.route(exchange, routingKey).queuesFor(message)) this.offer(queue, message);
  }

  /** Puts a message that no client published into a queue. */
  offer(queue: AmqpQueue, message: Message): void {
    const { events } = this.listening;
    if (events !== null) events.stored(queue.place, message, this.listening.messageOf(this.name, message));
    queue.offer(message);
  }

  deadLetter(queue: AmqpQueue, message: Message, reason: DeathReason): void {
    deadLetter(this, queue, message, reason);
  }

  private changed(): void {
    if (this.routes.size === 0) return;
    for (const route of this.routes.values()) route.isStale = true;
    this.routes = new Map();
  }

  private textArgument(field: Field | undefined, name: string, what: string): void {
    if (field === undefined || field.kind === "text") return;
    throw new AmqpError("PRECONDITION_FAILED", `invalid type '${typeName(field)}' for arg '${name}' in ${what} in vhost '${this.name}'`);
  }

  private what(kind: "queue" | "exchange", name: string): string {
    return `${kind} '${name}' in vhost '${this.name}'`;
  }
}

function locked(what: string): AmqpError {
  return new AmqpError(
    "RESOURCE_LOCKED",
    `cannot obtain exclusive access to locked ${what}. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.`,
  );
}

function notDefault(exchange: string): void {
  if (exchange === "") throw new AmqpError("ACCESS_REFUSED", "operation not permitted on the default exchange");
}

function notReserved(kind: "queue" | "exchange", name: string): void {
  if (name.startsWith(RESERVED)) throw new AmqpError("ACCESS_REFUSED", `${kind} name '${name}' contains reserved prefix 'amq.*'`);
}

/** The arguments of a binding belong to what it is; the order in which they came does not. */
function identityOf(destination: Pick<Destination, "kind" | "name">, routingKey: string, table: Table): string {
  return `${destination.kind}\0${destination.name}\0${routingKey}\0${table.identity()}`;
}
