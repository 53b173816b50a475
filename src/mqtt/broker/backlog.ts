import type { MqttBroker } from "./broker.ts";

/** What a slow reader may have before it, beyond what its connection takes, until those who publish to it are slowed down. */
const PRESSURE = 2 * 1024 * 1024;
/** How long a publisher waits for a slow reader, in milliseconds: one that needs longer holds nobody up until it has caught up. */
const PATIENCE = 200;

/** How far one reader is behind: bounds what is kept for it, and slows down those who publish to it. */
export class Backlog {
  /** Bytes in QoS 0 that its connection had no room for. */
  private bytes = 0;
  /** It did not catch up while others waited for it. */
  private stuck = false;
  /** Publishers that wait. */
  private waiting: (() => void)[] = [];

  constructor(private readonly broker: MqttBroker) {}

  /** Whether `size` more bytes may be kept; counts them. */
  admits(size: number): boolean {
    const { broker } = this;
    const { maxQueuedBytes, maxTotalQueuedBytes } = broker.options;
    if (this.bytes + size > maxQueuedBytes || broker.backlog + size > maxTotalQueuedBytes) return false;
    this.bytes += size;
    broker.backlog += size;
    if (this.bytes > PRESSURE) this.press();
    return true;
  }

  /** Asks whoever publishes now to wait for this reader. */
  press(): void {
    if (!this.stuck) this.broker.pressed = this;
  }

  /** All of it has been read. */
  clear(): void {
    this.broker.backlog -= this.bytes;
    this.bytes = 0;
    this.proceed();
  }

  /** The reader has caught up: nobody has to wait for it any more. */
  proceed(): void {
    this.stuck = false;
    for (const proceed of this.waiting.splice(0)) proceed();
  }

  /** Settles when the reader has caught up or has taken too long. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      const patience = this.broker.host.clock.after(PATIENCE, () => {
        this.stuck = true;
        resolve();
      });
      this.waiting.push(() => {
        patience.cancel();
        resolve();
      });
    });
  }
}
