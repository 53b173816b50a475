import type { Havoq } from "../havoq.ts";
import type { RuleHandle, RuleStatus } from "../rules/rules.ts";
import { isAbout, type State } from "./states/grammar.ts";
import { look, stateText } from "./states/look.ts";
import type { Scenario, Step } from "./grammar.ts";
import { judge, type Verdict } from "./judge.ts";
import { converged } from "./rest.ts";

export interface StepStatus {
  /** The name it was given, or what it does. */
  readonly text: string;
  status: "waiting" | "running" | "done" | "failed" | "skipped";
  /** Milliseconds since the scenario began. */
  at?: number;
  error?: string;
}

export interface ScenarioResult {
  readonly name: string;
  readonly passed: boolean;
  readonly steps: readonly StepStatus[];
  readonly expectations: readonly Verdict[];
  readonly rules: readonly RuleStatus[];
  /** Milliseconds since 1970, by havoq's clock. */
  readonly started: number;
  readonly ended: number;
  /** From the heal until everything had come to rest; null where that was not asked for or did not come. */
  readonly healedMs: number | null;
}

/** How often a state that is waited for is looked at, in milliseconds of the clock; what fires or is stored is seen at once. */
const AGAIN = 5;

/** One scenario under way. */
export class ScenarioRun {
  readonly name: string;
  status: "running" | "passed" | "failed" | "stopped" = "running";
  readonly steps: StepStatus[];
  readonly done: Promise<ScenarioResult>;
  private readonly started: number;
  private readonly source: string;
  /** Every rule that was in force because of this scenario or its file. */
  private readonly armed: RuleHandle[];
  private readonly seen = new Map<RuleHandle, RuleStatus>();
  private readonly known = new Map<string, number>();
  private ordinal = 0;
  /** Not judged either. */
  private stopped = false;
  /** No step that is still to come will. */
  private over = false;
  private wake: (() => void) | null = null;

  /** @param rules those of the file that the scenario stands in */
  constructor(
    private readonly havoq: Havoq,
    readonly id: string,
    private readonly scenario: Scenario,
    rules: readonly RuleHandle[],
  ) {
    this.name = scenario.name;
    this.source = `scenario ${id}`;
    this.armed = [...rules];
    this.started = havoq.clock.now();
    this.steps = scenario.steps.map((step) => ({ text: stepText(step), status: "waiting" }));
    for (const place of placesOf(scenario)) this.known.set(place, havoq.oracle!.storedIn(place));
    this.done = this.run();
  }

  /** No step more; it is healed, and not judged. */
  stop(): void {
    this.stopped = true;
    this.end();
  }

  /** The run is over: what did not come by now has failed. It is healed, and judged as things are. */
  end(): void {
    this.over = true;
    this.wake?.();
  }

  private async run(): Promise<ScenarioResult> {
    let failed = false;
    const { steps } = this.scenario;
    for (let i = 0; i < steps.length; i++) {
      const status = this.steps[i]!;
      if (this.stopped || failed) {
        status.status = "skipped";
        continue;
      }
      status.status = "running";
      try {
        await this.carryOut(steps[i]!, status);
        if (this.over && status.at === undefined) throw new Error("the run was over before it came");
        status.status = "done";
      } catch (error) {
        status.status = "failed";
        status.error = error instanceof Error ? error.message : String(error);
        failed = true;
      }
    }
    const problems: Verdict[] = [];
    let healedMs: number | null = null;
    if (this.scenario.heal) this.heal();
    if (this.scenario.converge !== undefined && !this.stopped) {
      const began = this.havoq.clock.now();
      const { within } = this.scenario.converge;
      const rest = await this.until(within, () => converged(this.havoq, this.scenario.converge!, this.before));
      if (rest.holds) healedMs = this.havoq.clock.now() - began;
      problems.push({
        text: `at rest within ${within} ms of the heal`,
        passed: rest.holds,
        detail: rest.holds ? `after ${healedMs} ms` : rest.seen,
      });
    }
    const expectations = this.stopped
      ? problems
      : [...problems, ...(await judge(this.havoq, this.scenario.expect, this.statuses(), this.before, (ms, see) => this.until(ms, see)))];
    const passed = !failed && !this.stopped && expectations.every((one) => one.passed);
    this.status = this.stopped ? "stopped" : passed ? "passed" : "failed";
    return {
      name: this.name,
      passed,
      steps: this.steps,
      expectations,
      rules: this.statuses(),
      started: this.started,
      ended: this.havoq.clock.now(),
      healedMs,
    };
  }

  /** Waits for the step's time, and does what it says. What is counted in messages happens right behind the last of them. */
  private carryOut(step: Step, status: StepStatus): Promise<void> {
    const { clock } = this.havoq;
    const change = (): void => {
      status.at = clock.now() - this.started;
      this.change(step);
    };
    if (step.after !== undefined && "messages" in step.after)
      return this.afterMessages(step.after.messages, step.on ?? "*", change).then(() => (this.over ? undefined : this.act(step)));
    const wait =
      step.await !== undefined
        ? this.awaited(step.await, step.within)
        : step.at !== undefined
          ? this.pause(this.started + step.at - clock.now())
          : step.after !== undefined
            ? this.pause(step.after.ms)
            : Promise.resolve(true);
    return wait.then((came) => {
      if (!came || this.stopped) return;
      change();
      return this.act(step);
    });
  }

