import { FieldTable } from "../../src/amqp/v091/fields.ts";
import { schema } from "../../src/config/schema.ts";
import { listenersOf } from "../../src/config/listeners.ts";
import { Listeners } from "../../src/net/listeners.ts";
import { Havoq } from "../../src/havoq.ts";
import { AdvanceableClock } from "../../src/hooks/clock.ts";
import type { JournalLine } from "../../src/journal/journal.ts";
import type { Protocol } from "../../src/hooks/plugin.ts";
import { type Hash, hashText, Random } from "../../src/hooks/random.ts";
import type { Observer } from "../../src/hooks/observer.ts";
import { Replay } from "../../src/journal/replay.ts";
import { connectMemory, type MemoryClient } from "../../src/net/memory.ts";
import { chaos } from "./chaos.ts";
import { inspectQueues, undecidedOf } from "./checks/amqp.ts";
import type { Actor, Place } from "./clients/actor.ts";
import { AmqpConsumer } from "./clients/amqp-consumer.ts";
import { AmqpOddball } from "./clients/amqp-oddball.ts";
import { AmqpPublisher } from "./clients/amqp-publisher.ts";
import { EXCHANGES, QUEUES } from "./clients/amqp-wire.ts";
import { indexOf, NODES, PARTITIONS, topicOf, TOPICS } from "./clients/kafka-map.ts";
import { GROUP, KafkaMember } from "./clients/kafka-member.ts";
import { KafkaProducer } from "./clients/kafka-producer.ts";
import { KafkaReader } from "./clients/kafka-reader.ts";
import { type Due, MqttPeer } from "./clients/mqtt-peer.ts";
import { Ledger, must, Violation } from "./ledger.ts";

/** When the clock of every simulation begins: it stands still but for `advance`. */
export const BEGINNING = Date.UTC(2026, 0, 1);

export interface WorldOptions {
  /** Told of everything, which must not change anything. */
  observer?: Observer;
  seed: number;
  /** Random things to do before the chaos ends. */
  steps: number;
  /** Hooks answer at once and never change, as those of a replay. */
  isSync?: boolean;
  /** Fires the verdicts of this journal in the place of drawing them. */
  replay?: readonly JournalLine[];
}

/** An entry of a log. */
export interface Stretch {
  readonly base: number;
  readonly next: number;
  readonly count: number;
  readonly bytes: Buffer;
}

/** All three brokers without their sockets, and the clients around them. */
export class World implements Place {
  readonly ledger = new Ledger();
  readonly havoq: Havoq;
  /** What the brokers printed and reported. */
  readonly lines: string[] = [];
  readonly journal: JournalLine[] = [];
  readonly due: Due[] = [];
  /** What was cut off the front of each log, oldest first. */
  readonly cut = new Map<string, Stretch[]>(PARTITIONS.map((partition) => [partition, []]));

  readonly producers: KafkaProducer[];
  readonly readers: KafkaReader[];
  readonly members: KafkaMember[];
  readonly peers: MqttPeer[] = [];
  readonly publishers: AmqpPublisher[];
  readonly consumers: AmqpConsumer[];
  readonly oddball: AmqpOddball;
  readonly actors: readonly Actor[];
  private readonly base: Hash;
  private calmUntil = Infinity;
  /** Every change of a leader, with the one there was before. */
  private readonly leaders: { partition: string; before: number }[] = [];

  constructor(private readonly options: WorldOptions) {
    const { seed, replay } = options;
    this.base = hashText(`simulation ${seed}`);
    const topics = Object.fromEntries(Object.entries(TOPICS).map(([name, partitions]) => [name, { partitions, replication_factor: 2 }]));
    const config = schema.parse({ seed, kafka: { brokers: NODES, topics }, admin: { enabled: false } });
    const clock = new AdvanceableClock(BEGINNING);
    const print = (line: string): void => void this.lines.push(line);
    this.havoq = new Havoq(
      config,
      { clock, print },
      new Listeners(listenersOf(config, null)),
      replay === undefined ? null : new Replay(replay),
    );
    this.havoq.seam.observe(options.observer ?? null);
    this.havoq.journal.listen((line) => void this.journal.push(line));
    this.watchSessions();
    this.watchLeaders();
    this.watchLogs();

    this.producers = [
      new KafkaProducer(this, "k-plain", false),
      new KafkaProducer(this, "k-sure", true),
      new KafkaProducer(this, "k-also", true),
    ];
    this.readers = [new KafkaReader(this, "k-reader", "earliest"), new KafkaReader(this, "k-latest", "latest")];
    this.members = [
      new KafkaMember(this, "k-one", null, "earliest"),
      new KafkaMember(this, "k-two", null, "latest"),
      new KafkaMember(this, "k-static", "static", "earliest"),
    ];
    for (const [name, version] of [
      ["m1", 4],
      ["m2", 5],
      ["m3", 5],
      ["m4", 3],
    ] as const)
      this.peers.push(new MqttPeer(this, name, version, this.peers, this.due));
    this.publishers = [new AmqpPublisher(this, "a-one"), new AmqpPublisher(this, "a-two")];
    this.consumers = [
      new AmqpConsumer(this, "a-mixed", ["q.plain", "q.topic"], false),
      new AmqpConsumer(this, "a-rejecting", ["q.rejecting", "q.plain"], false),
      new AmqpConsumer(this, "a-dead", ["q.dead"], false),
      new AmqpConsumer(this, "a-auto", ["q.auto"], true),
    ];
    this.oddball = new AmqpOddball(this, "a-odd");
    this.actors = [...this.producers, ...this.readers, ...this.members, ...this.peers, ...this.publishers, ...this.consumers, this.oddball];
    this.declare();
  }

