import type { Clock, Timer } from "../core/time.ts";
import type { HookEvent } from "./event.ts";
import type { At, Broker, ConnectionFilter, ConnectionInfo, Counters } from "./plugin.ts";
import type { Random } from "./random.ts";
import type { InstalledHook, PluginRecord, Seam } from "./seam.ts";

/** What one call of one hook gets as `at`. Made anew for each call; everything in it is made when first asked for. */
export class HookAt implements At {
  private draws: Random | null = null;
  private time: Clock | null = null;
  /** Set while the hook's answer is awaited: answers in its place. */
  abandon: ((error: unknown) => void) | null = null;

  constructor(
    private readonly seam: Seam,
    private readonly hook: InstalledHook,
    private readonly event: HookEvent,
    readonly ordinal: number,
  ) {}

  get random(): Random {
    return (this.draws ??= this.hook.streams.random(this.event.stream, this.ordinal));
  }
  get clock(): Clock {
    return (this.time ??= new HookClock(this.seam, this.hook, this));
  }
  get connection(): ConnectionInfo | null {
    return this.event.connection;
  }
  get stream(): string {
    return this.event.stream;
  }
  get seed(): number {
    return this.seam.seed;
  }
  get state(): Map<string, any> {
    return this.hook.plugin.state;
  }
  get counters(): Counters {
    return new PluginCounters(this.hook.plugin);
  }
  get broker(): Broker {
    return journaled(this.seam, this.hook, this, this.event, this.ordinal);
  }
  log(...words: unknown[]): void {
    this.seam.log(this.hook.plugin, words);
  }
}

/** The clock of the broker; what runs when the time has come is guarded as the hook itself is. */
class HookClock implements Clock {
  constructor(
    private readonly seam: Seam,
    private readonly hook: InstalledHook,
    private readonly at: HookAt,
  ) {}
  now(): number {
    return this.seam.clock.now();
  }
  after(ms: number, run: () => void): Timer {
    return this.seam.clock.after(ms, () => this.seam.resume(this.hook, this.at, run));
  }
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }
}

class PluginCounters implements Counters {
  constructor(private readonly plugin: PluginRecord) {}
  add(name: string, by = 1): number {
    const value = this.get(name) + by;
    this.plugin.counts.set(name, value);
    return value;
  }
  get(name: string): number {
    return this.plugin.counts.get(name) ?? 0;
  }
}

/** The control surface as a hook sees it: what changes something is written to the journal first. */
function journaled(seam: Seam, hook: InstalledHook, at: HookAt, event: HookEvent, ordinal: number): Broker {
  const { control } = seam;
  if (control === null) throw new Error("the brokers are not up yet");
  /** What follows the plugin's `await` of this is guarded. */
  const resumed = (promise: Promise<unknown>): Promise<unknown> =>
    new Promise((resolve, reject) => {
      promise.then(
        (value) => seam.resume(hook, at, () => resolve(value)),
        (error) => seam.resume(hook, at, () => reject(error)),
      );
    });
  const surface: Record<string, unknown> = {
    connections: (filter?: ConnectionFilter) => control.connections(filter),
    brokers: () => control.brokers(),
    topics: () => control.topics(),
    groups: () => control.groups(),
    waitFor: (state: () => boolean, timeout?: number) => resumed(control.waitFor(() => seam.check(hook, at, state), timeout)),
  };
  for (const action of control.actions) {
    surface[action] = (...given: unknown[]) => {
      const args = control.read(action, given);
      seam.acted(hook, event, ordinal, action, args);
      const done = (control as unknown as Record<string, (...args: unknown[]) => unknown>)[action]!(...args);
      return done instanceof Promise ? resumed(done) : done;
    };
  }
  return surface as unknown as Broker;
}
