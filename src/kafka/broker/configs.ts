/** Types of configuration values, as DescribeConfigs numbers them (KIP-226). */
export const ConfigType = { BOOLEAN: 1, STRING: 2, INT: 3, SHORT: 4, LONG: 5, DOUBLE: 6, LIST: 7 } as const;
/** Where a value comes from, as DescribeConfigs numbers it. */
export const ConfigSource = { TOPIC: 1, STATIC_BROKER: 4, DEFAULT: 5 } as const;

export interface ConfigDefinition {
  readonly type: number;
  readonly default: string;
  /** The words it may be. */
  readonly words?: readonly string[];
  readonly least?: number;
  readonly most?: number;
  /** What it has to look like. */
  readonly pattern?: RegExp;
}

const LONGEST = "9223372036854775807";
const long = (value: string | number, least = -(2 ** 63), most = 2 ** 63): ConfigDefinition => ({
  type: ConfigType.LONG,
  default: String(value),
  least,
  most,
});
const int = (value: string | number, least = -(2 ** 31), most = 2 ** 31 - 1): ConfigDefinition => ({
  type: ConfigType.INT,
  default: String(value),
  least,
  most,
});
const bool = (value: boolean): ConfigDefinition => ({ type: ConfigType.BOOLEAN, default: String(value), words: ["true", "false"] });
const word = (value: string, ...words: string[]): ConfigDefinition => ({ type: ConfigType.STRING, default: value, words });
const list = (value: string, ...words: string[]): ConfigDefinition => ({ type: ConfigType.LIST, default: value, words });
/** Partition and broker, or `*` for all. */
const replicas: ConfigDefinition = { type: ConfigType.LIST, default: "", pattern: /^(\*|(\d+:\d+(\s*,\s*\d+:\d+)*)?)$/ };

/**
 * The topic configuration of Kafka 4 with its defaults. What concerns files has no effect here:
 * records live in memory and leave one batch at a time, not by segments.
 */
export const TOPIC_CONFIGS: Readonly<Record<string, ConfigDefinition>> = {
  "cleanup.policy": list("delete", "delete", "compact"),
  "compression.gzip.level": { ...int(-1), pattern: /^(-1|[1-9])$/ },
  "compression.lz4.level": int(9, 1, 17),
  "compression.type": word("producer", "producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"),
  "compression.zstd.level": int(3, -131_072, 22),
  "delete.retention.ms": long(86_400_000, 0),
  "errors.deadletterqueue.group.enable": bool(false),
  "file.delete.delay.ms": long(60_000, 0),
  "flush.messages": long(LONGEST, 1),
  "flush.ms": long(LONGEST, 0),
  "follower.replication.throttled.replicas": replicas,
  "index.interval.bytes": int(4096, 0),
  "leader.replication.throttled.replicas": replicas,
  "local.retention.bytes": long(-2, -2),
  "local.retention.ms": long(-2, -2),
  "max.compaction.lag.ms": long(LONGEST, 1),
  "max.decompressed.message.bytes": int(2_147_483_639, 1),
  "max.message.bytes": int(1_048_588, 0),
  "message.timestamp.after.max.ms": long(3_600_000, 0),
  "message.timestamp.before.max.ms": long(LONGEST, 0),
  "message.timestamp.type": word("CreateTime", "CreateTime", "LogAppendTime"),
  "min.cleanable.dirty.ratio": { type: ConfigType.DOUBLE, default: "0.5", least: 0, most: 1 },
  "min.compaction.lag.ms": long(0, 0),
  "min.insync.replicas": int(1, 1),
  preallocate: bool(false),
  "remote.copy.lag.bytes": long(-1, -2),
  "remote.copy.lag.ms": long(0, -2),
  "remote.log.copy.disable": bool(false),
  "remote.log.delete.on.disable": bool(false),
  "remote.storage.enable": { ...bool(false), words: ["false"] }, // there is no other storage
  "retention.bytes": long(-1, -1),
  "retention.ms": long(604_800_000, -1),
  "segment.bytes": int(1_073_741_824, 1_048_576),
  "segment.index.bytes": int(10_485_760, 4),
  "segment.jitter.ms": long(0, 0),
  "segment.ms": long(604_800_000, 1),
  "unclean.leader.election.enable": bool(false),
};

