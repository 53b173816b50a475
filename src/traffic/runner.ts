import { Cron } from "croner";
import type { Clock, Timer } from "../core/time.ts";
import type { Sent } from "../pipeline/inject.ts";
import type { Outgoing, Protocol } from "../hooks/plugin.ts";
import { hashRule, hashText, Random, type Hash } from "../hooks/random.ts";
import type { Flow, Reaction, Script } from "./model.ts";
import type { Heard } from "./ports.ts";
import type { HeardMessage, Scene } from "./template/scene.ts";

/** What runners need of the house. */
export interface Stage {
  readonly clock: Clock;
  readonly seed: number;
  send(protocol: Protocol, messages: readonly Outgoing[], unheard: boolean): Sent | Promise<Sent>;
  print(line: string): void;
}

/** What came of a flow or a reaction. */
export class Counts {
  sent = 0;
  refused = 0;
  /** Why the last was refused, or could not be made. */
  error: string | null = null;
}

/** Between two batches: several thousand messages a second would else cost a timer each. */
const TICK = 5;
/** Messages in one batch, so that a long pause is caught up in steps. */
const BATCH_MOST = 2_000;

/** One time that a script is played. */
interface Turn {
  /** Counts from 0. */
  readonly n: number;
  /** What tells it apart from others of the same number; "" where the number is enough. */
  readonly stream: string;
  /** What `seq` begins with; the number where there is only one stream. */
  readonly seq: number;
  readonly state: Record<string, unknown>;
  readonly heard: Heard | null;
}

/** Plays scripts: makes their messages from draws keyed by who plays and how often it did. */
class Player {
  readonly counts = new Counts();
  private readonly key: Hash;
  private readonly timers = new Set<Timer>();

  constructor(
    readonly id: string,
    private readonly script: Script,
    private readonly unheard: boolean,
    protected readonly stage: Stage,
  ) {
    this.key = hashRule(stage.seed, `fixture ${id}`);
  }

  scene({ n, stream, seq, state, heard }: Turn, random = stream === "" ? new Random(this.key, n) : this.random(stream, n)): Scene {
    const message: HeardMessage | null = heard?.message ?? null;
    return {
      random,
      now: this.stage.clock.now(),
      seq: seq + 1,
      state,
      message,
      topic: heard?.topic ?? "",
      captures: heard?.captures ?? [],
      fields: {},
    };
  }

  /** The `n`-th stream of draws for a purpose. */
  random(purpose: string, n: number): Random {
    return new Random(hashText(purpose, this.key), n);
  }

  private drawsFor(purpose: string, { stream, n }: Turn): Random {
    return this.random(stream === "" ? purpose : `${stream} ${purpose}`, n);
  }

  /** Takes a turn: what is sent at once goes into the list, what comes later is sent when its time has come. */
  turn(turn: Turn, into: Outgoing[]): void {
    const { script } = this;
    switch (script.kind) {
      case "messages": {
        if (script.probability < 1 && !this.drawsFor("chance", turn).chance(script.probability)) return;
        const scene = this.scene(turn);
        for (const message of script.messages) into.push(message.make(scene));
        if (script.set !== null) Object.assign(turn.state, script.set.value(scene));
        return;
      }
      case "scenarios":
        return this.scenario(script, turn, into);
      case "machine":
        return this.machine(script, turn, into);
    }
  }

  private scenario({ scenarios }: Script & { kind: "scenarios" }, turn: Turn, into: Outgoing[]): void {
    const { state } = turn;
    const choice = this.drawsFor("choice", turn);
    let left = choice.next() * scenarios.reduce((sum, { weight }) => sum + weight, 0);
    const { name, steps } = scenarios.find(({ weight }) => (left -= weight) < 0) ?? scenarios.at(-1)!;
    state.scenario = name;
    state.id ??= idOf(choice);
    const play = (i: number, now: Outgoing[] | null): void => {
      for (; i < steps.length; i++) {
        const step = steps[i]!;
        const random = this.drawsFor(`step ${i}`, turn);
        const wait = random.float(...step.delay);
        const act = (to: Outgoing[]): void => {
          state.step = i + 1;
          const scene = this.scene(turn, random);
          to.push(step.message.make(scene));
          if (step.set !== null) Object.assign(state, step.set.value(scene));
        };
        if (wait > 0 || now === null) {
          this.later(wait, act, () => play(i + 1, null));
          return;
        }
        act(now);
      }
    };
    play(0, into);
  }

