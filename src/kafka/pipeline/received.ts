/**
 * The bytes of one request, `buf[start, end)`, its size counted. Whoever goes on looking at them after
 * the request was answered says so here: only bytes that nobody keeps are used again for what comes next.
 */
export class Received {
  /** Somebody keeps views of them: the log, whoever saw the request or its records, or another broker's socket. */
  isKept = false;
  /** More than one batch lies in them: who keeps one keeps the others with it. */
  isShared = false;
  /** The request's body as they say it: one that a hook changed is another object. */
  body: any = null;

  constructor(
    readonly buf: Buffer,
    readonly start: number,
    readonly end: number,
  ) {}

  keep(): void {
    this.isKept = true;
  }
}
