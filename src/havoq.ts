import type { Answer } from "./admin/routes.ts";
import { AmqpBroker } from "./amqp/broker/broker.ts";
import { AMQP_DEFAULTS } from "./amqp/broker/options.ts";
import { type Addresses, addressesOf, summaryOf } from "./config/addresses.ts";
import type { Config } from "./config/config.ts";
import { NotEnabledError } from "./core/errors.ts";
import { Control, type Parts } from "./control/control.ts";
import { worldOf } from "./control/world.ts";
import type { RunningGateway } from "./control/gateways.ts";
import type { Listeners } from "./net/listeners.ts";
import { VERSION } from "./core/version.ts";
import { FixtureRoom } from "./traffic/running.ts";
import { AdvanceableClock } from "./hooks/clock.ts";
import { plainGuard, TimedGuard } from "./loader/guard.ts";
import { Journal, type JournalLine } from "./journal/journal.ts";
import type { PluginFolder } from "./loader/load.ts";
import type { Outgoing, Protocol } from "./hooks/plugin.ts";
import { freshSeed, hashRule, hashText, Random } from "./hooks/random.ts";
import { Replay } from "./journal/replay.ts";
import type { Rule } from "./rules/rule.ts";
import { Seam, type LoadedPlugin } from "./hooks/seam.ts";
import { traceOf } from "./hooks/trace.ts";
import { KafkaCluster } from "./kafka/broker/cluster.ts";
import type { Network } from "./kafka/broker/nodes.ts";
import { MqttBroker } from "./mqtt/broker/broker.ts";
import type { Oracle, OracleOptions } from "./oracle/oracle.ts";
import { LazyScenarios } from "./scenarios/lazy.ts";
import type { Net } from "./net/net.ts";
import { type Host, hostOf } from "./pipeline/host.ts";
import { Pipelines } from "./pipeline/pipelines.ts";
import { registerAll } from "./rules/known.ts";
import { Rules } from "./rules/rules.ts";

export interface StartOptions {
  /** Takes warnings and errors, a line a call; standard error unless told. */
  print?(line: string): void;
  /** Plugins given as objects, in the place of the configuration's folder. */
  plugins?: readonly LoadedPlugin[];
  /** Every fired verdict is appended to this file. */
  journalFile?: string;
  /** Gets every line of the journal, the header first. */
  journal?(line: JournalLine): void;
  /** Fires the verdicts of this journal, or of this journal's file; no plugin is asked. */
  replay?: readonly JournalLine[];
  replayFile?: string;
  clock?: AdvanceableClock;
  /** Gets a line for every operation that passes. */
  trace?(line: string): void;
  /** Called when every port is open, before the brokers are there: from now on who connects is served, if a few milliseconds later. */
  opened?(addresses: Addresses): void | Promise<void>;
  /** Takes an error of our own that nobody caught, after which nothing can be promised; thrown on unless told. */
  fatal?(error: unknown): void;
}

/** Everything that runs in one process: brokers, listeners, plugins. */
export class Havoq {
  readonly clock: AdvanceableClock;
  readonly journal: Journal;
  readonly seam: Seam;
  readonly net: Net;
  readonly kafka: KafkaCluster | null;
  readonly mqtt: MqttBroker | null;
  readonly amqp: AmqpBroker | null;
  readonly control: Control;
  readonly fixtures: FixtureRoom;
  /** The rules in force, which can be added and removed while everything runs. */
  readonly rules: Rules;
  readonly seed: number;
  /** When it was made, by its own clock. */
  readonly started: number;
  /** When the process began, by the machine's. */
  readonly bornAt = performance.timeOrigin;
  readonly scenarios = new LazyScenarios(() => import("./scenarios/scenarios.ts").then(({ Scenarios }) => new Scenarios(this)));
  /** The account of all messages; null unless somebody asked for it. */
  oracle: Oracle | null = null;

  private readonly print: (line: string) => void;
  private readonly pipelines: Pipelines;
  private readonly guard: TimedGuard | null;
  private pluginFolder: PluginFolder | null = null;
  /** What stands in front of real clusters, by protocol. */
  private readonly gateways = new Map<Protocol, RunningGateway>();
  private readonly ends: (() => void)[] = [];
  private phase: "starting" | "serving" | "stopping" = "starting";

  /** @param listeners open already */
  static async start(config: Config, options: StartOptions, listeners: Listeners): Promise<Havoq> {
    const lines = options.replay ?? (options.replayFile === undefined ? null : await readJournal(options.replayFile));
    const replay = lines === null ? null : new Replay(lines);
    const havoq = new Havoq(config, options, listeners, replay);
    try {
      await havoq.open();
    } catch (error) {
      await havoq.stop();
      throw error;
    }
    return havoq;
  }