/** Why a value cannot be; null when it can. */
export function configProblem(name: string, value: string | null): string | null {
  const definition = TOPIC_CONFIGS[name];
  if (definition === undefined) return `unknown topic configuration ${name}`;
  if (value === null) return `${name} has no value`;
  const { type, words, least, most, pattern } = definition;
  if (pattern !== undefined && !pattern.test(value.trim())) return `${name} cannot be ${value}`;
  if (words !== undefined) {
    const given = type === ConfigType.LIST ? listed(value) : [type === ConfigType.BOOLEAN ? value.trim().toLowerCase() : value];
    const wrong = given.find((one) => !words.includes(one));
    return wrong === undefined ? null : `${name} may be ${words.join(", ")}, not ${wrong}`;
  }
  if (type === ConfigType.LIST) return null;
  const number = Number(value);
  if (value.trim() === "" || Number.isNaN(number)) return `${name} is a number, not ${value}`;
  if (type !== ConfigType.DOUBLE && !/^[+-]?\d+$/.test(value.trim())) return `${name} is a whole number, not ${value}`;
  if (least !== undefined && number < least) return `${name} is ${least} at least, not ${value}`;
  if (most !== undefined && number > most) return `${name} is ${most} at most, not ${value}`;
  return null;
}

/** Why a topic cannot have all of these values; null when it can. */
export function configsProblem(values: Readonly<Record<string, string | null>>): string | null {
  for (const [name, value] of Object.entries(values)) {
    const problem = configProblem(name, value);
    if (problem !== null) return problem;
  }
  const lag = (name: string): number => Number(values[name] ?? TOPIC_CONFIGS[name]!.default);
  const least = lag("min.compaction.lag.ms"),
    most = lag("max.compaction.lag.ms");
  return least > most ? `min.compaction.lag.ms (${least}) is more than max.compaction.lag.ms (${most})` : null;
}

/** The items of a list, each once. */
export function listed(value: string): string[] {
  return [
    ...new Set(
      value
        .split(",")
        .map((one) => one.trim())
        .filter((one) => one !== ""),
    ),
  ];
}

/** A value that was checked, the way it is shown: without blanks, in lower case where that is no matter. */
function canonical(name: string, value: string): string {
  switch (TOPIC_CONFIGS[name]!.type) {
    case ConfigType.BOOLEAN:
      return value.trim().toLowerCase();
    case ConfigType.LIST:
      return listed(value).join(",");
    case ConfigType.INT:
    case ConfigType.LONG:
      return BigInt(value.trim()).toString();
    default:
      return value.trim();
  }
}

/** Topic configuration that brokers know by another name than `log.` and the topic's; null: not at all. */
const BROKER_NAMES: Readonly<Record<string, string | null>> = {
  "compression.gzip.level": "compression.gzip.level",
  "compression.lz4.level": "compression.lz4.level",
  "compression.type": "compression.type",
  "compression.zstd.level": "compression.zstd.level",
  "delete.retention.ms": "log.cleaner.delete.retention.ms",
  "errors.deadletterqueue.group.enable": null,
  "file.delete.delay.ms": "log.segment.delete.delay.ms",
  "flush.messages": "log.flush.interval.messages",
  "flush.ms": null,
  "follower.replication.throttled.replicas": null,
  "leader.replication.throttled.replicas": null,
  "max.compaction.lag.ms": "log.cleaner.max.compaction.lag.ms",
  "max.decompressed.message.bytes": "max.decompressed.message.bytes",
  "max.message.bytes": "message.max.bytes",
  "min.cleanable.dirty.ratio": "log.cleaner.min.cleanable.ratio",
  "min.compaction.lag.ms": "log.cleaner.min.compaction.lag.ms",
  "min.insync.replicas": "min.insync.replicas",
  "remote.log.copy.disable": null,
  "remote.log.delete.on.disable": null,
  "remote.storage.enable": null,
  "retention.ms": null,
  "segment.index.bytes": "log.index.size.max.bytes",
  "segment.jitter.ms": null,
  "segment.ms": null,
  "unclean.leader.election.enable": "unclean.leader.election.enable",
};

