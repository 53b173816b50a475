import type { Match } from "../../hooks/plugin.ts";
import { hashRule, Random } from "../../hooks/random.ts";
import type { Rule } from "../../rules/rule.ts";
import type { ChaosFile } from "../../scenarios/file.ts";
import type { Setup } from "../exec/setup.ts";

type FaultOf = Record<string, Record<string, unknown>>;

/** Of all there are, the share that one run meets: few enough to tell which of them it was. */
const SHARE = 0.12;
/** How often one that is there fires. */
const PROBABILITY = 0.25;
/** And how often at most: who tries again must get through in the end. */
const TIMES = 2;

const cut: FaultOf = { "lose-answer": { cut: true } };
const reset: FaultOf = { disconnect: { reset: true } };
const late: FaultOf = { latency: { ms: { from: 20, to: 200 } } };
const error = (code: string): FaultOf => ({ error: { code } });

/**
 * What every client has to be ready for, by operation: errors that are over when it tries again, answers
 * that get lost, connections that break, messages that come twice or late.
 */
const KAFKA: Record<string, FaultOf[]> = {
  ApiVersions: [reset],
  Metadata: [reset, late],
  Produce: [cut, reset, late, error("NOT_LEADER_OR_FOLLOWER"), error("REQUEST_TIMED_OUT"), error("NOT_ENOUGH_REPLICAS")],
  Fetch: [cut, reset, late, error("NOT_LEADER_OR_FOLLOWER")],
  ListOffsets: [reset, error("NOT_LEADER_OR_FOLLOWER")],
  InitProducerId: [cut, error("COORDINATOR_LOAD_IN_PROGRESS")],
  FindCoordinator: [reset, error("COORDINATOR_NOT_AVAILABLE")],
  JoinGroup: [cut, late, error("COORDINATOR_LOAD_IN_PROGRESS")],
  SyncGroup: [cut, error("REBALANCE_IN_PROGRESS")],
  Heartbeat: [reset, error("REBALANCE_IN_PROGRESS"), error("UNKNOWN_MEMBER_ID")],
  OffsetFetch: [reset, error("COORDINATOR_LOAD_IN_PROGRESS")],
  OffsetCommit: [cut, reset, error("NOT_COORDINATOR"), error("REBALANCE_IN_PROGRESS")],
  CreateTopics: [cut, error("NOT_CONTROLLER")],
};
const MQTT: Record<string, FaultOf[]> = { CONNECT: [reset, late], SUBSCRIBE: [reset, late], PUBREL: [reset] };
const AMQP: Record<string, FaultOf[]> = { "queue.declare": [reset, late], "basic.consume": [reset], "basic.ack": [{ drop: {} }, reset] };

/** What is done to messages rather than to an operation that is named. */
const MESSAGES: [name: string, match: Match, faults: FaultOf[]][] = [
  ["mqtt message", { protocol: "mqtt", direction: "in" }, [reset, late, { duplicate: {} }, error("Quota exceeded")]],
  ["mqtt PUBACK", { protocol: "mqtt", operation: ["PUBACK", "PUBREC"] }, [cut]],
  ["mqtt delivery", { protocol: "mqtt", direction: "out" }, [late, { duplicate: {} }]],
  ["amqp message", { protocol: "amqp", direction: "in" }, [reset, late, { duplicate: {} }]],
  ["amqp basic.ack", { protocol: "amqp", operation: "basic.ack", direction: "out" }, [cut]],
  ["amqp delivery", { protocol: "amqp", direction: "out" }, [reset, late, { duplicate: {} }]],
  ["kafka message", { protocol: "kafka", direction: "in" }, [{ duplicate: {} }]],
];

/** Every rule that `explore` draws from. */
export function allRules(): Rule[] {
  const byOperation = (
    [
      ["kafka", KAFKA],
      ["mqtt", MQTT],
      ["amqp", AMQP],
    ] as const
  ).flatMap(([protocol, operations]) =>
    Object.entries(operations).map(([operation, faults]): (typeof MESSAGES)[number] => [
      `${protocol} ${operation}`,
      { protocol, operation },
      faults,
    ]),
  );
  return [...byOperation, ...MESSAGES].flatMap(([name, match, faults]) =>
    faults.map((fault): Rule => {
      const [kind, options] = Object.entries(fault)[0]!;
      const code = options.code === undefined ? "" : ` ${String(options.code)}`;
      return { name: `${name}: ${kind}${code}`, match, when: { probability: PROBABILITY, times: TIMES }, fault, optional: true };
    }),
  );
}

/** Those of a seed. */
export function defaultRules(seed: number): Rule[] {
  return allRules().filter(({ name }) => new Random(hashRule(seed, `explore ${name}`), 0).chance(SHARE));
}

/** A chaos file of them. */
export function defaultChaos(seed: number): ChaosFile {
  return { rules: defaultRules(seed), scenarios: [], expect: [], errors: [] };
}

/** Nobody said what is to go wrong. */
export function isPlain({ config, chaos }: Setup): boolean {
  return chaos.length === 0 && config.chaos.length === 0 && config.plugins.dir === undefined;
}