  /** What is inside, before anything is served: tests talk to it in memory. */
  constructor(
    readonly config: Config,
    private readonly options: StartOptions,
    private readonly listeners: Listeners,
    private readonly replay: Replay | null,
  ) {
    this.print = options.print ?? ((line) => void process.stderr.write(`${line}\n`));
    registerAll();
    this.clock = options.clock ?? new AdvanceableClock();
    this.started = this.clock.now();
    this.seed = config.seed ?? replay?.seed ?? freshSeed();
    this.journal = new Journal(VERSION, this.seed, () => this.clock.now());
    this.guard = config.plugins.dir === undefined ? null : new TimedGuard(config.plugins.time_limit);
    this.seam = new Seam({
      seed: this.seed,
      clock: this.clock,
      journal: this.journal,
      guard: this.guard ?? plainGuard,
      print: this.print,
      ...(replay === null ? {} : { replay }),
    });
    if (options.trace !== undefined)
      this.seam.watch(
        "trace",
        traceOf(options.trace, () => this.clock.now()),
      );
    this.pipelines = new Pipelines(this.seam);
    this.net = this.pipelines.net(this.print);
    const { kafka, mqtt, amqp } = config;
    // A gateway is loaded by those who ask for one: see `openGateways`.
    const isOwn = (section: { enabled: boolean; upstream?: string | undefined }): boolean =>
      section.enabled && section.upstream === undefined;
    this.kafka = isOwn(kafka) ? new KafkaCluster(kafka, this.host("kafka"), this.network()) : null;
    this.mqtt = isOwn(mqtt)
      ? new MqttBroker(
          {
            maxConnections: mqtt.max_connections,
            maxPacketSize: mqtt.max_packet_size,
            keepAliveSecs: mqtt.keep_alive_secs,
            maxQueuedMessages: mqtt.max_queued_messages,
            maxInflight: mqtt.max_inflight_messages,
          },
          this.host("mqtt"),
        )
      : null;
    this.amqp = isOwn(amqp)
      ? new AmqpBroker(
          {
            ...AMQP_DEFAULTS,
            maxConnections: amqp.max_connections,
            heartbeatInterval: amqp.heartbeat_interval,
            frameMax: amqp.frame_max,
            channelMax: amqp.channel_max,
            maxMessageSize: amqp.max_message_size,
            vhosts: amqp.vhosts,
            users: amqp.users ?? null,
            ...(amqp.memory_limit === undefined ? {} : { memoryLimit: amqp.memory_limit }),
          },
          this.host("amqp"),
        )
      : null;
    const parts: Parts = { kafka: this.kafka, mqtt: this.mqtt, amqp: this.amqp };
    const single = {
      down: (protocol: "mqtt" | "amqp") => this.listeners.close({ protocol }),
      up: (protocol: "mqtt" | "amqp") => this.listeners.reopen({ protocol }, this[protocol]!, this.net),
    };
    this.control = new Control(parts, this.net, this.clock, single, worldOf(config), this.gateways);
    this.seam.control = this.control;
    this.fixtures = new FixtureRoom(this, { clock: this.clock, seed: this.seed, print: this.print });
    this.ends.push(() => this.fixtures.close());
    this.rules = new Rules(this.seam, this.clock, this.control.world);
  }

  private async open(): Promise<void> {
    if (this.options.journal !== undefined) this.ends.push(this.journal.listen(this.options.journal));
    if (this.options.journalFile !== undefined) await this.keepJournal(this.options.journalFile);
    const { oracle } = this.config;
    if (oracle !== false) await this.keepAccount(oracle === true ? {} : oracle);
    await this.loadPlugins();
    if (this.config.chaos.length > 0 && this.replay === null) this.rules.addAll(this.config.chaos as unknown as Rule[], { source: "file" });
    if (this.config.triggers) this.rules.allowTriggers();
    this.journal.begin();
    await this.openGateways();
    for (const server of [this.kafka, this.mqtt, this.amqp, ...this.gateways.values()]) {
      if (server !== null) this.listeners.serve(server, this.net);
    }
    this.replay?.startClock(this.seam);
    // hono and the routes are loaded by the first request.
    let app: Promise<Answer> | null = null;
    this.listeners.serveAdmin(async (request, server) =>
      (await (app ??= import("./admin/routes.ts").then(({ routes }) => routes(this))))(request, server),
    );
    await this.loadFixtures();
    this.phase = "serving";
  }

  private async openGateways(): Promise<void> {
    const { kafka, mqtt, amqp } = this.config;
    if (kafka.upstream === undefined && mqtt.upstream === undefined && amqp.upstream === undefined) return;
    const { gatewaysOf } = await import("./control/gateways.ts");
    const hosts = { kafka: this.host("kafka"), mqtt: this.host("mqtt") };
    for (const [protocol, gateway] of gatewaysOf(this.config, hosts, this.listeners, this.net, reachable)) {
      this.gateways.set(protocol, gateway);
      this.ends.push(() => gateway.close());
    }
  }

  /** After the brokers serve: who waits for the first message of a fixture can connect. */
  private async loadFixtures(): Promise<void> {
    for (const protocol of ["kafka", "mqtt", "amqp"] as const) {
      const { enabled, fixtures_dir: folder } = this.config[protocol];
      if (enabled && folder !== undefined) await this.fixtures.load(folder, protocol);
    }
  }