  now(): number {
    return this.havoq.clock.now();
  }

  dial(protocol: Protocol, node?: number): MemoryClient | null {
    const { havoq } = this;
    if (protocol === "kafka" && !havoq.kafka!.nodes.isUp(node!)) return null;
    return connectMemory(havoq[protocol]!, havoq.net, node);
  }

  range(partition: string): { start: number; end: number } {
    const { start, end } = this.havoq.kafka!.partition(topicOf(partition), indexOf(partition))!.log;
    return { start, end };
  }

  get changes(): number {
    return this.leaders.length;
  }
  led(partition: string, node: number, since: number): boolean {
    if (this.havoq.kafka!.partition(topicOf(partition), indexOf(partition))!.leader === node) return true;
    return this.leaders.slice(since).some((change) => change.partition === partition && change.before === node);
  }
  private watchLeaders(): void {
    for (const name of PARTITIONS) {
      const partition = this.havoq.kafka!.partition(topicOf(name), indexOf(name))!;
      let before = partition.leader;
      partition.changed.add(() => {
        if (partition.leader !== before) this.leaders.push({ partition: name, before });
        before = partition.leader;
      });
    }
  }

  /** What logs let go of is kept, for the checks. */
  private watchLogs(): void {
    for (const name of PARTITIONS) {
      const { log } = this.havoq.kafka!.partition(topicOf(name), indexOf(name))!;
      const deleteBefore = log.deleteBefore.bind(log);
      log.deleteBefore = (offset) => {
        for (const { base, next, count, bytes } of log) {
          if (next > Math.min(offset, log.end)) break;
          this.cut.get(name)!.push({ base, next, count, bytes: Buffer.from(bytes) });
        }
        deleteBefore(offset);
      };
    }
  }

  /** Whatever ends a session tells its client, who then no longer counts on it. */
  private watchSessions(): void {
    const { control } = this.havoq;
    const expire = control.expireSession.bind(control);
    control.expireSession = (clientId) => {
      this.peers.find(({ name }) => name === clientId)?.expire();
      return expire(clientId);
    };
  }

  private declare(): void {
    const vhost = this.havoq.amqp!.vhosts.get("/")!;
    const plain = { durable: true, autoDelete: false };
    for (const [name, args] of Object.entries(QUEUES))
      vhost.declareQueue(name, { ...plain, owner: null, arguments: FieldTable.of(args) }, null);
    for (const [name, { type, bindings }] of Object.entries(EXCHANGES)) {
      vhost.declareExchange(name, { ...plain, type, internal: false, arguments: FieldTable.EMPTY });
      for (const [key, queue] of bindings) vhost.bind(name, () => vhost.queue(queue, null), key, FieldTable.EMPTY);
    }
    // A group that has committed something is not forgotten while nobody is in it.
    this.havoq.kafka!.groups.commit(GROUP, "ka", 0, 0, -1, "");
  }

  // --- The run ----------------------------------------------------------------------------------

  async run(): Promise<void> {
    this.install(1);
    for (let step = 0; step < this.options.steps; step++) await this.step(step);
    await this.heal();
    await this.finish();
  }

  private install(more: number): void {
    // The second one sees what the first let through.
    const plugins = [more, more / 4].map((rate, i) => ({
      name: `chaos${i + 1}`,
      file: "",
      plugin: chaos(rate, this.options.isSync !== true),
    }));
    this.havoq.seam.install(more === 0 ? [] : plugins);
  }

  /** Times without any plugin are short: nothing could be found in them. */
  private change(more: number, step: number): void {
    this.calmUntil = more === 0 ? step + 30 : Infinity;
    this.install(more);
  }

  private async step(step: number): Promise<void> {
    const random = new Random(hashText(`step ${step}`, this.base), 0);
    if (step === this.calmUntil) this.change(1, step);
    const draw = random.next();
    if (draw < 0.85) random.pick(this.actors).act(random);
    else if (draw < 0.94) await this.advance(random.int(1, 2000));
    else if (draw < 0.96) await this.advance(random.pick([6_000, 25_000, 70_000]));
    // A replay has its hooks in place all the time.
    else if (draw < 0.97 && !this.options.isSync) this.change(random.pick([0, 1, 1, 3]), step);
    else this.operate(random);
    for (let turns = random.int(0, 3); turns > 0; turns--) await this.turn();
    inspectQueues(this);
  }

