import type { RecordEvent } from "./events.ts";

/**
 * Records of one batch that let others pass. Their producer has one answer for all of the batch: they
 * come with the rest of it, behind it once it is stored, and not at all where it was refused.
 */
export class LateRecords {
  private batch: "open" | "closed" | "stored" | "refused" = "open";
  private readonly waiting: RecordEvent[] = [];

  constructor(private readonly store: (event: RecordEvent) => void) {}

  /** The turn of a record has come. @param join takes it into the batch, to which the hooks are still asked */
  come(event: RecordEvent, join: () => void): void {
    if (this.batch === "open") join();
    else if (this.batch === "closed") this.waiting.push(event);
    else if (this.batch === "stored") this.store(event);
  }

  /** The hooks have seen all of the batch. */
  close(): void {
    this.batch = "closed";
  }

  /** It is known what becomes of the batch. */
  settle(stored: boolean): void {
    this.batch = stored ? "stored" : "refused";
    if (stored) for (const event of this.waiting) this.store(event);
    this.waiting.length = 0;
  }
}