function brokerNameOf(name: string): string | null {
  const known = BROKER_NAMES[name];
  return known === undefined ? `log.${name}` : known;
}

/** What appending and retention ask of a topic's configuration, as numbers. */
export class TopicConfig {
  maxMessageBytes!: number;
  minInsyncReplicas!: number;
  /** Infinity for ever. */
  retentionMs!: number;
  retentionBytes!: number;
  logAppendTime!: boolean;
  timestampBeforeMax!: number;
  timestampAfterMax!: number;
  compacted!: boolean;
  /** `producer`: batches stay as they came. */
  compression!: string;

  private readonly values = new Map<string, string>();

  /** @param defaults of the brokers, over those of Kafka */
  constructor(
    private readonly defaults: Readonly<Record<string, string>>,
    values: Readonly<Record<string, string>>,
  ) {
    this.change(values);
  }

  get(name: string): { value: string; source: number } {
    const own = this.values.get(name);
    if (own !== undefined) return { value: own, source: ConfigSource.TOPIC };
    const broker = this.defaults[name];
    if (broker !== undefined) return { value: broker, source: ConfigSource.STATIC_BROKER };
    return { value: TOPIC_CONFIGS[name]!.default, source: ConfigSource.DEFAULT };
  }

  /** What a value comes from and what would stand in its place, the strongest first (KIP-226). */
  synonyms(name: string): { name: string; value: string; source: number }[] {
    const own = this.values.get(name),
      broker = this.defaults[name],
      brokerName = brokerNameOf(name);
    return [
      ...(own === undefined ? [] : [{ name, value: own, source: ConfigSource.TOPIC }]),
      ...(broker === undefined ? [] : [{ name: brokerName ?? name, value: broker, source: ConfigSource.STATIC_BROKER }]),
      ...(brokerName === null ? [] : [{ name: brokerName, value: TOPIC_CONFIGS[name]!.default, source: ConfigSource.DEFAULT }]),
    ];
  }

  /** The values that the topic was given itself. */
  own(): Record<string, string> {
    return Object.fromEntries(this.values);
  }

  /** Values that were checked with `configsProblem`; null takes one back to its default. */
  change(values: Readonly<Record<string, string | null>>): void {
    for (const [name, value] of Object.entries(values)) {
      if (value === null) this.values.delete(name);
      else this.values.set(name, canonical(name, value));
    }
    this.refresh();
  }

  private refresh(): void {
    const number = (name: string): number => Number(this.get(name).value);
    const endless = (name: string): number => (number(name) < 0 ? Infinity : number(name));
    this.maxMessageBytes = number("max.message.bytes");
    this.minInsyncReplicas = number("min.insync.replicas");
    this.retentionMs = endless("retention.ms");
    this.retentionBytes = endless("retention.bytes");
    this.logAppendTime = this.get("message.timestamp.type").value === "LogAppendTime";
    this.timestampBeforeMax = number("message.timestamp.before.max.ms");
    this.timestampAfterMax = number("message.timestamp.after.max.ms");
    const policies = listed(this.get("cleanup.policy").value);
    this.compacted = policies.includes("compact");
    if (!policies.includes("delete")) this.retentionMs = this.retentionBytes = Infinity;
    this.compression = this.get("compression.type").value;
  }
}
