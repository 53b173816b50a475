import { AdvanceableClock } from "../../src/hooks/clock.ts";
import { plainGuard } from "../../src/loader/guard.ts";
import { Journal } from "../../src/journal/journal.ts";
import type { Outgoing, Plugin, Protocol } from "../../src/hooks/plugin.ts";
import { hashRule, Random } from "../../src/hooks/random.ts";
import type { Replay } from "../../src/journal/replay.ts";
import { Seam } from "../../src/hooks/seam.ts";
import type { Net } from "../../src/net/net.ts";
import { type Host, hostOf } from "../../src/pipeline/host.ts";
import { Pipelines } from "../../src/pipeline/pipelines.ts";

/**
 * A house without listeners, for protocols in memory: seam and net are real. The clock stands still but for
 * `advance`, unless another is given.
 */
export class MemoryHouse {
  readonly journal: Journal;
  readonly seam: Seam;
  readonly pipelines: Pipelines;
  readonly net: Net;
  /** What was printed and reported, line by line. */
  readonly lines: string[] = [];
  /** What `host.publish` was given, unless `publish` is replaced. */
  readonly published: Outgoing[] = [];
  publish: (message: Outgoing) => void = (message) => void this.published.push(message);

  constructor(
    readonly seed = 1,
    replay: Replay | null = null,
    readonly clock = new AdvanceableClock(Date.now()),
  ) {
    this.journal = new Journal("test", seed, () => this.clock.now());
    const print = (line: string): void => void this.lines.push(line);
    this.seam = new Seam({
      seed,
      clock: this.clock,
      journal: this.journal,
      guard: plainGuard,
      print,
      ...(replay === null ? {} : { replay }),
    });
    this.pipelines = new Pipelines(this.seam);
    this.net = this.pipelines.net(print);
  }

  host(protocol: Protocol): Host {
    return hostOf(this.pipelines.of(protocol), {
      clock: this.clock,
      net: this.net,
      publish: (message) => {
        try {
          this.publish(message);
        } catch (error) {
          this.lines.push(String(error));
        }
      },
      random: (stream) => new Random(hashRule(this.seed, stream), 0),
      print: (line) => void this.lines.push(line),
    });
  }

  /** Puts one plugin in the place of all there were. */
  install(plugin: Plugin): void {
    this.seam.install([{ name: "test", file: "", plugin }]);
  }
}

/** Lets everything that is under way in this process come to rest: microtasks, and the flush at the end of each tick. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}
