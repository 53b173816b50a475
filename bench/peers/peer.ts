/** A running server that a load generator can be pointed at; disposing of it stops it. */
export interface Peer extends AsyncDisposable {
  readonly name: string;
  readonly version: string;
  readonly port: number;
  /** The process that does the work: its CPU time is reported. */
  readonly pid: number;
}

/** A server that cannot be started here, with what to do about it. The bench says so and goes on. */
export class NotInstalled extends Error {}

export function findOrSkip(command: string, hint: string): string {
  // Debian keeps daemons in sbin, which is often not on a user's PATH.
  const found = Bun.which(command, { PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin` });
  if (found === null) throw new NotInstalled(`${command} is not installed (${hint})`);
  return found;
}