  /** False: the end came first. */
  private pause(ms: number): Promise<boolean> {
    if (ms <= 0) return Promise.resolve(true);
    if (this.over) return Promise.resolve(false);
    return new Promise((resolve) => {
      const timer = this.havoq.clock.after(ms, () => resolve(true));
      this.wake = () => (timer.cancel(), resolve(false));
    });
  }

  private afterMessages(count: number, place: string, change: () => void): Promise<void> {
    const oracle = this.havoq.oracle!;
    const target = oracle.storedIn(place) + count;
    return new Promise((resolve) => {
      const end = oracle.onStored(() => {
        if (oracle.storedIn(place) < target) return;
        end();
        change();
        resolve();
      });
      this.wake = () => (end(), resolve());
    });
  }

  private async awaited(states: readonly State[], within: number): Promise<true> {
    const result = await this.until(within, () => {
      const looks = states.map((state) => look(this.havoq, state, this.before));
      return {
        holds: looks.every(({ holds }) => holds),
        seen: looks
          .filter(({ holds }) => !holds)
          .map(({ seen }) => seen)
          .join("; "),
      };
    });
    if (result.holds) return true;
    const waited = this.over ? "waited until the run was over" : `waited ${within} ms`;
    throw new Error(`${waited} for ${states.map(stateText).join(" and ")}, but ${result.seen}`);
  }

  /** Looks until it holds or the time is over; the last look. */
  private async until(ms: number, see: () => { holds: boolean; seen: string }): Promise<{ holds: boolean; seen: string }> {
    const { clock } = this.havoq;
    const end = clock.now() + ms;
    for (;;) {
      const seen = see();
      if (seen.holds || this.over || clock.now() >= end) return seen;
      await this.pause(Math.min(AGAIN, end - clock.now()));
    }
  }

  // --- What steps do ----------------------------------------------------------------------------

  private change(step: Step): void {
    const { rules } = this.havoq;
    const known = (id: string): RuleHandle => {
      const rule = rules.get(id);
      if (rule === undefined)
        throw new Error(
          `there is no rule ${id}: there ${
            rules.list().length === 0
              ? "is none"
              : `are ${rules
                  .list()
                  .map((one) => one.id)
                  .join(", ")}`
          }`,
        );
      return rule;
    };
    if (step.clear === true) this.clear();
    for (const id of step.remove ?? []) {
      const rule = known(id);
      this.seen.set(rule, rule.status());
      rule.remove();
    }
    for (const id of step.enable ?? []) known(id).enabled = true;
    for (const id of step.disable ?? []) known(id).enabled = false;
    if (step.apply !== undefined) this.armed.push(...rules.addAll(step.apply, { source: this.source }));
    for (const event of step.raise ?? []) rules.raise(event);
  }

  /** Control actions are never carried out in the middle of what a broker does. */
  private async act(step: Step): Promise<void> {
    for (const { action, args } of step.do ?? []) {
      const { broker } = this.havoq.seam.atClock(this.source, this.ordinal++);
      await (broker[action] as (...args: unknown[]) => unknown)(...args);
    }
  }

  private clear(): void {
    for (const rule of this.armed) if (!this.seen.has(rule)) this.seen.set(rule, rule.status());
    for (const rule of this.armed) rule.remove();
  }

  private heal(): void {
    this.clear();
    this.havoq.control.healAll();
  }

  private statuses(): RuleStatus[] {
    return this.armed.map((rule) => this.seen.get(rule) ?? rule.status());
  }

  private readonly before = (place: string): number => this.known.get(place) ?? 0;
}

function* placesOf(scenario: Scenario): IterableIterator<string> {
  const states = [
    ...scenario.steps.flatMap((step) => step.await ?? []),
    ...(scenario.converge?.states ?? []),
    ...scenario.expect.flatMap(({ state }) => state ?? []),
  ];
  for (const state of states) if (isAbout(state, "messages")) yield state.on ?? "*";
  for (const { empty } of scenario.expect) if (empty !== undefined) yield empty;
}

function stepText(step: Step): string {
  if (step.name !== undefined) return step.name;
  const when =
    step.await !== undefined
      ? [`await ${step.await.map(stateText).join(" and ")}`]
      : step.at !== undefined
        ? [`at ${step.at} ms`]
        : step.after === undefined
          ? []
          : [
              "ms" in step.after
                ? `after ${step.after.ms} ms`
                : `after ${step.after.messages} messages${step.on === undefined ? "" : ` on ${step.on}`}`,
            ];
  const names = (words: readonly string[]): string => words.join(", ");
  const what = [
    ...(step.clear === true ? ["clear"] : []),
    ...(step.remove === undefined ? [] : [`remove ${names(step.remove)}`]),
    ...(step.enable === undefined ? [] : [`enable ${names(step.enable)}`]),
    ...(step.disable === undefined ? [] : [`disable ${names(step.disable)}`]),
    ...(step.apply === undefined ? [] : [`apply ${names(step.apply.map(({ name, fault, preset }) => name ?? nameOf(fault ?? preset)))}`]),
    ...(step.raise === undefined ? [] : [`raise ${names(step.raise)}`]),
    ...(step.do === undefined ? [] : [names(step.do.map(({ action }) => action))]),
  ];
  return [...when, ...what].join(": ");
}

function nameOf(fault: unknown): string {
  return typeof fault === "string" ? fault : (Object.keys((fault as object | undefined) ?? {})[0] ?? "a rule");
}
