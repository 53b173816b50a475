import { systemClock } from "./time.ts";
import type { Server } from "./options.ts";
import { CommandError } from "./errors.ts";

export type Spoken = "kafka" | "mqtt" | "amqp" | "http";

export const NAMES: Readonly<Record<Spoken, string>> = {
  kafka: "a Kafka broker",
  mqtt: "an MQTT broker",
  amqp: "an AMQP broker",
  http: "an HTTP server",
};
const PATIENCE = 700;

/** What each protocol begins with, and how its answer is known. The first is answered with its own name by most, so it is asked first. */
const HELLOS: readonly { protocol: Spoken; hello: Buffer; knows(answer: Buffer): boolean }[] = [
  {
    protocol: "amqp",
    hello: Buffer.from("AMQP\x00\x00\x09\x01", "latin1"),
    knows: (answer) =>
      answer.subarray(0, 4).equals(Buffer.from("AMQP")) || (answer.length > 7 && answer[0] === 1 && answer.readUInt16BE(1) === 0),
  },
  {
    // ApiVersions v0 with correlation id 7, null client id.
    protocol: "kafka",
    hello: Buffer.from([0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff]),
    knows: (answer) => answer.length >= 8 && answer.readInt32BE(4) === 7,
  },
  {
    // CONNECT of MQTT 3.1.1, clean session, keep alive 5, no client id.
    protocol: "mqtt",
    hello: Buffer.from([0x10, 12, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 5, 0, 0]),
    knows: (answer) => answer.length >= 4 && answer[0] === 0x20,
  },
  { protocol: "http", hello: Buffer.from("GET / HTTP/1.0\r\n\r\n"), knows: (answer) => answer.subarray(0, 5).toString() === "HTTP/" },
];

/** Throws at once where nobody listens. */
export async function reach(server: Server, wanted: Exclude<Spoken, "http">): Promise<void> {
  const { host, port } = server;
  try {
    await exchange(server, null);
  } catch (error) {
    const code = (error as { code?: string }).code ?? "";
    const shown = `${host}:${port}`;
    if (/ENOTFOUND|EAI|DNS/i.test(code)) throw new CommandError(`there is no host ${host}; check --server`);
    throw new CommandError(
      `nothing listens on ${shown}${code === "" || code === "ECONNREFUSED" ? "" : ` (${code})`}; start a broker with "havoq serve", or name ${NAMES[wanted]} with --server host:port`,
    );
  }
}

/** Who answers there; null when nobody can be made out. */
export async function whoAnswers(server: Server): Promise<Spoken | null> {
  for (const { protocol, hello, knows } of HELLOS) {
    const answer = await exchange(server, hello).catch(() => Buffer.alloc(0));
    if (answer.length > 0 && knows(answer)) return protocol;
  }
  return null;
}

/** What to say of a conversation that broke: the wrong port, if it is that, or the error itself. */
export async function explain(server: Server, wanted: Exclude<Spoken, "http">, problem: string): Promise<CommandError> {
  const shown = `${server.host}:${server.port}`;
  const found = await whoAnswers(server);
  if (found !== null && found !== wanted) {
    const command = found === "http" ? "" : `; "havoq ${found}" talks to it`;
    return new CommandError(`${shown} is ${NAMES[found]}, not ${NAMES[wanted]}${command}; name the right port with --server`);
  }
  return new CommandError(found === null ? `${shown} does not answer as ${NAMES[wanted]} does: ${problem}` : problem);
}

/** Connects, says hello, and returns the first bytes of the answer; without a hello nothing is waited for. */
function exchange({ host, port }: Server, hello: Buffer | null): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let late: { cancel(): void } | null = null;
    const done = (answer: Buffer): void => {
      late?.cancel();
      resolve(answer);
    };
    Bun.connect({
      hostname: host,
      port,
      socket: {
        open(socket) {
          if (hello === null) {
            done(Buffer.alloc(0));
            socket.end();
            return;
          }
          socket.write(hello);
          late = systemClock.after(PATIENCE, () => {
            done(Buffer.alloc(0));
            socket.terminate();
          });
        },
        data(socket, data) {
          done(Buffer.from(data));
          socket.terminate();
        },
        close: () => done(Buffer.alloc(0)),
        error: () => done(Buffer.alloc(0)),
      },
    }).catch(reject);
  });
}