  /** From now on there is an account of every message; the one that there is goes on. */
  async keepAccount(options: OracleOptions = {}): Promise<Oracle> {
    if (this.oracle !== null) return this.oracle;
    const { Oracle } = await import("./oracle/oracle.ts");
    this.oracle ??= new Oracle(this.seed, options);
    this.seam.observe(this.oracle);
    return this.oracle;
  }

  private async loadPlugins(): Promise<void> {
    const { dir, options } = this.config.plugins;
    if (this.options.plugins !== undefined) return this.seam.install(this.options.plugins);
    if (dir === undefined || this.guard === null) return;
    // Loading brings a bundler along: only those who have plugins wait for it.
    const { catchStray, PluginFolder } = await import("./loader/load.ts");
    const { seam, guard, clock, print } = this;
    this.pluginFolder = new PluginFolder({ dir, seam, guard, clock, print, options });
    const fatal =
      this.options.fatal ??
      ((error: unknown) => {
        throw error;
      });
    this.ends.push(catchStray(this.pluginFolder, fatal), () => this.pluginFolder?.close());
    await this.pluginFolder.start();
  }

  /** How the Kafka cluster reaches its listeners. */
  private network(): Network {
    return {
      address: (node, listener) => ({
        host: this.config.kafka.advertised_host ?? reachable(this.config.host),
        port: this.listeners.port({ protocol: "kafka", node, name: listener }) ?? 0,
      }),
      down: (node) => this.listeners.close({ protocol: "kafka", node }),
      up: (node) => this.listeners.reopen({ protocol: "kafka", node }, this.kafka!, this.net),
    };
  }

  private host(protocol: Protocol): Host {
    const ids = hashRule(this.seed, "havoq");
    return hostOf(this.pipelines.of(protocol), {
      clock: this.clock,
      net: this.net,
      publish: (message: Outgoing) => {
        try {
          const part = this[message.protocol];
          if (part === null) throw new NotEnabledError(message.protocol);
          part.publish(message as never);
        } catch (error) {
          const { payload: _p, headers: _h, properties: _q, key: _k, ...target } = message;
          this.print(`${protocol}: a message cannot go to ${JSON.stringify(target)}: ${String(error)}`);
        }
      },
      random: (stream) => new Random(hashText(`${protocol} ${stream}`, ids), 0),
      print: this.print,
    });
  }

  /** Line by line, as it fires: what a killed process wrote has to be there. */
  private async keepJournal(path: string): Promise<void> {
    const [{ closeSync, openSync, writeSync }, { journalFormat }] = await Promise.all([import("node:fs"), import("./journal/file.ts")]);
    const format = journalFormat(path);
    const file = openSync(path, "w");
    this.ends.push(
      this.journal.listen((line) => void writeSync(file, format.line(line))),
      () => closeSync(file),
    );
  }

  addresses(): Addresses {
    return addressesOf(this.listeners, this.seed);
  }

  /** Why clients cannot be served as they should; none: everything is ready. */
  problems(): string[] {
    if (this.phase !== "serving") return [`havoq is ${this.phase}`];
    const { kafka, mqtt, amqp, listeners } = this;
    const problems: string[] = [];
    const up =
      kafka?.nodes.all.filter(({ id, up, paused }) => up && !paused && listeners.isOpen({ protocol: "kafka", node: id, name: "plain" })) ??
      [];
    if (kafka !== null && up.length === 0) problems.push("kafka: no broker is up");
    if (mqtt !== null && !listeners.isOpen({ protocol: "mqtt", name: "plain" })) problems.push("mqtt: nothing listens");
    if (amqp !== null && !listeners.isOpen({ protocol: "amqp", name: "plain" })) problems.push("amqp: nothing listens");
    return problems;
  }

  summary(): string[] {
    return summaryOf(
      this.addresses(),
      this.seam.plugins().map(({ name }) => name),
      this.fixtures.list(),
    );
  }

  /** Closes every listener and connection; safe to call more than once. */
  async stop(): Promise<void> {
    this.phase = "stopping";
    this.scenarios.stop();
    this.listeners.close();
    this.rules.close();
    for (const connection of this.net.connections()) connection.shutDown();
    // What the brokers said goodbye with leaves within a moment; who does not take it is cut.
    for (let i = 0; i < 20 && this.net.connections().length > 0; i++) await this.clock.sleep(10);
    for (const connection of this.net.connections()) connection.abort(false);
    this.net.endKeptOpen();
    for (const end of this.ends.splice(0).reverse()) end();
    this.clock.stop();
  }
}

async function readJournal(path: string): Promise<JournalLine[]> {
  const { journalFormat } = await import("./journal/file.ts");
  if (!(await Bun.file(path).exists())) throw new Error(`there is no file ${path}`);
  const lines = journalFormat(path).parse(await Bun.file(path).bytes());
  const strange = lines.findIndex((line) => !("rules" in line) && !("stream" in line));
  if (lines.length === 0 || strange >= 0)
    throw new Error(
      `${path} is no journal: ${lines.length === 0 ? "it is empty" : `line ${strange + 1} tells neither rules nor what fired`}`,
    );
  return lines;
}

/** An address that clients can connect to, for one that only listeners understand. */
function reachable(host: string): string {
  return host === "0.0.0.0" || host === "::" ? "localhost" : host;
}
