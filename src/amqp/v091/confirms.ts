import { flushSoon } from "../../net/flush.ts";
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
  /** A hook may have kept a message or a confirm back: from now on none speaks for those before it. */
  private isSparse = false;

  constructor(private readonly channel: Channel) {}

  /** The number of the message that now came. */
  next(): number {
    return ++this.published;
  }

  /** A hook took the message that now came: publishers count it, and never hear of it. */
  skip(): void {
    this.send();
    this.isSparse = true;
    this.sent = this.accepted = this.next();
  }

  ack(sequence: number): void {
    this.accepted = sequence;
    // Each by itself where somebody looks at them: which ones would share one is chance.
    if (this.channel.connection.hooks.response !== null) this.isSparse = true;
    if (this.isSparse) this.send();
    else if (!this.isDue) {
      this.isDue = true;
      flushSoon(this);
    }
  }

  nack(sequence: number): void {
    if (this.channel.connection.hooks.response !== null) this.isSparse = true;
    this.send();
    this.sent = this.accepted = sequence;
    // Where all before it were confirmed `multiple` adds nothing, and is how RabbitMQ says it.
    this.channel.send("basic.nack", { deliveryTag: sequence, multiple: !this.isSparse, requeue: true });
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
