import { heapStats } from "bun:jsc";
import { hashText, Random } from "../../src/hooks/random.ts";
import { garbage } from "./spoil.ts";
import type { Target } from "./target.ts";

export const SEED = Number(process.env.HAVOQ_TEST_SEED ?? 20260301);

export interface FloodOptions {
  /** How many malformed frames the broker has to refuse; what it takes is sent on top. */
  refusals: number;
  /** Refusals after which the memory is looked at for the first time. */
  warmUp: number;
  /** Hostile connections at a time. */
  crowd?: number;
}

/** What is left in memory when everything has come to rest and was collected. */
export interface Memory {
  objects: number;
  /** Bytes of all objects, without the buffers they hold. */
  heap: number;
  buffers: number;
  /** What the process has from the machine: also what it would use again. */
  rss: number;
}

export interface Report {
  /** Malformed frames that were sent. */
  frames: number;
  connections: number;
  /** Frames after which the broker closed the connection, or said that it will. */
  refused: number;
  /** Messages that the well-behaved client exchanged meanwhile. */
  messages: number;
  before: Memory;
  after: Memory;
  /** Lines that tell of an error of our own instead of the client's. */
  suspicious: string[];
}

/** After this many refusals the crowd leaves, and what it created goes with it. */
const BATCH = 5000;
const HOUR = 3_600_000;
const OWN_ERROR = /\b(Type|Range|Reference|Syntax|Encode|Assertion)Error\b|is not (a function|an object|iterable)|undefined/;

/** Sends malformed frames over many connections while the target's own client goes about its business. */
export async function flood(target: Target, { refusals, warmUp, crowd = 24 }: FloodOptions): Promise<Report> {
  const run = new Flood(target, crowd);
  while (run.refused < warmUp) await run.batch(Math.min(run.refused + BATCH, warmUp));
  const before = await run.rest();
  while (run.refused < refusals) await run.batch(Math.min(run.refused + BATCH, refusals));
  const after = await run.rest();
  const { frames, connections, refused, messages, suspicious } = run;
  return { frames, connections, refused, messages, before, after, suspicious };
}

class Flood {
  frames = 0;
  connections = 0;
  refused = 0;
  messages = 0;
  readonly suspicious: string[] = [];
  private readonly base = hashText(`fuzz ${SEED}`);

  constructor(
    private readonly target: Target,
    private readonly crowd: number,
  ) {}

  /** Attacks until that many frames were refused in all. */
  async batch(refusals: number): Promise<void> {
    let attacking = true;
    const attacks = Array.from({ length: this.crowd }, async () => {
      while (this.refused < refusals) await this.attack();
    });
    const beside = (async () => {
      while (attacking) await this.target.exchange(this.messages++);
    })();
    // A client beside that fails must be heard of at once.
    await Promise.race([Promise.all(attacks), beside]);
    attacking = false;
    await Promise.all([...attacks, beside]);
    await this.allGone();
    this.target.sweep();
    this.read();
  }

  /** One hostile connection, from its first word to its end. */
  private async attack(): Promise<void> {
    const { target } = this;
    const random = new Random(hashText(`${target.protocol} connection ${this.connections++}`, this.base), 0);
    const wire = await target.stage.open();
    const attacker = target.attacker(random);
    // Some never read what they are told.
    const deaf = random.chance(0.03);
    if (deaf) wire.window = random.int(0, 100);
    for (const bytes of attacker.greeting()) wire.send(bytes);
    await handled();
    let listening = true;
    let refused = false;
    for (let left = random.int(1, 30); left > 0 && listening; left--) {
      const answers = deaf ? [] : attacker.hear(wire.readNow());
      refused = answers === null || wire.closedBy !== null;
      if (refused) break;
      for (const bytes of answers!) wire.send(bytes);
      const { bytes, last = false } = attacker.shot();
      this.frames++;
      if (bytes.length > 1 && random.chance(0.1)) {
        const cut = random.int(1, bytes.length - 1);
        wire.send(bytes.subarray(0, cut));
        await handled();
        wire.send(bytes.subarray(cut));
      } else if (bytes.length > 0) wire.send(bytes);
      listening = !last;
      await handled();
    }
    if (refused || wire.closedBy !== null) this.refused++;
    // Half a frame, and nothing more: or the end, as a FIN or as a socket that broke.
    if (random.chance(0.2)) wire.send(garbage(random, random.int(1, 5)));
    if (random.chance(0.2)) await handled();
    wire.close(random.chance(0.3) ? new Error("reset by the peer") : undefined);
  }

  private async allGone(): Promise<void> {
    const { net, clock } = this.target.stage;
    for (let turn = 0; net.counts[this.target.protocol].active > this.target.connections; turn++) {
      if (turn === 5000) throw new Error(`${net.counts[this.target.protocol].active} connections are open, not ${this.target.connections}`);
      await (turn < 100 ? handled() : clock.sleep(1));
    }
  }

  private read(): void {
    for (const line of this.target.stage.lines.splice(0)) if (OWN_ERROR.test(line)) this.suspicious.push(line.slice(0, 500));
  }

  /** What was to end in time ends, what is garbage goes; the rest is measured. */
  async rest(): Promise<Memory> {
    await this.target.verify();
    await this.target.stage.clock.advance(HOUR);
    await handled();
    this.target.sweep();
    for (let i = 0; i < 3; i++) {
      await handled();
      Bun.gc(true);
    }
    const { objectCount, heapSize, extraMemorySize } = heapStats();
    return { objects: objectCount, heap: heapSize - extraMemorySize, buffers: extraMemorySize, rss: process.memoryUsage().rss };
  }
}

/** What was sent is handled, and what was answered is there. */
export function handled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
