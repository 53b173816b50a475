import type { Clock } from "../../core/time.ts";
import type { Vhost } from "./vhost.ts";

/** What a message takes beside its bytes, roughly. */
const OVERHEAD = 512;
/** Messages between two looks, and milliseconds while the alarm is on. */
const EVERY = 1024;
const AGAIN = 100;

/**
 * Stops publishers while the queues hold more than they may, as RabbitMQ's memory alarm does:
 * without it a consumer that is away would cost the broker its life.
 */
export class MemoryAlarm {
  /** Settles when the alarm goes off; null: there is none. */
  over: Promise<void> | null = null;
  private left = EVERY;
  /** Set while it is on whatever the queues hold. */
  private raised: PromiseWithResolvers<void> | null = null;

  constructor(
    private readonly clock: Clock,
    private readonly vhosts: ReadonlyMap<string, Vhost>,
    public limit: number,
  ) {}

  /** Called for each message. */
  published(): void {
    if (--this.left > 0) return;
    this.left = EVERY;
    if (this.over === null && this.held() > this.limit) this.over = this.watch();
  }

  /** Bytes in queues, those included that consumers hold. */
  held(): number {
    let bytes = 0;
    for (const { queues } of this.vhosts.values()) {
      for (const { items } of queues.values()) bytes += items.readyBytes + (items.ready + items.unacked) * OVERHEAD;
    }
    return bytes;
  }

  /** On, until `lower`. */
  raise(): void {
    this.raised ??= Promise.withResolvers();
    this.over ??= this.watch();
  }

  lower(): void {
    this.raised?.resolve();
    this.raised = null;
  }

  private async watch(): Promise<void> {
    do {
      if (this.raised !== null) await this.raised.promise;
      else await this.clock.sleep(AGAIN);
    } while (this.raised !== null || this.held() > this.limit * 0.9);
    this.over = null;
  }
}
