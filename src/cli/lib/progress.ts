import bars from "cli-progress";

export interface Progress {
  /** `by` steps are done; `text` tells what is going on now. */
  step(by?: number, text?: string): void;
  /** The work turned out to be longer or shorter. */
  resize(total: number): void;
  /** Takes the bar away. */
  stop(): void;
}

const NONE: Progress = { step() {}, resize() {}, stop() {} };

/** A progress bar on standard error where that is a terminal; elsewhere nothing. */
export function progress(total: number, label: string): Progress {
  if (!process.stderr.isTTY) return NONE;
  const bar = new bars.SingleBar(
    {
      format: `${label} {bar} {value}/{total}  {text}`,
      stream: process.stderr,
      clearOnComplete: true,
      hideCursor: true,
      stopOnComplete: false,
    },
    bars.Presets.shades_classic,
  );
  bar.start(total, 0, { text: "" });
  return {
    step: (by = 1, text) => bar.increment(by, text === undefined ? {} : { text }),
    resize: (size) => bar.setTotal(size),
    stop: () => bar.stop(),
  };
}
