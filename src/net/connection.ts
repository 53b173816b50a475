import { Framer, type FrameLength } from "../bytes/framer.ts";
import { OutBuffer } from "../bytes/out-buffer.ts";
import type { Timer } from "../core/time.ts";
import type { Decision, Final } from "../hooks/chain.ts";
import type { HookEvent } from "../hooks/event.ts";
import type { ConnectionInfo, Protocol } from "../hooks/plugin.ts";
import type { ProtocolHooks } from "../hooks/seam.ts";
import type { Close, Hang } from "../hooks/verdicts.ts";
import { ByteEvent } from "./byte-event.ts";
import { flushSoon } from "./flush.ts";
import type { Net } from "./net.ts";
import { Patience } from "./patience.ts";
import { BLOCKED, HANGING, type Stop } from "./stops.ts";
import type { Transport, TransportEvents } from "./transport.ts";

/** Unsent bytes above which a connection is not read from, and gets no more deliveries. */
const HIGH_WATER = 1024 * 1024;
const LOW_WATER = HIGH_WATER / 4;
/** Unhandled bytes above which the socket is not read from while an operation waits. */
const INPUT_MOST = 1024 * 1024;
/** Unhandled bytes at which a connection is cut: only a WebSocket, which cannot pause, gets there. */
const INPUT_LIMIT = 256 * 1024 * 1024;
/** How long a peer may take to read what was sent before a close, in milliseconds. */
const LINGER = 5_000;

export type CloseReason = "client" | "broker" | "error";

/** What a protocol does with one connection. */
export interface Session {
  readonly frameLength: FrameLength;
  /** One whole frame, `buf[start, end)`; the bytes are never written to again, unless the answer is true: see OnFrame. */
  frame(buf: Buffer, start: number, end: number): boolean | void;
  /**
   * The frame could not be read or handled. Answers in the protocol's own terms where it has one;
   * the connection is closed afterwards, whatever is done here.
   */
  failed(error: Error): void;
  /** Called once, when the socket is gone or has been closed from here. The socket ends when the promise settles. */
  closed(reason: CloseReason): void | Promise<unknown>;
  /** The connection takes deliveries again after `writable` was false. */
  drained?(): void;
  /** The broker shuts down: says goodbye where the protocol has a word for it. */
  goodbye?(): void;
}

/**
 * One client socket: bytes in, frames to the session, bytes out. It keeps each direction in order
 * while a verdict is pending, and bounds what it holds in both.
 */
export class Connection implements ConnectionInfo, TransportEvents {
  readonly out: OutBuffer;
  readonly hooks: ProtocolHooks;
  readonly transport: Transport["kind"];
  readonly remote: string;
  user = "";
  ordinal = 0;
  clientId = "";
  /** True once nothing can be sent or received any more. */
  isClosed = false;

  private session: Session | null = null;
  private framer: Framer | null = null;
  /** Reasons for which no frame is handed on now. */
  private holds = 0;
  private reading = true;
  /** No frame is handed on because the peer does not read its answers. */
  private choked = false;
  /** Deliveries were refused because the peer does not read them. */
  private starved = false;
  /** What keeps it from reading or writing now. */
  private readonly stops = new Set<Stop>();
  /** No frame is handed on, or nothing is written, because of them. */
  private isDeaf = false;
  private isMute = false;
  /** Nothing is read from the socket either. */
  private isParted = false;
  /** It came while a partition keeps its client away: the broker knows nothing of it yet. */
  private atDoor = false;
  /** The last of the outputs that wait for their turn; null: output goes straight out. */
  private tail: Promise<void> | null = null;
  private bytesInTail: Promise<void> | null = null;
  private bytesOutTail: Promise<void> | null = null;
  private bytesOutHeld = 0;
  /** A close was asked for: nothing that comes is handled any more. */
  private ending = false;
  /** Everything but the last bytes is out. */
  private closing = false;
  private linger: Patience | null = null;
  /** The end of a hanging connection. */
  private hangs: Timer | null = null;

  constructor(
    private readonly net: Net,
    private readonly socket: Transport,
    readonly id: number,
    readonly protocol: Protocol,
    /** Which of the protocol's listeners accepted it. */
    readonly listener: string,
    readonly broker: number | undefined,
  ) {
    this.hooks = net.hooks(protocol);
    this.transport = socket.kind;
    this.remote = socket.remote;
    this.out = new OutBuffer((bytes) => this.transmit(bytes), () => flushSoon(this));
  }

  /** Hands the connection to its protocol. */
  start(session: Session): void {
    this.session = session;
    this.framer = new Framer(session.frameLength, (buf, start, end) => {
      const free = session.frame(buf, start, end);
      if (this.out.pending > HIGH_WATER) this.choke();
      return free;
    });
  }

