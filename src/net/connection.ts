import { Framer, type FrameLength } from "../bytes/framer.ts";
import { OutBuffer } from "../bytes/out-buffer.ts";
import type { ConnectionInfo, Protocol } from "./connection-info.ts";
import { flushSoon } from "./flush.ts";
import { IdleTimeout } from "./idle-timeout.ts";
import { Interruption } from "./interruption.ts";
import type { Net } from "./net.ts";
import type { CloseReason, Session } from "./session.ts";
import type { ByteStage, ConnectionStages } from "./stages.ts";
import { BLOCKED } from "./stops.ts";
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
  /** What stops its input or output: blocked, hanging, paused, partitioned. */
  readonly interruption: Interruption;
  readonly transport: Transport["kind"];
  readonly remote: string;
  user = "";
  ordinal = 0;
  clientId = "";
  /** True once nothing can be sent or received any more. */
  isClosed = false;
  /** Chunks are taken from the socket. */
  isReading = true;

  private readonly stages: ConnectionStages;
  private session: Session | null = null;
  private framer: Framer | null = null;
  /** Reasons for which no frame is handed on now. */
  private holds = 0;
  /** No frame is handed on because the peer does not read its answers. */
  private backpressured = false;
  /** Deliveries were refused because the peer does not read them. */
  private deliveriesRefused = false;
  /** Stopped by `interruption`: no frame is handed on; nothing is written. */
  private inputStopped = false;
  private outputStopped = false;
  /** Stopped by `interruption`: nothing is read from the socket either. */
  private socketStopped = false;
  /** The last of the outputs that wait for their turn; null: output goes straight out. */
  private tail: Promise<void> | null = null;
  /** The stage for its bytes; null as long as nobody looked at them. */
  private bytes: ByteStage | null = null;
  /** A close was asked for: nothing that comes is handled any more. */
  private ending = false;
  /** Everything but the last bytes is out. */
  private closing = false;
  private linger: IdleTimeout | null = null;

  constructor(
    private readonly net: Net,
    private readonly socket: Transport,
    readonly id: number,
    readonly protocol: Protocol,
    /** Which of the protocol's listeners accepted it. */
    readonly listener: string,
    readonly broker: number | undefined,
  ) {
    this.stages = net.stages(protocol);
    this.transport = socket.kind;
    this.remote = socket.remote;
    this.interruption = new Interruption(this, net);
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
      if (this.out.pending > HIGH_WATER) this.pushBack();
      return free;
    });
  }

  /** The client said who it is: counts its connections, which the streams are keyed by. */
  identify(clientId: string, user: string): void {
    this.clientId = clientId;
    this.user = user;
    this.ordinal = this.net.countClient(this);
    this.stages.identified(this);
  }

  /** The client proved, later than its name, which user it is. */
  loggedIn(user: string): void {
    this.user = user;
    this.stages.identified(this);
  }

  /** A change of framing within the stream. */
  reframe(length: FrameLength): void {
    this.framer!.reframe(length);
  }

  // --- In ---------------------------------------------------------------------------------------

  receive(chunk: Buffer): void {
    if (this.isClosed) return;
    if (this.stages.seesBytes || (this.bytes !== null && this.bytes.waitsIn)) this.byteStage().in(chunk);
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

  // --- What stops it ----------------------------------------------------------------------------

  /** Stops input and output until `unblock`, without closing anything. */
  block(): void {
    this.interruption.add(BLOCKED);
  }
  unblock(): void {
    this.interruption.remove(BLOCKED);
  }

  /**
   * Neither handles nor writes anything until `unblock`, or until it is reset after `ms` milliseconds; but notices
   * when the peer closes.
   */
  hang(ms?: number): void {
    this.interruption.hang(ms);
  }

  /** Settles once no partition separates the client, which has said who it is, from the broker; null: none does. */
  reachable(): Promise<void> | null {
    return this.interruption.reachable();
  }

  /**
   * For `interruption`: with `input` no frame is handed on, with `output` nothing is written, with `socket` the
   * socket is not read from.
   */
  setStopped(input: boolean, output: boolean, socket: boolean): void {
    const startsOutput = this.outputStopped && !output;
    const startsInput = this.inputStopped && !input;
    if (input && !this.inputStopped) this.hold();
    this.inputStopped = input;
    this.outputStopped = output;
    this.socketStopped = socket;
    if (startsInput) this.release();
    this.adjustReading();
    if (startsOutput) this.flush();
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

  /** True while frames that may have come are not handed on, so that the peer's silence means nothing. */
  get isHeld(): boolean {
    return this.holds > (this.inputStopped && !this.interruption.brokerPaused ? 1 : 0);
  }

  /**
   * Milliseconds of the clock since `since` in which the peer could have sent something. Time that
   * `advance` jumped over counts only for a peer that is blocked, partitioned or gone, or that runs in
   * this process, by this clock.
   */
  silentFor(since: number): number {
    return this.interruption.silentFor(since);
  }

  /** After so many milliseconds from now the peer will have had `ms` in which it could send something, as far as is known of the clock. */
  timeLeft(ms: number): number {
    return this.interruption.timeLeft(ms);
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
    const wanted = !this.socketStopped && (this.holds === 0 || buffered < INPUT_MOST);
    if (wanted === this.isReading) return;
    this.isReading = wanted;
    if (wanted) this.socket.resume();
    else this.socket.pause();
  }

  /** Backpressure: frames wait until the peer has read what it already asked for. */
  private pushBack(): void {
    if (this.backpressured) return;
    this.backpressured = true;
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
    this.deliveriesRefused = true;
    return false;
  }

  /** True while outputs wait for their turn: whatever comes now has to go through `inOrder`. */
  get waiting(): boolean {
    return this.tail !== null;
  }

  /**
   * Calls `write` once all that was to go out before it is out, and what it waits for itself has settled.
   * While nothing is pending in this direction it is called at once.
   */
  inOrder<T>(pending: T | Promise<T>, write: (settled: T) => void): void {
    if (this.isClosed) return;
    if (this.tail === null && !(pending instanceof Promise)) return write(pending);
    const turn: Promise<void> = (this.tail ?? Promise.resolve())
      .then(() => pending)
      .then((settled) => {
        if (!this.isClosed) write(settled);
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
    if (this.outputStopped) return 0;
    if (this.stages.seesBytes || (this.bytes !== null && this.bytes.waitsOut)) return this.byteStage().out(bytes, HIGH_WATER);
    return this.socket.write(bytes);
  }

  private byteStage(): ByteStage {
    return (this.bytes ??= this.stages.bytes(this, this.socket, this.net.clock));
  }

  drained(): void {
    this.flush();
  }

  /** Sends what the socket takes; called once a tick after something was written, and on drain. */
  flush(): void {
    if (this.isClosed || this.outputStopped) return;
    this.out.flush();
    const pending = this.unsent;
    if (this.closing && pending === 0) return this.finish();
    if (pending > LOW_WATER) return;
    if (this.backpressured) {
      this.backpressured = false;
      this.release();
    }
    if (this.deliveriesRefused && !this.isClosed) {
      this.deliveriesRefused = false;
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
      this.linger = new IdleTimeout(this, this.net.clock, LINGER, () => this.abort(true));
    });
  }

  /** Closes because the broker shuts down. */
  shutDown(): void {
    if (this.isClosed || this.ending) return;
    this.session?.goodbye?.();
    this.close();
  }

  /** Closes at once, unsent bytes are lost: FIN, or RST with `reset`. */
  abort(reset: boolean): void {
    if (!this.isClosed) this.end("broker", true, () => (reset ? this.socket.reset() : this.socket.end()));
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
    if (!this.isClosed) this.end("client", false, () => this.socket.end());
  }

  gone(error?: Error): void {
    if (!this.isClosed) this.end(error === undefined ? "client" : "error", error !== undefined, () => undefined);
  }

  private finish(): void {
    this.end("broker", false, () => this.socket.end());
  }

  /** @param lost it broke or was cut: neither side closed it in the protocol's terms */
  private end(reason: CloseReason, lost: boolean, end: () => void): void {
    this.isClosed = true;
    this.linger?.cancel();
    this.interruption.end();
    this.framer?.close();
    this.out.clear();
    this.net.forget(this);
    const held = this.session?.closed(reason);
    this.stages.ended(this, lost);
    if (held instanceof Promise) void this.net.keepOpen(this.socket, held, end);
    else end();
  }
}
