import { flushSoon } from "../../net/flush.ts";
import type { Address } from "../model/message.ts";
import type { Channel } from "./channel.ts";

/**
 * Publisher confirms of one channel. Messages are numbered from 1 as they come; all that were
 * accepted within a tick are confirmed by one `basic.ack`.
 */
export class Confirms {
  private published = 0;
  /** Confirmed up to here, and to be confirmed up to there. */
  private sent = 0;
  private accepted = 0;
  private isDue = false;
  /** A message or a confirm may have been kept back: from now on none speaks for those before it. */
  private isSparse = false;

  constructor(private readonly channel: Channel) {}

  /** The number of the message that now came. */
  next(): number {
    return ++this.published;
  }

  /**
   * The message that now came was taken before it was published: publishers count it, and hear of it later or
   * never. Returns its number.
   */
  skip(): number {
    this.spread();
    return (this.sent = this.accepted = this.next());
  }

  /** @param about where the message went */
  ack(sequence: number, about: Address): void {
    // Each by itself where somebody looks at them: which ones would share one is chance.
    if (this.channel.session.operations.seesResponse("basic.ack")) this.spread();
    if (this.isSparse) return this.channel.send("basic.ack", { deliveryTag: sequence, multiple: false }, about);
    this.accepted = sequence;
    if (this.isDue) return;
    this.isDue = true;
    flushSoon(this);
  }

  nack(sequence: number, about: Address): void {
    if (this.channel.session.operations.seesResponse("basic.nack")) this.spread();
    this.send();
    this.sent = this.accepted = sequence;
    // Where all before it were confirmed `multiple` adds nothing, and is how RabbitMQ says it.
    this.channel.send("basic.nack", { deliveryTag: sequence, multiple: !this.isSparse, requeue: true }, about);
  }

  /** From now on each confirm speaks for one message. */
  private spread(): void {
    this.send();
    this.isSparse = true;
  }

  /** Sends what is due. */
  flush(): void {
    this.isDue = false;
    if (!this.channel.isOpen || this.channel.connection.isClosed) return;
    this.send();
    this.channel.connection.flush();
  }

  private send(): void {
    const { sent, accepted } = this;
    if (accepted === sent) return;
    this.sent = accepted;
    this.channel.send("basic.ack", { deliveryTag: accepted, multiple: accepted - sent > 1 });
  }
}