  /** The client said who it is: counts its connections, which the streams are keyed by. */
  identify(clientId: string, user: string): void {
    this.clientId = clientId;
    this.user = user;
    this.ordinal = this.net.countClient(this);
    this.hooks.forget(this);
  }

  /**
   * Lets the client in that has said who it is: once no partition keeps it away, unless a `connect`
   * hook has it otherwise.
   */
  welcome(event: () => HookEvent): Decision {
    const ask = (): Decision => (this.hooks.connect !== null ? (this.hooks.connect.select(this, "")?.decide(event()) ?? null) : null);
    const reachable = this.net.reachable(this);
    if (reachable === null) return ask();
    this.atDoor = true;
    return reachable.then(() => {
      this.atDoor = false;
      return ask();
    });
  }

  /** The client proved, later than its name, which user it is. */
  loggedIn(user: string): void {
    this.user = user;
    this.hooks.forget(this);
  }

  /** A change of framing within the stream. */
  reframe(length: FrameLength): void {
    this.framer!.reframe(length);
  }

  // --- In ---------------------------------------------------------------------------------------

  receive(chunk: Buffer): void {
    if (this.isClosed) return;
    if (this.hooks.bytes !== null || this.bytesInTail !== null) this.examineIn(chunk);
    else this.accept(chunk);
  }

  private accept(chunk: Buffer): void {
    if (this.isClosed || this.ending || this.framer === null) return;
    try {
      this.framer.push(chunk);
    } catch (error) {
      this.fail(error as Error);
    }
    this.adjustReading();
  }

  /** No frame is handed on until the promise settles. For an operation whose outcome has to be waited for. */
  holdInput(until: Promise<unknown>): void {
    this.holds++;
    this.framer!.pause();
    const release = (): void => {
      this.holds--;
      this.resumeInput();
    };
    until.then(release, (error) => {
      this.fail(error as Error);
      release();
    });
  }

  /** True while frames that may have come are not handed on: the peer's silence says nothing then. */
  get isHeld(): boolean {
    return this.holds > (this.isDeaf && !this.isAsleep ? 1 : 0);
  }

  /**
   * Milliseconds of the clock since `since` in which the peer could have spoken. What was jumped over
   * counts only where nothing can come from it: it is blocked, partitioned off or gone, or it lives
   * in this process, by this clock.
   */
  silentFor(since: number): number {
    if (!this.isClosed && (this.isAsleep || this.atDoor)) return 0;
    const { clock } = this.net;
    const ms = clock.now() - since;
    return this.livesOutside ? ms - clock.skippedSince(since) : ms;
  }

  /** Milliseconds from now on in which the peer will have had `ms` to speak, as far as the clock is known. */
  timeLeft(ms: number): number {
    const { clock } = this.net;
    return this.livesOutside ? ms + clock.horizon() - clock.now() : ms;
  }

  private get livesOutside(): boolean {
    return !this.isClosed && this.transport !== "memory" && (this.stops.size === 0 || this.isAsleep);
  }

  private get isAsleep(): boolean {
    for (const stop of this.stops) if (stop.asleep) return true;
    return false;
  }

  private resumeInput(): void {
    if (this.isClosed || this.holds > 0) return;
    try {
      this.framer!.resume();
    } catch (error) {
      this.fail(error as Error);
    }
    this.adjustReading();
  }

  private adjustReading(): void {
    if (this.isClosed) return;
    const { buffered } = this.framer!;
    if (buffered > INPUT_LIMIT) return this.abort(true); // a transport that cannot stop reading
    // A frame that is still arriving may be larger; what waits behind an operation may not.
    const wanted = !this.isParted && (this.holds === 0 || buffered < INPUT_MOST);
    if (wanted === this.reading) return;
    this.reading = wanted;
    if (wanted) this.socket.resume();
    else this.socket.pause();
  }

  /** Frames wait until the peer has read what it already asked for. */
  private choke(): void {
    if (this.choked) return;
    this.choked = true;
    this.holds++;
    this.framer!.pause();
    this.adjustReading();
  }

  // --- Out --------------------------------------------------------------------------------------

  /** False while the peer reads too slowly for more deliveries; `Session.drained` follows. */
  get writable(): boolean {
    if (this.out.pending + this.bytesOutHeld <= HIGH_WATER) return true;
    this.starved = true;
    return false;
  }

  /** True while outputs wait for their turn: whatever comes now has to go through `inOrder`. */
  get waiting(): boolean {
    return this.tail !== null;
  }

