import routers from "./exchanges/index.ts";
import type { AmqpQueue } from "./queue.ts";
import type { Table } from "./values.ts";

export type Destination = AmqpQueue | Exchange;

/** What an exchange knows of one of its destinations. */
export interface Binding {
  readonly source: Exchange;
  readonly destination: Destination;
  readonly routingKey: string;
  readonly arguments: Table;
  /** The same for two bindings that are one. */
  readonly identity: string;
}

/** How an exchange of one type finds where a message goes. */
export interface Router {
  /** The result depends on the message's headers, not on the routing key alone. */
  readonly byHeaders: boolean;
  /** Throws AmqpError when the arguments of a binding are not acceptable. */
  check?(table: Table): void;
  add(binding: Binding): void;
  remove(binding: Binding): void;
  route(routingKey: string, headers: Table | null, to: Set<Destination>): void;
}

/** The types of exchange that there are. */
export const EXCHANGE_TYPES = routers.map((router) => router.type) as readonly string[];

export interface ExchangeSettings {
  readonly type: string;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly internal: boolean;
  readonly arguments: Table;
}

export class Exchange {
  readonly kind = "exchange";
  readonly router: Router;
  /** What it sends to, by identity. */
  readonly bindings = new Map<string, Binding>();
  /** What sends to it. */
  readonly sources = new Set<Binding>();
  /** Where messages go that it has no destination for. */
  readonly alternate: string | null;
  /** Messages that clients published to it. */
  published = 0;

  constructor(
    readonly name: string,
    readonly settings: ExchangeSettings,
  ) {
    this.router = new (routers.find((router) => router.type === settings.type)!)();
    const alternate = settings.arguments.get("alternate-exchange");
    this.alternate = typeof alternate === "string" ? alternate : null;
  }
}