  private machine({ initial, states }: Script & { kind: "machine" }, turn: Turn, into: Outgoing[]): void {
    const { state } = turn;
    const random = this.drawsFor("path", turn);
    state.id ??= idOf(random);
    state.previous = null;
    let step = 0;
    const enter = (name: string, to: Outgoing[]): void => {
      const { message, set, delay, next } = states.get(name)!;
      state.name = name;
      state.step = ++step;
      const scene = this.scene(turn, this.drawsFor(`state ${step}`, turn));
      to.push(message.make(scene));
      if (set !== null) Object.assign(state, set.value(scene));
      let left = random.next();
      const chosen = next.find(({ probability }) => (left -= probability) < 0);
      if (chosen === undefined) return;
      this.later(random.float(...delay), (out) => {
        state.previous = name;
        enter(chosen.name, out);
      });
    };
    enter(initial, into);
  }

  /** Does something once `ms` have passed, and sends what it makes. */
  later(ms: number, make: (into: Outgoing[]) => void, then: () => void = () => undefined): void {
    const timer = this.stage.clock.after(ms, () => {
      this.timers.delete(timer);
      const made: Outgoing[] = [];
      if (!this.attempt(() => make(made))) return;
      void this.send(made);
      then();
    });
    this.timers.add(timer);
  }

  /** What was to come later does not come any more. */
  forget(): void {
    for (const timer of this.timers) timer.cancel();
    this.timers.clear();
  }

  /** False: a template could not be worked out. */
  attempt(make: () => void): boolean {
    try {
      make();
      return true;
    } catch (error) {
      this.counts.refused++;
      this.complain((error as Error).message);
      return false;
    }
  }

  send(messages: readonly Outgoing[]): void | Promise<void> {
    if (messages.length === 0) return;
    // Most go all to one broker; a story may go to several.
    const { protocol } = messages[0]!;
    const same = messages.every((message) => message.protocol === protocol);
    const groups = same ? [messages] : messages.map((message) => [message]);
    let wait: Promise<void> | null = null;
    for (const group of groups) {
      if (wait !== null) wait = wait.then(() => this.give(group));
      else wait = this.give(group) ?? null;
    }
    return wait ?? undefined;
  }

  /** Hands messages to their broker. What cannot even be written down is refused, and the next batch goes on. */
  private give(messages: readonly Outgoing[]): void | Promise<void> {
    const failed = (error: unknown): void => {
      this.counts.refused += messages.length;
      this.complain((error as Error).message);
    };
    try {
      const sent = this.stage.send(messages[0]!.protocol, messages, this.unheard);
      return sent instanceof Promise ? sent.then((later) => this.count(later), failed) : this.count(sent);
    } catch (error) {
      failed(error);
    }
  }

  private count(sent: Sent): void {
    this.counts.sent += sent.accepted;
    this.counts.refused += sent.refused;
    if (sent.reason !== null) this.complain(sent.reason);
  }

  /** The person at the terminal is told once of each trouble. */
  private complain(reason: string): void {
    if (this.counts.error !== reason) this.stage.print(`fixture ${this.id}: ${reason}`);
    this.counts.error = reason;
  }
}

function idOf(random: Random): string {
  return Array.from({ length: 12 }, () => random.int(0, 15).toString(16)).join("");
}

/** A flow that runs or stands. Turns go on counting when it is started again, so no message comes twice. */
export class FlowRunner extends Player {
  running = false;
  private next = 0;
  private state: Record<string, unknown> | null = null;
  private timer: Timer | null = null;
  private busy = false;
  private run = 0;

  /** @param unheard no responder is to answer what it sends */
  constructor(
    readonly flow: Flow,
    stage: Stage,
    unheard = false,
  ) {
    super(flow.id, flow.script, unheard, stage);
  }

  /** Begins at its pace; one without a pace takes one turn. */
  start(): void {
    if (this.running) return;
    const { pace } = this.flow;
    if (pace === null) return this.turns(1);
    this.running = true;
    if ("cron" in pace) return this.plan(new Cron(pace.cron, { timezone: pace.timezone ?? "UTC", paused: true }), pace.count, ++this.run);
    this.keep(pace.perSecond, pace.count, ++this.run);
  }