  /**
   * Writes once all that was to go out before it is out and its own decision is there. Without a
   * pending decision in this direction it writes at once.
   */
  inOrder(decision: Decision, write: (final: Final | null) => void): void {
    if (this.isClosed) return;
    if (this.tail === null && !(decision instanceof Promise)) return write(decision);
    const turn: Promise<void> = (this.tail ?? Promise.resolve())
      .then(() => decision)
      .then((final) => {
        if (!this.isClosed) write(final);
      })
      .catch((error) => this.fail(error as Error))
      .finally(() => {
        if (this.tail === turn) this.tail = null;
      });
    this.tail = turn;
  }

  /** The out-buffer's sink. */
  private transmit(bytes: Buffer): number {
    if (this.isClosed) return -1;
    if (this.isMute) return 0;
    if (this.hooks.bytes !== null || this.bytesOutTail !== null) return this.examineOut(bytes);
    return this.socket.write(bytes);
  }

  drained(): void {
    this.flush();
  }

  /** Sends what the socket takes; called once a tick after something was written, and on drain. */
  flush(): void {
    if (this.isClosed || this.isMute) return;
    this.out.flush();
    const pending = this.out.pending + this.bytesOutHeld;
    if (this.closing && pending === 0) return this.finish();
    if (pending > LOW_WATER) return;
    if (this.choked) {
      this.choked = false;
      this.holds--;
      this.resumeInput();
    }
    if (this.starved && !this.isClosed) {
      this.starved = false;
      this.session!.drained?.();
    }
  }

  // --- The bytes hook ---------------------------------------------------------------------------

  private examineIn(chunk: Buffer): void {
    const event = new ByteEvent(this, "in", chunk);
    // What a hook saw it may keep; the framer takes bytes that are its own.
    const pass = (bytes: Buffer): void => this.accept(Buffer.from(bytes));
    const decision = this.hooks.bytes?.select(this, "in")?.decide(event) ?? null;
    if (this.bytesInTail === null && !(decision instanceof Promise) && !event.takesTime) return this.afterBytes(decision, event, pass);
    this.bytesInTail = this.bytesTurn(this.bytesInTail, decision, event, pass);
    const turn = this.bytesInTail;
    // The socket is not read from meanwhile: what it holds is the peer's window, not our memory.
    this.socket.pause();
    turn.finally(() => {
      if (this.bytesInTail !== turn) return;
      this.bytesInTail = null;
      if (this.reading && !this.isClosed) this.socket.resume();
    });
  }

  private examineOut(bytes: Buffer): number {
    if (this.bytesOutHeld > 0 && this.bytesOutHeld + bytes.length > HIGH_WATER) return 0;
    // The out-buffer uses its block again once it was accepted.
    const copy = Buffer.from(bytes);
    const event = new ByteEvent(this, "out", copy);
    const decision = this.hooks.bytes?.select(this, "out")?.decide(event) ?? null;
    this.bytesOutHeld += copy.length;
    const send = (chunk: Buffer): Promise<void> | void => this.sendWhole(chunk);
    const turn: Promise<void> = this.bytesTurn(this.bytesOutTail, decision, event, send).finally(() => {
      this.bytesOutHeld -= copy.length;
      if (this.bytesOutTail === turn) this.bytesOutTail = null;
      this.flush();
    });
    this.bytesOutTail = turn;
    return bytes.length;
  }

  private bytesTurn(
    tail: Promise<void> | null, decision: Decision, event: ByteEvent, pass: (chunk: Buffer) => Promise<void> | void,
  ): Promise<void> {
    return (tail ?? Promise.resolve())
      .then(() => decision)
      .then(async (final) => {
        if (this.isClosed) return;
        if (final !== null) return this.endBytes(final, event, pass);
        if (event.wait > 0) await this.net.clock.sleep(event.wait);
        for (let i = 0; i < event.chunks.length && !this.isClosed; i++) {
          if (i > 0 && event.pause > 0) await this.net.clock.sleep(event.pause);
          await pass(event.chunks[i]!);
        }
      })
      .catch((error) => this.fail(error as Error));
  }

  private afterBytes(final: Final | null, event: ByteEvent, pass: (chunk: Buffer) => void): void {
    if (final === null) for (const chunk of event.chunks) pass(chunk);
    else void this.endBytes(final, event, async (chunk) => pass(chunk));
  }

  /** What a verdict leaves of a chunk. */
  private async endBytes(final: Final, event: ByteEvent, pass: (chunk: Buffer) => Promise<void> | void): Promise<void> {
    if (final.kind === "hang") return this.hang(final.ms);
    if (final.kind !== "close") return;
    let left = final.after ?? 0;
    for (const chunk of event.chunks) {
      if (left > 0) await pass(chunk.subarray(0, left) as Buffer);
      left -= chunk.length;
    }
    this.abort(final.reset);
  }