  /** What an operator may do to the brokers. */
  private operate(random: Random): void {
    const { control } = this.havoq;
    const node = random.int(1, NODES);
    try {
      random.pick([
        () => control.electLeader(random.pick(Object.keys(TOPICS)), random.int(0, 1)),
        () => control.killBroker(node),
        () => control.restartBroker(node),
        () => control.restartBroker(node),
        () => control.pauseBroker(node),
        () => control.resumeBroker(node),
        () => control.expireSession(random.pick(this.peers).name),
        () => control.disconnect({ client: random.pick(this.actors).name }, { reset: random.chance(0.5) }),
        () => control.block({ client: random.pick(this.actors).name }),
        () => control.unblock({}),
        () =>
          void this.havoq
            .kafka!.groups.groups.get(GROUP)
            ?.members.keys()
            .forEach((id) => control.expelMember(GROUP, id)),
      ])();
    } catch (error) {
      // There is not always a replica that could lead.
      if (!(error instanceof RangeError)) throw error;
    }
  }

  /** What was sent is handled, what was answered is heard. */
  async turn(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    for (const actor of this.actors) actor.hear();
  }

  /** Clients hear what comes while time passes. */
  private async advance(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 1000) {
      await this.havoq.clock.advance(Math.min(left, 1000));
      await this.turn();
    }
  }

  // --- The end of the chaos ---------------------------------------------------------------------

  /** No plugin, every broker up, every connection closed: nothing may be left of any of them. */
  private async heal(): Promise<void> {
    const { control, seam, net, kafka } = this.havoq;
    for (const { name, errors, off } of seam.plugins())
      must(errors === 0 && !off, () => `${name} failed ${errors} times: ${this.lines.filter((line) => line.startsWith("plugin"))}`);
    this.install(0);
    for (const { id } of kafka!.nodes.all) {
      control.resumeBroker(id);
      control.restartBroker(id);
    }
    control.unblock({});
    // Whatever was held back comes out now, at the latest.
    await this.advance(15_000);
    this.noneHangs();
    must(seam.asides.isEmpty, () => "messages that let others pass never went");
    for (const actor of this.actors) actor.breakOff();
    for (let i = 0; i < 10; i++) await this.turn();
    const open = net.connections();
    must(
      open.length === 0,
      () =>
        `${open.map(({ protocol, clientId, id }) => `${protocol} connection ${id} of ${clientId}`)} is open although its client has gone`,
    );
    for (const queue of this.havoq.amqp!.vhosts.get("/")!.queues.values()) {
      must(queue.items.unacked === 0, () => `${queue.items.unacked} messages of ${queue.name} are with consumers, and there is none`);
    }
  }

  /** No connection waits for a verdict, but those that a hook told never to hear back. */
  private noneHangs(): void {
    const silent = (clientId: string): boolean =>
      this.journal.some(
        (line) =>
          "verdict" in line && line.verdict === "drop" && line.rule.endsWith("/connect") && line.stream.startsWith(`kafka/${clientId}@`),
      );
    for (const connection of this.havoq.net.connections()) {
      const { protocol, clientId, isHeld, waiting } = connection;
      must(!waiting, () => `answers of ${protocol} connection ${connection.id} of ${clientId} still wait for a verdict`);
      const undecided = protocol === "amqp" ? undecidedOf(connection) : 0;
      must(undecided === 0, () => `${undecided} deliveries to amqp connection ${connection.id} of ${clientId} still wait for a verdict`);
      must(
        !isHeld || (protocol === "kafka" && silent(clientId)),
        () => `${protocol} connection ${connection.id} of ${clientId} is still held`,
      );
    }
    for (const { clientId, link } of this.havoq.mqtt!.sessions.values()) {
      must(link === null || link.outlet["held"] === 0, () => `${link!.outlet["held"]} deliveries to ${clientId} still wait for a verdict`);
    }
  }

  /** Everybody comes to an end with what is under way, undisturbed. */
  private async finish(): Promise<void> {
    this.oddball.finish();
    for (const group of [
      [...this.producers, ...this.publishers, ...this.peers],
      [...this.readers, ...this.members, ...this.consumers, ...this.peers],
    ]) {
      for (const actor of [...this.readers, ...this.members]) actor.again();
      await this.until(group);
    }
  }

  /** Everybody leaves, and a week later nothing is left to happen but the housekeeping. */
  async end(): Promise<void> {
    for (const actor of this.actors) actor.breakOff();
    await this.turn();
    await this.havoq.clock.advance(7 * 86_400_000);
    const alarms = this.havoq.clock["heap"].filter(({ run }) => run !== null).length;
    must(alarms <= 1, () => `${alarms} alarms are still set, and nobody is there`);
  }

  private async until(group: readonly Actor[]): Promise<void> {
    for (let round = 0; !group.every(({ isDone }) => isDone); round++) {
      const [late] = group.filter(({ isDone }) => !isDone);
      if (round === 400) throw new Violation(`${late!.name} does not come to an end: ${late!.state}`);
      // Members share the partitions: those that stayed away would keep the others waiting.
      for (const actor of group) if (!actor.isDone) actor.finish();
      await this.turn();
      if (round % 4 === 3) await this.advance(500);
    }
  }

  [Symbol.dispose](): void {
    this.havoq.clock.stop();
  }
}
