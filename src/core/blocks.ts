import { giveLarge, takeLarge } from "../bytes/spare.ts";

/** Memory that entries of logs lie in, one after the other. */
export interface Block {
  readonly bytes: Buffer;
  used: number;
  /** Entries in it that are still kept, and the log that fills it. */
  users: number;
  /** Its bytes were handed out: nobody knows who still reads them, so only the collector frees them. */
  lent: boolean;
}

/** A log that begins needs little; one that grows gets larger blocks. */
const FIRST = 1024;
const MOST = 256 * 1024;

/** @param n bytes it must hold @param last size of the block before it */
export function takeBlock(n: number, last: number): Block {
  const size = Math.max(n, Math.min(MOST, Math.max(FIRST, last * 2)));
  return { bytes: size >= MOST ? takeLarge(size) : Buffer.allocUnsafeSlow(size), used: 0, users: 0, lent: false };
}

/** Nobody uses it any more. */
export function giveBack({ bytes, lent }: Block): void {
  if (!lent) giveLarge(bytes.buffer);
}