  /** Writes past the out-buffer, for chunks that a hook let through. */
  private async sendWhole(chunk: Buffer): Promise<void> {
    let rest = chunk;
    while (!this.isClosed) {
      const sent = this.socket.write(rest);
      if (sent < 0 || sent >= rest.length) return;
      rest = rest.subarray(Math.max(0, sent)) as Buffer;
      await this.net.clock.sleep(1);
    }
  }

  // --- The end ----------------------------------------------------------------------------------

  /** Closes after everything that was written, and was waiting to be, has gone out. */
  close(): void {
    if (this.isClosed || this.ending) return;
    this.ending = true;
    this.framer?.close();
    this.inOrder(null, () => {
      this.closing = true;
      this.out.flush();
      if (this.out.pending + this.bytesOutHeld === 0) return this.finish();
      this.linger = new Patience(this, this.net.clock, LINGER, () => this.abort(true));
    });
  }

  /** Closes because the broker shuts down. */
  bye(): void {
    if (this.isClosed || this.ending) return;
    this.session?.goodbye?.();
    this.close();
  }

  /** Closes at once, unsent bytes are lost: FIN, or RST with `reset`. */
  abort(reset: boolean): void {
    if (!this.isClosed) this.leave("broker", true, () => (reset ? this.socket.reset() : this.socket.end()));
  }

  /** What the verdicts `close` and `hang` ask for. */
  obey(verdict: Close | Hang): void {
    if (verdict.kind === "hang") this.hang(verdict.ms);
    else if (verdict.reset) this.abort(true);
    else this.close();
  }

  /** The peer sent what cannot be read, or its handling broke: answered by the session, counted, closed. */
  fail(error: Error): void {
    if (this.isClosed || this.ending) return;
    this.net.countFailure(this, error);
    try {
      this.session?.failed(error);
    } finally {
      this.close();
    }
  }

  /** The peer sends no more; what is left to do is to close. */
  ended(): void {
    if (!this.isClosed) this.leave("client", false, () => this.socket.end());
  }

  gone(error?: Error): void {
    if (!this.isClosed) this.leave(error === undefined ? "client" : "error", error !== undefined, () => undefined);
  }

  private finish(): void {
    this.leave("broker", false, () => this.socket.end());
  }

  /** @param lost nobody said goodbye */
  private leave(reason: CloseReason, lost: boolean, end: () => void): void {
    this.isClosed = true;
    this.linger?.cancel();
    this.hangs?.cancel();
    this.framer?.close();
    this.out.clear();
    this.net.forget(this);
    const held = this.session?.closed(reason);
    if (this.hooks.observer !== null) this.hooks.observer.disconnected(this, lost);
    if (held instanceof Promise) void this.net.part(this.socket, held, end);
    else end();
  }

  // --- The control surface ----------------------------------------------------------------------

  /** Neither reads nor writes, or one of them, until `unfreeze` with the same reason; the peer sees a connection that is open and silent. */
  freeze(stop: Stop = BLOCKED): void {
    if (this.isClosed) return;
    this.stops.add(stop);
    this.obeyStops();
  }

  /** Neither handles nor writes anything until `unfreeze`, or until it is reset after `ms`; but notices when the peer leaves. */
  hang(ms?: number): void {
    if (this.isClosed || this.stops.has(HANGING)) return;
    this.freeze(HANGING);
    if (ms !== undefined) this.hangs = this.net.clock.after(ms, () => this.abort(true));
  }

  unfreeze(stop: Stop = BLOCKED): void {
    const had = this.stops.delete(stop);
    // Who lets go of a blocked connection means one that hangs, too.
    const hung = stop === BLOCKED && this.stops.delete(HANGING);
    if (hung) this.hangs?.cancel();
    if ((had || hung) && !this.isClosed) this.obeyStops();
  }

  private obeyStops(): void {
    let deaf = false, mute = false;
    this.isParted = false;
    for (const { direction, sees } of this.stops) {
      deaf ||= direction !== "out";
      this.isParted ||= direction !== "out" && !sees;
      mute ||= direction !== "in";
    }
    const wasMute = this.isMute;
    this.isMute = mute;
    if (deaf && !this.isDeaf) {
      this.holds++;
      this.framer!.pause();
    }
    const hears = !deaf && this.isDeaf;
    this.isDeaf = deaf;
    if (hears) {
      this.holds--;
      this.resumeInput();
    }
    this.adjustReading();
    if (wasMute && !mute) this.flush();
  }

  /** Came while a partition keeps everybody like it away: nothing of what it sends is seen before that is over. */
  waitAtDoor(healed: Promise<void>): void {
    this.atDoor = true;
    this.holdInput(healed.then(() => void (this.atDoor = false)));
  }
}
