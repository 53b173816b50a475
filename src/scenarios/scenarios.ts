import { check } from "../core/shape.ts";
import type { Havoq } from "../havoq.ts";
import type { RuleHandle } from "../rules/rules.ts";
import type { ChaosFile } from "./file.ts";
import { isRead, scenarioIn, scenarioOf, type Scenario } from "./grammar.ts";
import { judge, type Verdict } from "./judge.ts";
import { ScenarioRun, type ScenarioResult } from "./run.ts";

/** Results of scenarios that are over, kept to be asked for. */
const KEPT = 100;

/** The scenarios of one havoq, by id. */
export class Scenarios {
  private readonly runs = new Map<string, ScenarioRun>();

  constructor(private readonly havoq: Havoq) {}

  list(): ScenarioRun[] {
    return [...this.runs.values()];
  }

  get(id: string): ScenarioRun | undefined {
    return this.runs.get(id);
  }

  /**
   * Begins a scenario, given as people write it or as `parseChaosFile` read it. Throws ShapeError that tells what is wrong with it.
   * @param rules of the same file: they have to fire too, and go with the heal
   */
  async run(given: unknown, rules: readonly RuleHandle[] = []): Promise<ScenarioRun> {
    const one = isRead(given) ? given : scenarioOf(check(scenarioIn(this.havoq.control.world), given));
    await this.havoq.keepAccount(one.oracle);
    let id = one.name;
    for (let n = 2; this.runs.has(id); n++) id = `${one.name}-${n}`;
    if (this.runs.size >= KEPT) {
      const over = [...this.runs.values()].find(({ status }) => status !== "running");
      if (over !== undefined) this.runs.delete(over.id);
    }
    const run = new ScenarioRun(this.havoq, id, one, rules);
    this.runs.set(id, run);
    return run;
  }

  /** Puts a chaos file in force: its rules, then its scenarios one after the other. */
  async start({ rules, scenarios, expect }: ChaosFile): Promise<Chaos> {
    if (scenarios.length + expect.length > 0) await this.havoq.keepAccount(scenarios[0]?.oracle ?? {});
    return new Chaos(this.havoq, this, this.havoq.rules.addAll(rules, { source: "file" }), scenarios, expect);
  }

  stop(): void {
    for (const run of this.runs.values()) run.stop();
  }
}

/** What a chaos file set going. */
export class Chaos {
  /** Settles when the last scenario is over. */
  readonly done: Promise<ScenarioResult[]>;
  private running: ScenarioRun | null = null;
  private stopped = false;

  constructor(
    private readonly havoq: Havoq,
    private readonly scenarios: Scenarios,
    readonly rules: readonly RuleHandle[],
    list: readonly Scenario[],
    private readonly expect: ChaosFile["expect"],
  ) {
    this.done = this.run(list);
  }

  private async run(list: readonly Scenario[]): Promise<ScenarioResult[]> {
    const results: ScenarioResult[] = [];
    for (const [i, one] of list.entries()) {
      if (this.stopped) break;
      // The file's rules go with the first heal: what comes later has its own.
      this.running = await this.scenarios.run(one, i === 0 ? this.rules : []);
      results.push(await this.running.done);
    }
    return results;
  }

  /**
   * For the end of a run: steps that did not come by now never come. Judges what the file expects beside its
   * scenarios and, where it has none, that its rules fired.
   */
  async finish(): Promise<{ scenarios: ScenarioResult[]; expectations: Verdict[]; passed: boolean }> {
    this.stopped = true;
    this.running?.end();
    const scenarios = await this.done;
    const rules = scenarios.length === 0 ? this.rules.map((rule) => rule.status()) : [];
    const once = async (_ms: number, see: () => { holds: boolean; seen: string }) => see();
    const expectations = await judge(this.havoq, this.expect, rules, () => 0, once);
    return { scenarios, expectations, passed: expectations.every(({ passed }) => passed) && scenarios.every(({ passed }) => passed) };
  }
}
