import { object, optional, size } from "../../core/shape.ts";
import { replace, type Chunk } from "../../hooks/plugin.ts";
import type { Fault } from "../rule.ts";

/** Pieces in a second, so that a slow line trickles rather than bursts. */
const PIECES = 20;

/** So many bytes a second and no more, for each connection and each direction by itself. */
const bandwidth: Fault<{ rate: number }> = {
  name: "bandwidth",
  summary: "{ rate: 64KiB } a second per connection and direction",
  options: object({ rate: optional(size, 64 * 1024) }, ({ rate }, flaw) => {
    if (rate < 1) flaw(["rate"], "at least 1 byte a second");
  }),
  plugin({ rate }) {
    const piece = Math.ceil(rate / PIECES);
    const time = (bytes: number): number => Math.ceil((bytes * 1000) / rate);
    return {
      bytes: ({ data }: Chunk) =>
        replace({ size: piece, wait: time(Math.min(piece, data.length)), pause: time(piece) }, `bandwidth: ${data.length} bytes`),
    };
  },
};

export default bandwidth;