  /** Sends so many at once, whatever its pace. */
  put(count: number): void {
    for (let left = count; left > 0; left -= BATCH_MOST) this.turns(Math.min(left, BATCH_MOST));
  }

  /** Ends its pace, and what its stories had still to send. */
  stop(): void {
    this.run++;
    this.running = false;
    this.timer?.cancel();
    this.timer = null;
    this.forget();
  }

  /** Takes turns at once. */
  private turns(count: number): void {
    const made: Outgoing[] = [];
    const { script } = this.flow;
    for (let i = 0; i < count; i++) {
      const n = this.next++;
      const state = script.kind === "messages" ? (this.state ??= this.first(-1)) : this.first(n);
      this.attempt(() => this.turn({ n, stream: "", seq: n, state, heard: null }, made));
    }
    const wait = this.send(made);
    if (!(wait instanceof Promise)) return;
    // The next batch waits for this one: what a plugin delays holds up what follows, as for any client.
    this.busy = true;
    void wait.then(() => (this.busy = false));
  }

  /** Its state's first values: one for all of its messages, or one for each story. */
  private first(n: number): Record<string, unknown> {
    const state: Record<string, unknown> = {};
    if (this.flow.state !== null) {
      const turn = { n, stream: "", seq: Math.max(0, n), state, heard: null };
      this.attempt(() => Object.assign(state, this.flow.state!.value(this.scene(turn, this.random("state", n)))));
    }
    return state;
  }

  /** So many a second: as many as have fallen due by now, whatever the timers' grain. */
  private keep(perSecond: number, count: number, run: number): void {
    const { clock } = this.stage;
    const began = clock.now();
    let done = 0;
    const beat = (): void => {
      if (run !== this.run) return;
      const due = Math.min(count, Math.floor(((clock.now() - began) * perSecond) / 1000 + 1e-6) + 1);
      const now = this.busy ? 0 : Math.min(BATCH_MOST, due - done);
      if (now > 0) this.turns(now);
      done += now;
      if (run !== this.run) return;
      if (done >= count) return void (this.running = false);
      const next = began + (done * 1000) / perSecond;
      this.timer = clock.after(done < due && !this.busy ? 0 : Math.max(TICK, next - clock.now()), beat);
    };
    if (count > 0) beat();
    else this.running = false;
  }

  private plan(cron: Cron, count: number, run: number): void {
    const { clock } = this.stage;
    let done = 0;
    const wait = (from: number): void => {
      const next = cron.nextRun(new Date(from));
      if (next === null || done >= count) return void (this.running = false);
      this.timer = clock.after(next.getTime() - clock.now(), () => {
        if (run !== this.run) return;
        done++;
        this.turns(1);
        wait(Math.max(next.getTime(), clock.now()));
      });
    };
    wait(clock.now());
  }
}

/** Streams of heard messages that are told apart; past it draws go on with the ordinal alone. */
const STREAMS_MOST = 10_000;

/** A reaction that listens. Draws are keyed by what was heard, and how often that was. */
export class ReactionRunner extends Player {
  heard = 0;
  private readonly seen = new Map<string, number>();

  constructor(
    readonly reaction: Reaction,
    stage: Stage,
  ) {
    super(reaction.id, reaction.script, true, stage);
  }

  take(heard: Heard): void {
    const { when, probability, delay, state: first } = this.reaction;
    const n = this.heard++;
    const stream = `${heard.topic} ${heard.message.key ?? ""}`;
    const ordinal = this.seen.get(stream) ?? 0;
    if (this.seen.size >= STREAMS_MOST) this.seen.clear();
    this.seen.set(stream, ordinal + 1);
    const state: Record<string, unknown> = {};
    const turn: Turn = { n: ordinal, stream: `heard ${stream}`, seq: n, state, heard };
    const random = this.random(`terms ${stream}`, ordinal);
    let answers = false;
    const asked = this.attempt(() => {
      const scene = this.scene(turn, random);
      if (first !== null) Object.assign(state, first.value(scene));
      answers = (when === null || Boolean(when(scene))) && (probability >= 1 || random.chance(probability));
    });
    if (asked && answers) this.later(random.float(...delay), (into) => this.turn(turn, into));
  }
}
