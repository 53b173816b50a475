import type { HookEvent } from "../hooks/event.ts";
import type { HookPoint } from "../hooks/match.ts";
import type { At, Match, OneHook } from "../hooks/plugin.ts";
import type { Fault, Undo } from "./rule.ts";
import { NO_EVENT } from "../hooks/seam.ts";
import { pointOf } from "./compile.ts";
import type { Gate, RuleHouse } from "./gate.ts";
import type { RuleRead } from "./grammar.ts";

/** What an action of a rule in force needs beside what gates need. */
export interface ActionHouse extends RuleHouse {
  /** The `at` of something that no event brought on; each time of a rule has its own. */
  at(): At;
  after(ms: number, run: () => void): { cancel(): void };
  /** An action failed; no caller is there to hear of it. */
  failed(error: unknown): void;
}

/**
 * A fault that is done once to the brokers: on an event that the match admits, or, where the match names
 * nothing, as soon as `after` has come. It fires again only where `when` says so, and not before its
 * effect was taken back.
 */
export class Action {
  private house: ActionHouse | null = null;
  private undo: Undo | null = null;
  private active = false;
  /** Counts what was begun, so that what comes late of something taken back is taken back too. */
  private begun = 0;
  private readonly ends: (() => void)[] = [];
  private ticker: { cancel(): void } | null = null;
  private over: { cancel(): void } | null = null;
  private readonly once: boolean;
  private readonly byTime: boolean;

  constructor(
    private readonly rule: RuleRead,
    private readonly fault: Fault,
    private readonly options: unknown,
    private readonly match: Match,
    private readonly gate: Gate,
  ) {
    const { when } = rule;
    this.once =
      when?.times === undefined &&
      when?.every === undefined &&
      when?.probability === undefined &&
      when?.nth === undefined &&
      when?.always !== true;
    // A protocol alone names nothing that could happen.
    const { protocol: _protocol, ...named } = match;
    const counts =
      when?.nth !== undefined ||
      [gate.after, gate.until].some((mark) => mark?.moment.messages !== undefined) ||
      (when?.every !== undefined && "count" in when.every);
    this.byTime = Object.values(named).every((value) => value === undefined) && !counts;
  }

  hooks(): [HookPoint, OneHook<any, any>][] {
    if (this.byTime) return [];
    const counted =
      this.gate.after?.moment.messages !== undefined || this.gate.until?.moment.messages !== undefined || this.rule.when?.nth !== undefined;
    const point = pointOf(this.match);
    const run = (event: HookEvent, at: At): void => {
      if (this.active && this.gate.isOver(at.clock.now())) this.takeBack();
      if (this.active || (this.once && this.gate.fired > 0)) return void this.gate.matched++;
      if (this.gate.passes(event, at)) this.begin(at);
    };
    return [[point === "connect" && counted ? "message" : point, { match: this.match, run }]];
  }

  arm(house: ActionHouse): void {
    this.house = house;
    if (!this.byTime && this.gate.until === null) return;
    // What is waited for is a time, or that something else happened.
    for (const mark of [this.gate.after, this.gate.until]) {
      const time = mark?.moment.time;
      if (time !== undefined) this.timer(time, () => this.look());
    }
    this.ends.push(house.watch(() => this.look()));
    // At once, but not within the call that added the rule.
    if (this.byTime && this.gate.after === null) this.timer(0, () => this.look());
  }

  /** Each so many milliseconds from the first time on. */
  private again(ms: number): void {
    this.ticker = this.house!.after(ms, () => {
      this.again(ms);
      this.look(undefined, true);
    });
  }

  private timer(ms: number, run: () => void): void {
    const timer = this.house!.after(ms, run);
    this.ends.push(() => timer.cancel());
  }

  /** Something may have come that was waited for. Nobody is there to catch what its fault throws: the house is told. */
  look(at?: At, isTick = false): void {
    try {
      this.lookOut(at, isTick);
    } catch (error) {
      this.house?.failed(error);
    }
  }

  private lookOut(at: At | undefined, isTick: boolean): void {
    const { house, gate } = this;
    if (house === null) return;
    const now = house.now();
    if (this.active && gate.isOver(now)) this.takeBack();
    if (!this.byTime || this.active || (this.once && gate.fired > 0) || !gate.isOpen(now)) return;
    if (this.ticker !== null && !isTick) return;
    const own = at ?? house.at();
    if (!gate.passes(NO_EVENT, own, isTick)) return;
    const every = this.rule.when?.every;
    if (every !== undefined && "ms" in every && this.ticker === null) this.again(every.ms);
    this.begin(own);
  }

  /** Out of force: what was done is taken back. */
  disarm(): void {
    for (const end of this.ends.splice(0)) end();
    this.ticker?.cancel();
    this.ticker = null;
    this.takeBack();
    this.house = null;
  }

  private begin(at: At): void {
    this.active = true;
    const mine = ++this.begun;
    const done = (undo: void | Undo): void => {
      if (mine !== this.begun || !this.active) return void (typeof undo === "function" && this.try(undo));
      if (typeof undo === "function") this.undo = undo;
      const lasts = this.rule.for;
      // Without an end it lasts until the rule goes; what cannot be taken back is over at once.
      if (lasts !== undefined) this.over = at.clock.after(lasts, () => this.takeBack());
      else if (typeof undo !== "function") this.active = false;
    };
    try {
      const answer = this.fault.act!(this.options as never, this.match, at.broker, at);
      if (answer instanceof Promise) answer.then(done, (error) => ((this.active = false), this.house?.failed(error)));
      else done(answer);
    } catch (error) {
      this.active = false;
      throw error;
    }
  }

  private takeBack(): void {
    const { undo } = this;
    this.undo = null;
    this.active = false;
    this.begun++;
    this.over?.cancel();
    this.over = null;
    if (undo !== null) this.try(undo);
  }

  private try(undo: Undo): void {
    try {
      const answer = undo();
      if (answer instanceof Promise) answer.catch((error) => this.house?.failed(error));
    } catch (error) {
      this.house?.failed(error);
    }
  }
}
