import { Reader } from "../../../src/bytes/reader.ts";
import { readResponseHeader } from "../../../src/kafka/wire/api.ts";
import type { MemoryClient } from "../../../src/net/memory.ts";
import { type ApiName, apiNamed, TestClient } from "../../kafka/client.ts";
import { must } from "../ledger.ts";
import { PATIENCE, type Place } from "./actor.ts";

interface Asked {
  name: ApiName;
  version: number;
  since: number;
  then: (answer: any) => void;
}

/** A connection to one virtual broker, and the answers that are still to come over it. */
export class KafkaWire {
  node = 0;
  private wire: MemoryClient | null = null;
  private client: TestClient | null = null;
  private inbox: Buffer = Buffer.alloc(0);
  private readonly asked = new Map<number, Asked>();
  private latest = 0;

  constructor(
    private readonly place: Place,
    private readonly clientId: string,
  ) {}

  get isOpen(): boolean {
    return this.wire !== null;
  }
  get isBusy(): boolean {
    return this.asked.size > 0;
  }

  /** Connects to this broker, unless it is connected there; false: the broker is down. */
  to(node: number): boolean {
    if (this.wire !== null && this.node === node) return true;
    this.close();
    this.wire = this.place.dial("kafka", node);
    if (this.wire === null) return false;
    this.node = node;
    this.client = new TestClient(this.wire, this.clientId);
    return true;
  }

  /** Asks; `then` gets the answer, or null when none will come. */
  ask(name: ApiName, version: number, body: any, then: (answer: any) => void): void {
    const id = this.client!.send(name, body, version);
    this.asked.set(id, { name, version, since: this.place.now(), then });
  }

  /** Sends what is not answered. */
  tell(name: ApiName, version: number, body: any): void {
    this.client!.send(name, body, version);
  }

  hear(): void {
    const { wire } = this;
    if (wire === null) return;
    this.inbox = Buffer.concat([this.inbox, wire.readNow()]);
    wire.connection?.drained();
    while (this.wire === wire && this.inbox.length >= 4 && this.inbox.length >= 4 + this.inbox.readInt32BE(0)) {
      const end = 4 + this.inbox.readInt32BE(0);
      const frame = this.inbox.subarray(4, end) as Buffer;
      this.inbox = this.inbox.subarray(end) as Buffer;
      this.answer(frame);
    }
    if (this.wire !== wire) return;
    const first = this.asked.values().next().value;
    if (wire.closedBy !== null) this.lost();
    else if (first !== undefined && this.place.now() - first.since > PATIENCE) this.close(true);
  }

  private answer(frame: Buffer): void {
    const id = frame.readInt32BE(0);
    const asked = this.asked.get(id);
    must(asked !== undefined, () => `${this.clientId} got an answer to request ${id}, which it did not send or gave up`);
    must(id > this.latest, () => `${this.clientId} got the answer to request ${id} after that to ${this.latest}`);
    this.latest = id;
    this.asked.delete(id);
    const r = new Reader(frame);
    const api = apiNamed(asked.name);
    readResponseHeader(r, api, asked.version);
    asked.then(api.response.decode(asked.version, r));
  }

  /** Ends the connection from this side: as a FIN, or as a socket that broke. */
  close(broken = false): void {
    this.wire?.close(broken ? new Error("reset") : undefined);
    this.lost();
  }

  private lost(): void {
    this.wire = this.client = null;
    this.inbox = Buffer.alloc(0);
    this.latest = 0;
    const given = [...this.asked.values()];
    this.asked.clear();
    for (const { then } of given) then(null);
  }
}
