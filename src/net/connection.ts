import { Framer, type FrameLength } from "../bytes/framer.ts";
import { OutBuffer } from "../bytes/out-buffer.ts";
import type { Decision, Final } from "../hooks/chain.ts";
import type { HookEvent } from "../hooks/event.ts";
import type { ConnectionInfo, Protocol } from "../hooks/plugin.ts";
import type { ProtocolHooks } from "../hooks/seam.ts";
import type { Close, Hang } from "../hooks/verdicts.ts";
import { ByteHooks } from "./byte-hooks.ts";
import { flushSoon } from "./flush.ts";
import type { Net } from "./net.ts";
import { Patience } from "./idle-timeout.ts";
import { Reach } from "./interruption.ts";
import type { CloseReason, Session } from "./session.ts";
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

/**
 * One client socket: bytes in, frames to the session, bytes out. It keeps each direction in order
 * while a verdict is pending, and bounds what it holds in both.
 */
export class Connection implements ConnectionInfo, TransportEvents {
  readonly out: OutBuffer;
  readonly hooks: ProtocolHooks;
  /** Freezes it, and knows what its peer's silence says. */
  readonly reach: Reach;
  readonly transport: Transport["kind"];
  readonly remote: string;
  user = "";
  ordinal = 0;
  clientId = "";
  /** True once nothing can be sent or received any more. */
  isClosed = false;
  /** Chunks are taken from the socket. */
  isReading = true;

  private session: Session | null = null;
  private framer: Framer | null = null;
  /** Reasons for which no frame is handed on now. */
  private holds = 0;
  /** No frame is handed on because the peer does not read its answers. */
  private choked = false;
  /** Deliveries were refused because the peer does not read them. */
  private starved = false;
  /** No frame is handed on, or nothing is written, because of what `reach` knows. */
  private isDeaf = false;
  private isMute = false;
  /** Nothing is read from the socket either. */
  private isParted = false;
  /** The last of the outputs that wait for their turn; null: output goes straight out. */
  private tail: Promise<void> | null = null;
  /** Null as long as no `bytes` hook was there. */
  private bytes: ByteHooks | null = null;
  /** A close was asked for: nothing that comes is handled any more. */
  private ending = false;
  /** Everything but the last bytes is out. */
  private closing = false;
  private linger: Patience | null = null;

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
    this.reach = new Reach(this, net);
    this.out = new OutBuffer(
      (bytes) => this.transmit(bytes),
      () => flushSoon(this),
    );
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
    return this.reach.arrive(() => (this.hooks.connect !== null ? (this.hooks.connect.select(this, "")?.decide(event()) ?? null) : null));
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
    if (this.hooks.bytes !== null || (this.bytes !== null && this.bytes.waitsIn)) this.examined().examineIn(chunk);
    else this.accept(chunk);
  }

  /** A chunk for the framer, whose own it is from now on. */
  accept(chunk: Buffer): void {
    if (this.isClosed || this.ending || this.framer === null) return;
    try {
      this.framer.push(chunk);
    } catch (error) {
      this.fail(error as Error);
    }
    this.adjustReading();
  }

  /** For `reach`: no frame is handed on while `deaf`, nothing is written while `mute`, and while `parted` the socket is not read from. */
  stop(deaf: boolean, mute: boolean, parted: boolean): void {
    const wasMute = this.isMute;
    const hears = !deaf && this.isDeaf;
    if (deaf && !this.isDeaf) this.hold();
    this.isDeaf = deaf;
    this.isMute = mute;
    this.isParted = parted;
    if (hears) this.release();
    this.adjustReading();
    if (wasMute && !mute) this.flush();
  }

  /** No frame is handed on until the promise settles. For an operation whose outcome has to be waited for. */
  holdInput(until: Promise<unknown>): void {
    this.hold();
    const release = (): void => this.release();
    until.then(release, (error) => {
      this.fail(error as Error);
      release();
    });
  }

  /** True while frames that may have come are not handed on: the peer's silence says nothing then. */
  get isHeld(): boolean {
    return this.holds > (this.isDeaf && !this.reach.isAsleep ? 1 : 0);
  }

  /**
   * Milliseconds of the clock since `since` in which the peer could have spoken. What was jumped over
   * counts only where nothing can come from it: it is blocked, partitioned off or gone, or it lives
   * in this process, by this clock.
   */
  silentFor(since: number): number {
    return this.reach.silentFor(since);
  }

  /** Milliseconds from now on in which the peer will have had `ms` to speak, as far as the clock is known. */
  timeLeft(ms: number): number {
    return this.reach.timeLeft(ms);
  }

  /** No frame is handed on until `release` was called as often. */
  private hold(): void {
    this.holds++;
    this.framer!.pause();
  }

  private release(): void {
    this.holds--;
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
    if (wanted === this.isReading) return;
    this.isReading = wanted;
    if (wanted) this.socket.resume();
    else this.socket.pause();
  }

  /** Frames wait until the peer has read what it already asked for. */
  private choke(): void {
    if (this.choked) return;
    this.choked = true;
    this.hold();
    this.adjustReading();
  }

  // --- Out --------------------------------------------------------------------------------------

  /** Bytes that were written and that the socket does not have yet. */
  private get unsent(): number {
    return this.bytes === null ? this.out.pending : this.out.pending + this.bytes.held;
  }

  /** False while the peer reads too slowly for more deliveries; `Session.drained` follows. */
  get writable(): boolean {
    if (this.unsent <= HIGH_WATER) return true;
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
    if (this.hooks.bytes !== null || (this.bytes !== null && this.bytes.waitsOut)) return this.examined().examineOut(bytes, HIGH_WATER);
    return this.socket.write(bytes);
  }

  private examined(): ByteHooks {
    return (this.bytes ??= new ByteHooks(this, this.socket, this.net.clock));
  }

  drained(): void {
    this.flush();
  }

  /** Sends what the socket takes; called once a tick after something was written, and on drain. */
  flush(): void {
    if (this.isClosed || this.isMute) return;
    this.out.flush();
    const pending = this.unsent;
    if (this.closing && pending === 0) return this.finish();
    if (pending > LOW_WATER) return;
    if (this.choked) {
      this.choked = false;
      this.release();
    }
    if (this.starved && !this.isClosed) {
      this.starved = false;
      this.session!.drained?.();
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
      if (this.unsent === 0) return this.finish();
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
    if (verdict.kind === "hang") this.reach.hang(verdict.ms);
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
    this.reach.end();
    this.framer?.close();
    this.out.clear();
    this.net.forget(this);
    const held = this.session?.closed(reason);
    if (this.hooks.observer !== null) this.hooks.observer.disconnected(this, lost);
    if (held instanceof Promise) void this.net.part(this.socket, held, end);
    else end();
  }
}
