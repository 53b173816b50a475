import { FieldTable } from "../../../src/amqp/v091/fields.ts";
import { PROTOCOL_HEADER } from "../../../src/amqp/v091/frames.ts";
import type { ArgsOut, MethodName } from "../../../src/amqp/v091/methods.ts";
import type { MemoryClient } from "../../../src/net/memory.ts";
import { CAPABLE, RawClient, type Received } from "../../amqp/raw-client.ts";
import { PATIENCE, type Place } from "./actor.ts";

/** Queues of the simulation: all but `q.auto` have consumers that acknowledge. */
export const QUEUES: Record<string, Record<string, string>> = {
  "q.plain": {},
  "q.topic": {},
  "q.rejecting": { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "q.dead" },
  "q.dead": {},
  "q.auto": {},
};
/** Exchanges with their types, and what is bound to them. */
export const EXCHANGES: Record<string, { type: string; bindings: [key: string, queue: string][] }> = {
  "ex.topic": {
    type: "topic",
    bindings: [
      ["a.*", "q.topic"],
      ["#", "q.rejecting"],
    ],
  },
  "ex.fanout": {
    type: "fanout",
    bindings: [
      ["", "q.plain"],
      ["", "q.auto"],
    ],
  },
};
export const ADDRESSES: readonly [exchange: string, key: string][] = [
  ["", "q.plain"],
  ["", "q.rejecting"],
  ["", "q.auto"],
  ["", "nowhere"],
  ["ex.topic", "a.b"],
  ["ex.topic", "b"],
  ["ex.fanout", "x"],
];

/** Where a message goes. */
export function queuesFor(exchange: string, key: string): string[] {
  if (exchange === "") return key in QUEUES ? [key] : [];
  const { bindings } = EXCHANGES[exchange] ?? { bindings: [] };
  const meets = (pattern: string): boolean =>
    pattern === "" || pattern === "#" || new RegExp(`^${pattern.replaceAll(".", "\\.").replaceAll("*", "[^.]*")}$`).test(key);
  return bindings.filter(([pattern]) => meets(pattern)).map(([, queue]) => queue);
}

/** A connection with one channel at a time, and what it waits for. */
export class AmqpWire {
  /** The channel that is open; 0: none yet, or none any more. */
  channel = 0;
  private client: RawClient | null = null;
  private wire: MemoryClient | null = null;
  private lastChannel = 0;
  private readonly waiting: { reply: MethodName[]; since: number; then: (method: Received) => void }[] = [];

  /**
   * @param begin called with every channel that was opened
   * @param ended called when a channel or the connection is over
   * @param take called with what nobody asked for
   */
  constructor(
    private readonly place: Place,
    private readonly name: string,
    private readonly begin: () => void,
    private readonly ended: () => void,
    private readonly take: (method: Received) => void,
  ) {}

  get isOpen(): boolean {
    return this.wire !== null;
  }
  get isBusy(): boolean {
    return this.waiting.length > 0;
  }

  connect(): void {
    const wire = (this.wire = this.place.dial("amqp"));
    if (wire === null) return;
    this.client = new RawClient({ write: (bytes) => wire.send(bytes), end: () => wire.close() });
    this.client.bytes(PROTOCOL_HEADER);
    this.expect(["connection.start"], () => {
      const clientProperties = FieldTable.of({ ...CAPABLE, connection_name: this.name });
      this.client!.send(0, "connection.start-ok", {
        clientProperties,
        mechanism: "PLAIN",
        response: Buffer.from("\0guest\0guest"),
        locale: "en_US",
      });
      this.expect(["connection.tune"], () => {
        this.client!.send(0, "connection.tune-ok", { channelMax: 2047, frameMax: 131072, heartbeat: 0 });
        this.call(0, "connection.open", { virtualHost: "/" }, ["connection.open-ok"], () => this.openChannel());
      });
    });
  }

  private openChannel(): void {
    const id = ++this.lastChannel;
    this.call(id, "channel.open", {}, ["channel.open-ok"], () => {
      this.channel = id;
      this.begin();
    });
  }

  private expect(reply: MethodName[], then: (method: Received) => void): void {
    this.waiting.push({ reply, since: this.place.now(), then });
  }

  call<N extends MethodName>(channel: number, name: N, args: ArgsOut<N>, reply: MethodName[], then: (method: Received) => void): void {
    this.expect(reply, then);
    this.client!.send(channel, name, args);
  }
  send<N extends MethodName>(name: N, args: ArgsOut<N>): void {
    this.client!.send(this.channel, name, args);
  }
  publish(exchange: string, routingKey: string, mandatory: boolean, body: string): void {
    this.client!.publish(this.channel, { exchange, routingKey, mandatory }, body);
  }

  slow(window: number): void {
    if (this.wire !== null) this.wire.window = window;
  }

  hear(): void {
    const { wire, client } = this;
    if (wire === null) return;
    client!.feed(wire.readNow());
    wire.connection?.drained();
    for (const method of client!.drain()) {
      if (this.wire !== wire) return;
      this.dispatch(method);
    }
    if (this.wire !== wire) return;
    if (wire.closedBy !== null) this.lost();
    else if (this.waiting.length > 0 && this.place.now() - this.waiting[0]!.since > PATIENCE) this.close(true);
  }

  private dispatch(method: Received): void {
    const { name, channel } = method;
    if (name === "connection.close") {
      this.client!.send(0, "connection.close-ok", {});
      return this.close();
    }
    if (name === "channel.close") {
      this.place.ledger.note(this.name, (method.args as { replyText: string }).replyText);
      this.client!.send(channel, "channel.close-ok", {});
      this.channel = 0;
      // Nothing that was asked on it is answered any more.
      this.waiting.length = 0;
      this.ended();
      return this.openChannel();
    }
    if (channel !== 0 && this.channel !== 0 && channel !== this.channel) return; // left over from a channel that is closed
    const at = this.waiting.findIndex(({ reply }) => reply.includes(name));
    if (at < 0) return this.take(method);
    // Methods are answered in order: what waits before this one lost its answer.
    const [{ then }] = this.waiting.splice(0, at + 1).slice(-1) as [(typeof this.waiting)[number]];
    then(method);
  }

  /** Says goodbye and waits for nothing. */
  leave(): void {
    this.client?.send(0, "connection.close", { replyCode: 200, replyText: "bye", classId: 0, methodId: 0 });
    this.close();
  }

  close(broken = false): void {
    this.wire?.close(broken ? new Error("reset") : undefined);
    this.lost();
  }

  private lost(): void {
    if (this.wire === null) return;
    this.wire = this.client = null;
    this.channel = this.lastChannel = 0;
    this.waiting.length = 0;
    this.ended();
  }
}
