/** Some thousand malformed frames through sockets, with all three protocols under fire at once: for what lies before the protocols. */
import { afterAll, expect, test } from "bun:test";
import { type Havoq, start } from "../../src/app.ts";
import { schema } from "../../src/config/schema.ts";
import type { Protocol } from "../../src/hooks/plugin.ts";
import { hashText, Random } from "../../src/hooks/random.ts";
import { MemoryClient } from "../../src/net/memory.ts";
import { AmqpTarget } from "./amqp.ts";
import { flood, type Report, SEED } from "./flood.ts";
import { KafkaTarget } from "./kafka.ts";
import { MqttTarget } from "./mqtt.ts";
import type { Stage, Target } from "./target.ts";

const REFUSALS = 1500;

console.log(`fuzz seed ${SEED} (HAVOQ_TEST_SEED=${SEED} repeats it)`);
afterAll(() => console.log(`fuzz seed ${SEED}`));

/** The client's end of a socket, in the shape of one in memory. */
class SocketClient extends MemoryClient {
  private socket: Bun.Socket | null = null;
  private unsent: Buffer = Buffer.alloc(0);

  static async open(port: number): Promise<SocketClient> {
    const client = new SocketClient();
    client.socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        // Who never reads is never read from: the kernel's window is full long after.
        data: (_, chunk) => void client.accept(chunk),
        drain: () => client.flush(),
        close: () => client.ended("end"),
        error: () => client.ended("reset"),
      },
    });
    return client;
  }

  override send(bytes: Uint8Array): void {
    this.unsent = Buffer.concat([this.unsent, bytes]);
    this.flush();
  }

  override close(error?: Error): void {
    if (error === undefined) this.socket!.end();
    else this.socket!.terminate();
  }

  private flush(): void {
    if (this.unsent.length === 0 || this.closedBy !== null) return;
    const sent = this.socket!.write(this.unsent);
    if (sent > 0) this.unsent = this.unsent.subarray(sent) as Buffer;
  }
}

const TARGETS: Record<Protocol, (stage: Stage, havoq: Havoq, random: Random) => Promise<Target>> = {
  kafka: (stage, havoq, random) => KafkaTarget.on(stage, havoq.kafka!, random),
  mqtt: (stage, havoq, random) => MqttTarget.on(stage, havoq.mqtt!, random),
  amqp: (stage, havoq, random) => AmqpTarget.on(stage, havoq.amqp!, random),
};

test("sockets that bring garbage, break off and never read harm nobody else", async () => {
  const lines: string[] = [];
  const config = schema.parse({
    seed: 1,
    kafka: { port: 0, auto_create_topics: false },
    mqtt: { port: 0, websocket_port: 0 },
    amqp: { port: 0 },
    admin: { enabled: false },
  });
  const havoq = await start(config, { print: (line) => void lines.push(line) });
  const { kafka, mqtt, amqp } = havoq.addresses();
  const ports: Record<Protocol, number> = { kafka: kafka!.ports[0]!, mqtt: mqtt!.port, amqp: amqp!.port };
  const attacks = Object.entries(TARGETS).map(async ([protocol, open]): Promise<Report> => {
    const stage: Stage = { net: havoq.net, clock: havoq.clock, lines, open: () => SocketClient.open(ports[protocol as Protocol]) };
    return flood(await open(stage, havoq, new Random(hashText(`fuzz ${SEED} tcp ${protocol}`), 0)), {
      refusals: REFUSALS,
      warmUp: REFUSALS,
    });
  });
  const reports = await Promise.all(attacks);
  for (const { frames, connections, refused, messages } of reports) {
    console.log(`  ${frames} malformed frames over ${connections} sockets, ${refused} refused; ${messages} messages beside them`);
    expect(messages).toBeGreaterThan(10);
  }
  expect(reports.flatMap(({ suspicious }) => suspicious)).toEqual([]);
  await havoq.stop();
  expect(havoq.net.connections()).toEqual([]);
}, 60_000);
