import type { Timer } from "../core/time.ts";
import type { Decision } from "../hooks/chain.ts";
import type { Connection } from "./connection.ts";
import type { Net } from "./net.ts";
import { BLOCKED, HANGING, type Stop } from "./stops.ts";

/** Whether a connection's peer and the broker reach each other: what stops it, and what its silence says. */
export class Reach {
  /** What keeps it from reading or writing now. */
  private readonly stops = new Set<Stop>();
  /** It came while a partition keeps its client away: the broker knows nothing of it yet. */
  private atDoor = false;
  /** The end of a hanging connection. */
  private hangs: Timer | null = null;

  constructor(
    private readonly connection: Connection,
    private readonly net: Net,
  ) {}

  // --- What stops it ----------------------------------------------------------------------------

  /** Neither reads nor writes, or one of them, until `unfreeze` with the same reason; the peer sees a connection that is open and silent. */
  freeze(stop: Stop = BLOCKED): void {
    if (this.connection.isClosed) return;
    this.stops.add(stop);
    this.obey();
  }

  /** Neither handles nor writes anything until `unfreeze`, or until it is reset after `ms`; but notices when the peer leaves. */
  hang(ms?: number): void {
    if (this.connection.isClosed || this.stops.has(HANGING)) return;
    this.freeze(HANGING);
    if (ms !== undefined) this.hangs = this.net.clock.after(ms, () => this.connection.abort(true));
  }

  unfreeze(stop: Stop = BLOCKED): void {
    const had = this.stops.delete(stop);
    // Who lets go of a blocked connection means one that hangs, too.
    const hung = stop === BLOCKED && this.stops.delete(HANGING);
    if (hung) this.hangs?.cancel();
    if ((had || hung) && !this.connection.isClosed) this.obey();
  }

  private obey(): void {
    let deaf = false,
      mute = false,
      parted = false;
    for (const { direction, sees } of this.stops) {
      deaf ||= direction !== "out";
      parted ||= direction !== "out" && !sees;
      mute ||= direction !== "in";
    }
    this.connection.stop(deaf, mute, parted);
  }

  /** The connection is over. */
  end(): void {
    this.hangs?.cancel();
  }

  // --- Partitions at the door -------------------------------------------------------------------

  /** Asks once no partition keeps the client away that has said who it is. */
  arrive(ask: () => Decision): Decision {
    const reachable = this.net.reachable(this.connection);
    if (reachable === null) return ask();
    this.atDoor = true;
    return reachable.then(() => {
      this.atDoor = false;
      return ask();
    });
  }

  /** Came while a partition keeps everybody like it away: nothing of what it sends is seen before that is over. */
  waitAtDoor(healed: Promise<void>): void {
    this.atDoor = true;
    this.connection.holdInput(healed.then(() => void (this.atDoor = false)));
  }

  // --- What silence says ------------------------------------------------------------------------

  /** The broker does not notice that the peer is silent. */
  get isAsleep(): boolean {
    for (const stop of this.stops) if (stop.asleep) return true;
    return false;
  }

  /** See `Connection.silentFor`. */
  silentFor(since: number): number {
    if (!this.connection.isClosed && (this.isAsleep || this.atDoor)) return 0;
    const { clock } = this.net;
    const ms = clock.now() - since;
    return this.livesOutside ? ms - clock.skippedSince(since) : ms;
  }

  /** See `Connection.timeLeft`. */
  timeLeft(ms: number): number {
    const { clock } = this.net;
    return this.livesOutside ? ms + clock.horizon() - clock.now() : ms;
  }

  private get livesOutside(): boolean {
    const { isClosed, transport } = this.connection;
    return !isClosed && transport !== "memory" && (this.stops.size === 0 || this.isAsleep);
  }
}
