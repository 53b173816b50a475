import { EMPTY } from "../../../bytes/writer.ts";
import type { Clock } from "../../../core/time.ts";
import { type Peer, PeerDeadline } from "./peer.ts";

export interface GroupProtocol {
  readonly name: string;
  readonly metadata: Buffer;
}

/** What a client says of itself when it joins. */
export interface Joining {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly peer: Peer;
  readonly clientId: string;
  readonly clientHost: string;
  readonly sessionTimeout: number;
  readonly rebalanceTimeout: number;
  readonly protocolType: string;
  readonly protocols: readonly GroupProtocol[];
  /** It has to come back with the member id it is given (KIP-394). */
  readonly idFirst: boolean;
  /** It can be told to skip the assignment although it leads (KIP-814). */
  readonly canSkipAssignment: boolean;
}

export interface Joined {
  readonly error: number;
  readonly memberId: string;
  readonly generation: number;
  readonly protocolType: string | null;
  readonly protocol: string | null;
  readonly leader: string;
  readonly skipAssignment: boolean;
  /** For the leader: who is to be assigned. */
  readonly members: readonly { memberId: string; groupInstanceId: string | null; metadata: Buffer }[];
}

export interface Synced {
  readonly error: number;
  readonly protocolType: string | null;
  readonly protocol: string | null;
  readonly assignment: Buffer;
}

/** One member of a group, and what it waits for. */
export class Member {
  instanceId: string | null;
  clientId!: string;
  clientHost!: string;
  sessionTimeout!: number;
  rebalanceTimeout!: number;
  protocols!: readonly GroupProtocol[];
  assignment: Buffer = EMPTY;
  /** Answers the JoinGroup that waits for the others. */
  joining: ((joined: Joined) => void) | null = null;
  /** Answers the SyncGroup that waits for the leader. */
  syncing: ((synced: Synced) => void) | null = null;
  /** It has not been through a rebalance. */
  isNew = true;
  /** The end of its session, put off by every sign of life. */
  readonly session: PeerDeadline;

  constructor(
    public id: string,
    joining: Joining,
    clock: Clock,
    expired: (member: Member) => void,
  ) {
    this.instanceId = joining.instanceId;
    this.session = new PeerDeadline(clock, joining.peer, () => expired(this));
    this.update(joining);
  }

  update(joining: Joining): void {
    this.session.peer = joining.peer;
    this.clientId = joining.clientId;
    this.clientHost = joining.clientHost;
    this.sessionTimeout = joining.sessionTimeout;
    this.rebalanceTimeout = joining.rebalanceTimeout;
    this.protocols = joining.protocols;
  }

  metadata(protocol: string): Buffer {
    return this.protocols.find(({ name }) => name === protocol)?.metadata ?? EMPTY;
  }

  /** Do these protocols say what it said before? */
  matches(protocols: readonly GroupProtocol[]): boolean {
    return (
      protocols.length === this.protocols.length &&
      protocols.every((p, i) => p.name === this.protocols[i]!.name && p.metadata.equals(this.protocols[i]!.metadata))
    );
  }

  /** The connection it was heard on last. */
  get peer(): Peer {
    return this.session.peer;
  }

  alive(): void {
    this.session.set(this.sessionTimeout);
  }

  answerJoin(joined: Joined): void {
    const answer = this.joining;
    this.joining = null;
    answer?.(joined);
  }

  answerSync(synced: Synced): void {
    const answer = this.syncing;
    this.syncing = null;
    answer?.(synced);
  }
}
