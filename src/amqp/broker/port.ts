import type { FrameLength } from "../../bytes/framer.ts";
import type { Timer } from "../../core/time.ts";
import type { Connection } from "../../net/connection.ts";
import type { CloseReason, Session } from "../../net/session.ts";
import { Patience } from "../../net/idle-timeout.ts";
import { AmqpConnection } from "../v091/connection.ts";
import { PROTOCOL_HEADER } from "../v091/frames.ts";
import { start } from "../v091/start.ts";
import type { BrokerState } from "./state.ts";

/** How long a client may take from the opening of its socket to that of its connection, in milliseconds. */
const HANDSHAKE_TIMEOUT = 10_000;
/** Every dialect begins with eight bytes: "AMQP", a protocol id, major, minor, revision. */
const HEADER_SIZE = 8;

interface Dialect {
  readonly header: Buffer;
  /** Makes the session, which cancels `handshake` when it is done, and sends its first bytes. */
  open(broker: BrokerState, connection: Connection, handshake: Timer): Session;
}

/** The dialects that answer on this port. */
const DIALECTS: readonly Dialect[] = [
  {
    header: PROTOCOL_HEADER,
    open(broker, connection, handshake) {
      const session = new AmqpConnection(broker, connection, handshake);
      start(session);
      return session;
    },
  },
];

/** A connection until its first eight bytes have said which dialect it speaks, and from then on in their name. */
export class Port implements Session {
  readonly frameLength: FrameLength = (_buf, pos, end) => (end - pos < HEADER_SIZE ? 0 : HEADER_SIZE);
  private session: Session | null = null;
  private readonly handshake: Timer;

  constructor(
    private readonly broker: BrokerState,
    private readonly connection: Connection,
  ) {
    this.handshake = new Patience(connection, broker.host.clock, HANDSHAKE_TIMEOUT, () => connection.abort(false));
  }

  frame(buf: Buffer, start: number, end: number): boolean | void {
    if (this.session !== null) return this.session.frame(buf, start, end);
    const dialect = DIALECTS.find(({ header }) => header.compare(buf, start, end) === 0);
    if (dialect === undefined) {
      // [AMQP 0-9-1, 4.2.2] "write a valid protocol header, and then close".
      this.connection.out.bytes(PROTOCOL_HEADER);
      return this.connection.close();
    }
    this.session = dialect.open(this.broker, this.connection, this.handshake);
    this.connection.reframe(this.session.frameLength);
  }

  failed(error: Error): void {
    this.session?.failed(error);
  }
  closed(reason: CloseReason): void | Promise<unknown> {
    this.handshake.cancel();
    return this.session?.closed(reason);
  }
  drained(): void {
    this.session?.drained?.();
  }
  goodbye(): void {
    this.session?.goodbye?.();
  }
}
