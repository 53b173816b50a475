import { matchesConnection } from "../hooks/match.ts";
import type { Protocol } from "../hooks/plugin.ts";
import type { Seam } from "../hooks/seam.ts";
import { Net } from "../net/net.ts";
import { Pipeline } from "./pipeline.ts";

/** The pipelines of one process, one for each protocol. */
export class Pipelines {
  private readonly made = new Map<Protocol, Pipeline>();

  constructor(private readonly seam: Seam) {}

  of(protocol: Protocol): Pipeline {
    let pipeline = this.made.get(protocol);
    if (pipeline === undefined) this.made.set(protocol, (pipeline = new Pipeline(this.seam[protocol])));
    return pipeline;
  }

  /** The network whose connections stand in these pipelines. @param report takes a line about a connection that failed */
  net(report?: (line: string) => void): Net {
    return new Net({
      clock: this.seam.clock,
      stages: (protocol) => this.of(protocol),
      matches: matchesConnection,
      ...(report === undefined ? {} : { report }),
    });
  }
}
