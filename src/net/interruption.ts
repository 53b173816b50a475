import type { Timer } from "../core/time.ts";
import type { Connection } from "./connection.ts";
import type { Net } from "./net.ts";
import { BLOCKED, HANGING, type Stop } from "./stops.ts";

/** What stops the input or output of one connection, and what the silence of its peer means meanwhile. */
export class Interruption {
  /** What stops it now. */
  private readonly stops = new Set<Stop>();
  /** It connected while a partition separates its client from the broker, which knows nothing of it before that is healed. */
  private awaitsHeal = false;
  /** Resets a hanging connection. */
  private hangTimer: Timer | null = null;

  constructor(
    private readonly connection: Connection,
    private readonly net: Net,
  ) {}

  // --- What stops it ----------------------------------------------------------------------------

  /** Stops input, output or both until `remove` with the same reason. The peer sees a connection that is open and silent. */
  add(stop: Stop): void {
    if (this.connection.isClosed) return;
    this.stops.add(stop);
    this.apply();
  }

  remove(stop: Stop): void {
    const had = this.stops.delete(stop);
    // Whoever unblocks a connection means one that hangs, too.
    const hung = stop === BLOCKED && this.stops.delete(HANGING);
    if (hung) this.hangTimer?.cancel();
    if ((had || hung) && !this.connection.isClosed) this.apply();
  }

  /** See `Connection.hang`. */
  hang(ms?: number): void {
    if (this.connection.isClosed || this.stops.has(HANGING)) return;
    this.add(HANGING);
    if (ms !== undefined) this.hangTimer = this.net.clock.after(ms, () => this.connection.abort(true));
  }

  private apply(): void {
    let input = false,
      output = false,
      socket = false;
    for (const { direction, readsSocket } of this.stops) {
      input ||= direction !== "out";
      socket ||= direction !== "out" && !readsSocket;
      output ||= direction !== "in";
    }
    this.connection.setStopped(input, output, socket);
  }

  /** The connection is over. */
  end(): void {
    this.hangTimer?.cancel();
  }

  // --- Connecting during a partition --------------------------------------------------------------

  /** See `Connection.reachable`. */
  reachable(): Promise<void> | null {
    const healed = this.net.reachable(this.connection);
    if (healed === null) return null;
    this.awaitsHeal = true;
    return healed.then(() => void (this.awaitsHeal = false));
  }

  /** It connected while every connection like it is partitioned: nothing that it sends is handled before that is healed. */
  holdUntil(healed: Promise<void>): void {
    this.awaitsHeal = true;
    this.connection.holdInput(healed.then(() => void (this.awaitsHeal = false)));
  }

  // --- What silence means -------------------------------------------------------------------------

  /** The broker stands still and does not notice that the peer is silent. */
  get brokerPaused(): boolean {
    for (const stop of this.stops) if (stop.brokerPaused) return true;
    return false;
  }

  /** See `Connection.silentFor`. */
  silentFor(since: number): number {
    if (!this.connection.isClosed && (this.brokerPaused || this.awaitsHeal)) return 0;
    const { clock } = this.net;
    const ms = clock.now() - since;
    return this.peerIsOutside ? ms - clock.skippedSince(since) : ms;
  }

  /** See `Connection.timeLeft`. */
  timeLeft(ms: number): number {
    const { clock } = this.net;
    return this.peerIsOutside ? ms + clock.horizon() - clock.now() : ms;
  }

  /** The peer is another process, which an `advance` of our clock gives no time to send anything, and nothing else keeps it from us. */
  private get peerIsOutside(): boolean {
    const { isClosed, transport } = this.connection;
    return !isClosed && transport !== "memory" && (this.stops.size === 0 || this.brokerPaused);
  }
}
