import { AmqpBroker } from "../../src/amqp/broker/broker.ts";
import { AMQP_DEFAULTS, type AmqpOptions } from "../../src/amqp/broker/options.ts";
import type { AdvanceableClock } from "../../src/hooks/clock.ts";
import type { Outgoing } from "../../src/hooks/plugin.ts";
import { type Listener, listenTcp } from "../../src/net/listen.ts";
import { connectMemory, type MemoryClient } from "../../src/net/memory.ts";
import { MemoryHouse } from "../support/memory.ts";
import { RawClient } from "./raw-client.ts";
import { Actor } from "./scenario.ts";

/** An AMQP broker in a house of its own. */
export class AmqpHouse extends MemoryHouse {
  readonly broker: AmqpBroker;
  private listener: Listener | null = null;

  constructor(options: Partial<AmqpOptions> = {}, seed = 1, clock?: AdvanceableClock) {
    super(seed, null, clock);
    this.broker = new AmqpBroker({ ...AMQP_DEFAULTS, ...options }, this.host("amqp"));
    const elsewhere = this.publish;
    this.publish = (message: Outgoing) => (message.protocol === "amqp" ? this.broker.publish(message) : elsewhere(message));
  }

  /** A client in memory that has not said a word; `memory` is its end of the connection. */
  raw(): RawClient & { memory: MemoryClient } {
    const memory = connectMemory(this.broker, this.net);
    const client = new RawClient({ write: (bytes) => memory.send(bytes), end: () => memory.close() });
    void (async () => {
      while (memory.closedBy === null) client.feed(await memory.read());
      client.feed(memory.readNow());
      client.ended();
    })();
    return Object.assign(client, { memory });
  }

  /** A client in memory with channel 1 open; `name` is its connection name. */
  async client(
    name = "",
    options: Parameters<RawClient["open"]>[0] = {},
  ): Promise<Actor & { readonly raw: RawClient & { memory: MemoryClient } }> {
    const raw = this.raw();
    await raw.open({
      ...options,
      properties: {
        connection_name: name,
        capabilities: { consumer_cancel_notify: true, authentication_failure_close: true },
        ...options.properties,
      },
    });
    const actor: Actor = await new Actor(raw).open();
    return Object.assign(actor, { raw });
  }

  /** Listens on a free port, for real clients. */
  listen(): number {
    this.listener ??= listenTcp({ host: "127.0.0.1", port: 0 }).serve(this.broker, this.net);
    return this.listener.port;
  }

  close(): void {
    this.listener?.stop();
    for (const connection of this.net.connections()) connection.abort(true);
    this.clock.stop();
  }
}
