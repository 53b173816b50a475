import { connect } from "amqplib";
import { Kafka, logLevel } from "kafkajs";
import { startServices } from "../services/all.ts";
import { ADDRESSES, Bus } from "../services/bus.ts";

/** How long anything may take: `--patience`, in seconds. */
const PATIENCE = option("patience", 15) * 1000;

/** What a script sees of the bus from outside, and what it holds it to. */
export class Observer {
  readonly bus = new Bus(`observer-${crypto.randomUUID().slice(0, 8)}`);
  private readonly events: { topic: string; value: any }[] = [];
  private readonly ends: (() => Promise<void>)[] = [];

  /** Follows Kafka topics, with a group of its own. */
  follow(...topics: string[]): Promise<void> {
    return this.bus.on(topics, (value, topic) => void this.events.push({ topic, value }));
  }

  listen(filter: string): Promise<void> {
    return this.bus.listen(filter, (value, topic) => void this.events.push({ topic, value }));
  }

  /** Takes what comes into an AMQP queue. */
  async drain(queue: string): Promise<void> {
    const connection = await connect(ADDRESSES.amqp);
    const channel = await connection.createChannel();
    await channel.consume(queue, (message) => void this.events.push({ topic: queue, value: JSON.parse(message!.content.toString()) }), {
      noAck: true,
    });
    this.ends.push(() => connection.close());
  }

  all<Event = any>(topic: string): Event[] {
    return this.events.filter((one) => one.topic === topic).map(({ value }) => value);
  }

  /** Settles when an event like this has come. */
  async expect<Event = any>(topic: string, what: string, so: (event: Event) => boolean): Promise<Event> {
    await within(
      () => this.all<Event>(topic).some(so),
      `no ${what} on ${topic}; there were ${JSON.stringify(this.all(topic)).slice(0, 300)}`,
    );
    console.log(`✓ ${what} on ${topic}`);
    return this.all<Event>(topic).find(so)!;
  }

  async close(): Promise<void> {
    for (const end of this.ends) await end();
    await this.bus.close();
  }
}

/** Settles when something holds; throws `otherwise` when it does not in time. */
export async function within(holds: () => boolean | Promise<boolean>, otherwise: string, patience = PATIENCE): Promise<void> {
  const until = performance.now() + patience;
  while (!(await holds())) {
    if (performance.now() > until) throw new Error(otherwise);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Settles when a group has committed everything of its topics. */
export async function caughtUp(group: string): Promise<void> {
  const admin = new Kafka({ brokers: ADDRESSES.kafka, clientId: "observer", logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  let lag = -1;
  const behind = async (): Promise<number> => {
    const committed = await admin.fetchOffsets({ groupId: group });
    lag = 0;
    for (const { topic, partitions } of committed) {
      const ends = new Map((await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => [partition, Number(high)]));
      for (const { partition, offset } of partitions) lag += (ends.get(partition) ?? 0) - Math.max(0, Number(offset));
    }
    return committed.length === 0 ? -1 : lag;
  };
  try {
    await within(async () => (await behind()) === 0, `group ${group} is ${lag} messages behind`);
    console.log(`✓ group ${group} has caught up`);
  } finally {
    await admin.disconnect();
  }
}

/** Runs a script with all services; the exit code says whether what it claims was so. */
export async function check(name: string, run: (observer: Observer) => Promise<void>): Promise<never> {
  const observer = new Observer();
  const deadline = setTimeout(() => {
    console.error(`✗ ${name}: took longer than two minutes`);
    process.exit(1);
  }, 120_000);
  let code = 0;
  let stop = async (): Promise<void> => undefined;
  try {
    stop = await startServices();
    await run(observer);
    console.log(`${name}: passed`);
  } catch (error) {
    console.error(`✗ ${name}: ${(error as Error).message}`);
    code = 1;
  }
  // Who leaves without a word keeps the groups waiting for it.
  await Promise.all([stop(), observer.close()]).catch((error: Error) => {
    console.error(`✗ ${name}: ${error.message}`);
    code = 1;
  });
  clearTimeout(deadline);
  process.exit(code);
}

/** `--name value` as a number. */
export function option(name: string, otherwise: number): number {
  const at = process.argv.indexOf(`--${name}`);
  if (at < 0) return otherwise;
  const value = Number(process.argv[at + 1]);
  if (!(value > 0)) {
    console.error(`--${name} takes a number, not ${process.argv[at + 1]}`);
    process.exit(2);
  }
  return value;
}
