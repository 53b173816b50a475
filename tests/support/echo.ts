import { Framer } from "../../src/bytes/framer.ts";
import { AdvanceableClock } from "../../src/hooks/clock.ts";
import { operationStream, type Fact, type HookEvent } from "../../src/hooks/event.ts";
import { plainGuard } from "../../src/loader/guard.ts";
import { Journal } from "../../src/journal/journal.ts";
import type { ConnectionInfo, Plugin } from "../../src/hooks/plugin.ts";
import type { Replay } from "../../src/journal/replay.ts";
import { Seam, type Guard } from "../../src/hooks/seam.ts";
import type { Connection } from "../../src/net/connection.ts";
import type { CloseReason, Session } from "../../src/net/session.ts";
import { connectMemory, type MemoryClient } from "../../src/net/memory.ts";
import type { Server } from "../../src/net/net.ts";
import type { Pipeline } from "../../src/pipeline/pipeline.ts";
import { Pipelines } from "../../src/pipeline/pipelines.ts";

/** A toy protocol for tests of the seam and the net: frames are a length byte and text, the answer is the same frame. */
export class EchoServer implements Server {
  readonly protocol = "mqtt";
  maxConnections = 1000;
  readonly ended: CloseReason[] = [];
  readonly seen: string[] = [];
  drains = 0;
  constructor(private readonly pipeline: Pipeline) {}

  accept(connection: Connection): Session {
    connection.identify("toy", "");
    return {
      frameLength: (buf, pos, end) => (end === pos ? 0 : buf[pos]! + 1),
      frame: (buf, start, end) => this.frame(connection, buf.toString("latin1", start + 1, end)),
      failed: (error) => connection.out.utf8(`!${error.message}`),
      closed: (reason) => void this.ended.push(reason),
      drained: () => void this.drains++,
    };
  }

  private frame(connection: Connection, text: string): void {
    if (text === "boom") throw new Error("boom");
    const event = new EchoEvent(connection, "ECHO", text);
    const decision = this.pipeline.requests(connection, "ECHO")?.decide(event) ?? null;
    if (decision instanceof Promise)
      connection.holdInput(decision.then((final) => final === null && this.carryOut(connection, event.text)));
    else if (decision === null) this.carryOut(connection, event.text);
    else if (decision.kind === "close") this.pipeline.end(connection, decision);
  }

  private carryOut(connection: Connection, text: string): void {
    this.seen.push(text);
    const event = new EchoEvent(connection, "ECHO", text);
    const decision = this.pipeline.responses(connection, "ECHO")?.decide(event) ?? null;
    connection.inOrder(decision, (final) => {
      if (final?.kind === "close") return this.pipeline.end(connection, final);
      if (final !== null) return;
      connection.out.u8(event.text.length);
      connection.out.utf8(event.text);
    });
  }
}

class EchoEvent implements HookEvent {
  readonly protocol = "mqtt";
  constructor(
    readonly connection: ConnectionInfo,
    readonly name: string,
    public text: string,
  ) {}
  get stream(): string {
    return operationStream(this.connection, this.name);
  }
  fact(name: string): Fact {
    return name === "topic" ? this.text : undefined;
  }
  change(changes: { text?: string }): void {
    if (typeof changes.text !== "string") throw new TypeError("text is missing");
    this.text = changes.text;
  }
}

/** A house with the toy protocol in it. Its clock stands still but for `advance`, unless another is given. */
export function echoHouse(options: { seed?: number; replay?: Replay; guard?: Guard; clock?: AdvanceableClock } = {}) {
  const seed = options.seed ?? 1;
  const clock = options.clock ?? new AdvanceableClock(Date.now());
  const journal = new Journal("test", seed, () => clock.now());
  const printed: string[] = [];
  const seam = new Seam({
    seed,
    clock,
    journal,
    guard: options.guard ?? plainGuard,
    print: (line) => void printed.push(line),
    ...(options.replay === undefined ? {} : { replay: options.replay }),
  });
  const pipelines = new Pipelines(seam);
  const net = pipelines.net();
  const server = new EchoServer(pipelines.of("mqtt"));
  return {
    clock,
    journal,
    seam,
    net,
    server,
    printed,
    plug: (plugin: Plugin, name = "p") => seam.install([{ name, file: "", plugin }]),
    connect: () => new EchoClient(connectMemory(server, net)),
  };
}

export class EchoClient {
  private readonly got: string[] = [];
  private readonly framer = new Framer(
    (buf, pos, end) => (end === pos ? 0 : buf[pos]! + 1),
    (buf, start, end) => void this.got.push(buf.toString("latin1", start + 1, end)),
  );
  constructor(readonly wire: MemoryClient) {}

  send(...texts: string[]): void {
    this.wire.send(Buffer.concat(texts.map((text) => Buffer.from([text.length, ...Buffer.from(text)]))));
  }

  /** The next `count` answers; fewer when the connection is closed meanwhile. */
  async take(count: number): Promise<string[]> {
    while (this.got.length < count) {
      const chunk = await this.wire.read();
      if (chunk.length === 0) break;
      this.framer.push(chunk);
    }
    return this.got.splice(0, count);
  }
}
