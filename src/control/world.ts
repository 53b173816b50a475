import type { Protocol } from "../hooks/plugin.ts";

/** What is known of the brokers where rules, presets and control actions are checked. */
export interface World {
  /** How many virtual Kafka brokers there are; their node ids count up from 1. Infinity: not known. */
  readonly brokers: number;
  /** The protocols that are enabled; left out: not known. */
  readonly protocols?: readonly Protocol[];
}

/** What a rule, a scenario or an action is checked against where nobody knows yet where it will run. */
export const ANY_WORLD: World = { brokers: Infinity };

/** The world that a configuration makes. */
export function worldOf(
  config: { readonly kafka: { readonly brokers: number } } & Readonly<Record<Protocol, { readonly enabled: boolean }>>,
): World {
  const { kafka, mqtt, amqp } = config;
  const all: Record<Protocol, { readonly enabled: boolean }> = { kafka, mqtt, amqp };
  return { brokers: kafka.brokers, protocols: (Object.keys(all) as Protocol[]).filter((protocol) => all[protocol].enabled) };
}
