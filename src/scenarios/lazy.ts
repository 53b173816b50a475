import type { RuleHandle } from "../rules/rules.ts";
import type { ChaosFile } from "./file.ts";
import type { ScenarioRun } from "./run.ts";
import type { Chaos, Scenarios } from "./scenarios.ts";

/** The scenarios of one havoq; their code is loaded when there is one. */
export class LazyScenarios {
  private loaded: Scenarios | null = null;
  private loading: Promise<Scenarios> | null = null;

  constructor(private readonly load: () => Promise<Scenarios>) {}

  /**
   * Begins a scenario, as people write it or as `parseChaosFile` read it. Rejects with ShapeError that tells what is wrong with it.
   * @param rules of the same file: they have to fire too, and go with the heal
   */
  async run(scenario: unknown, rules: readonly RuleHandle[] = []): Promise<ScenarioRun> {
    return (await this.scenarios()).run(scenario, rules);
  }

  /** Puts a chaos file in force: its rules, then its scenarios one after the other. */
  async start(file: ChaosFile): Promise<Chaos> {
    return (await this.scenarios()).start(file);
  }

  list(): ScenarioRun[] {
    return this.loaded?.list() ?? [];
  }

  get(id: string): ScenarioRun | undefined {
    return this.loaded?.get(id);
  }

  stop(): void {
    this.loaded?.stop();
  }

  private async scenarios(): Promise<Scenarios> {
    return (this.loaded ??= await (this.loading ??= this.load()));
  }
}
