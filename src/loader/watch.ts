import { statSync, watch, type FSWatcher } from "node:fs";
import { join } from "node:path";
import type { Clock, Timer } from "../core/time.ts";

/** Editors save in several steps: what they touch within this many milliseconds is one change. */
const SETTLE = 60;
/** How often a folder that is gone is looked for, in milliseconds. */
const RETURN = 1_000;

/**
 * Tells which files changed in a set of folders. Folders are watched, not files: an editor that
 * writes a new file and renames it over the old one is seen too. A path that was touched is a file or,
 * where the system does not say which, its folder.
 */
export class Watcher {
  private readonly watched = new Map<string, { watcher: FSWatcher; inode: number }>();
  private wanted: ReadonlySet<string> = new Set();
  private readonly missing = new Set<string>();
  private changed = new Set<string>();
  private timer: Timer | null = null;
  private patrol: Timer | null = null;

  constructor(
    private readonly clock: Clock,
    private readonly onChange: (changed: ReadonlySet<string>) => void,
  ) {}

  /** Watches these folders and no others. */
  watch(folders: ReadonlySet<string>): void {
    this.wanted = folders;
    for (const folder of [...this.watched.keys()]) if (!folders.has(folder)) this.unwatch(folder);
    for (const folder of [...this.missing]) if (!folders.has(folder)) this.missing.delete(folder);
    for (const folder of folders) {
      const inode = statSync(folder, { throwIfNoEntry: false })?.ino ?? null;
      if (inode !== null && this.watched.get(folder)?.inode === inode) continue;
      this.unwatch(folder);
      if (inode === null || !this.start(folder, inode)) this.missing.add(folder);
      else if (this.missing.delete(folder)) this.touched(folder);
    }
    this.patrol?.cancel();
    this.patrol = this.missing.size === 0 ? null : this.clock.after(RETURN, () => this.watch(this.wanted));
  }

  close(): void {
    this.timer?.cancel();
    this.timer = null;
    this.watch(new Set());
  }

  private start(folder: string, inode: number): boolean {
    try {
      const watcher = watch(folder, (_event, name) => this.touched(name === null ? folder : join(folder, name)));
      watcher.on("error", () => this.unwatch(folder));
      this.watched.set(folder, { watcher, inode });
      return true;
    } catch {
      return false; // it went between the look and the watch, or the system has no watches left
    }
  }

  private unwatch(folder: string): void {
    this.watched.get(folder)?.watcher.close();
    this.watched.delete(folder);
  }

  private touched(path: string): void {
    this.changed.add(path);
    this.timer?.cancel();
    this.timer = this.clock.after(SETTLE, () => {
      this.timer = null;
      const changed = this.changed;
      this.changed = new Set();
      this.onChange(changed);
      // A folder that was replaced by another of its name needs a new watch.
      this.watch(this.wanted);
    });
  }
}
