import { VERSION } from "../../core/version.ts";
import pc from "picocolors";
import { loadConfig } from "../../config/load.ts";
import { adminUrl, askAdmin, sendAdmin, type AdminOptions } from "../lib/ask.ts";
import { CommandError } from "../lib/errors.ts";
import { printJson } from "../lib/output.ts";
import { NAMES, whoAnswers, type Spoken } from "../lib/probe.ts";

interface Options extends AdminOptions {
  config?: string;
  json?: boolean;
}

/** One thing that was looked at. */
interface Finding {
  what: string;
  ok: boolean;
  found: string;
}

interface Status {
  version: string;
  seed: number;
  kafka: { host: string; ports: number[] } | null;
  mqtt: { host: string; port: number } | null;
  amqp: { host: string; port: number } | null;
}

export async function doctor(options: Options): Promise<void> {
  const findings: Finding[] = [];
  const note = (what: string, ok: boolean, found: string): void => void findings.push({ what, ok, found });
  note("this program", true, `havoq ${VERSION}, Bun ${Bun.version}, ${process.platform} ${process.arch}`);
  const status = await askAdmin<Status>(options, "/api/status").catch((error: Error) => {
    note("HTTP API", false, error.message);
    return null;
  });
  if (status !== null) {
    const same = status.version === VERSION;
    note(
      "HTTP API",
      same,
      `${adminUrl(options)}: havoq ${status.version}, seed ${status.seed}${same ? "" : `; this program is ${VERSION}`}`,
    );
    // 503 with the reasons where it is not ready.
    const { problems = [] } = (await (await sendAdmin(options, "/health/ready")).json()) as { problems?: string[] };
    note("readiness", problems.length === 0, problems.length === 0 ? "ready" : problems.join("; "));
  }
  for (const { protocol, host, port } of await addresses(status, options)) {
    const { ok, found } = await listens(protocol, host, port);
    note(`${protocol} ${host}:${port}`, ok, found);
  }
  if (status !== null) {
    if (status.kafka !== null) await examineAdvertised(options, note);
    await examinePlugins(options, note);
  }
  report(findings, options.json === true);
}

/** Where the brokers should be: what havoq says itself, else the configuration. */
async function addresses(
  status: Status | null,
  { config: file }: Options,
): Promise<{ protocol: Exclude<Spoken, "http">; host: string; port: number }[]> {
  if (status !== null) {
    const { kafka, mqtt, amqp } = status;
    return [
      ...(kafka?.ports.map((port) => ({ protocol: "kafka" as const, host: reachable(kafka.host), port })) ?? []),
      ...(mqtt === null ? [] : [{ protocol: "mqtt" as const, host: reachable(mqtt.host), port: mqtt.port }]),
      ...(amqp === null ? [] : [{ protocol: "amqp" as const, host: reachable(amqp.host), port: amqp.port }]),
    ];
  }
  const { host, kafka, mqtt, amqp } = await loadConfig({ config: file });
  const at = (protocol: Exclude<Spoken, "http">, port: number) => ({ protocol, host: reachable(host), port });
  return [
    ...(kafka.enabled ? Array.from({ length: kafka.brokers }, (_, i) => at("kafka", kafka.port + i)) : []),
    ...(mqtt.enabled ? [at("mqtt", mqtt.port)] : []),
    ...(amqp.enabled ? [at("amqp", amqp.port)] : []),
  ];
}

/** Who answers at an address, and whether that is right. */
async function listens(wanted: Exclude<Spoken, "http">, host: string, port: number): Promise<{ ok: boolean; found: string }> {
  const reached = await connects(host, port);
  if (reached !== null) return { ok: false, found: reached };
  const who = await whoAnswers({ host, port });
  return {
    ok: who === wanted,
    found:
      who === null
        ? `something listens, but does not answer as ${NAMES[wanted]} does`
        : who === wanted
          ? NAMES[who]
          : `that is ${NAMES[who]}, not ${NAMES[wanted]}`,
  };
}

/** Why nobody can connect there; null when one can. */
async function connects(hostname: string, port: number): Promise<string | null> {
  try {
    const socket = await Bun.connect({ hostname, port, socket: { data() {} } });
    socket.terminate();
    return null;
  } catch (error) {
    const { code = "" } = error as { code?: string };
    return /ENOTFOUND|EAI|DNS/i.test(code) ? `there is no host ${hostname}` : "nothing listens there";
  }
}

/** Clients are sent to the advertised addresses: a broker behind one that cannot be reached is lost to them. */
async function examineAdvertised(options: Options, note: (what: string, ok: boolean, found: string) => void): Promise<void> {
  const brokers = await askAdmin<{ id: number; up: boolean; paused: boolean; host: string; port: number }[]>(options, "/api/kafka/brokers");
  for (const { id, up, paused, host, port } of brokers) {
    const what = `Kafka broker ${id}, advertised as ${host}:${port}`;
    const reached = up && !paused ? await connects(host, port) : up ? "it is paused" : "it is down";
    note(what, reached === null, reached ?? "clients reach it");
  }
}

async function examinePlugins(options: Options, note: (what: string, ok: boolean, found: string) => void): Promise<void> {
  const plugins = await askAdmin<{ name: string; file: string; errors: number; off: boolean }[]>(options, "/api/plugins");
  for (const { name, file, errors, off } of plugins) {
    note(
      `plugin ${name}`,
      errors === 0 && !off,
      off
        ? `switched off after ${errors} errors: ${file || "built in"}`
        : errors > 0
          ? `${errors} errors: ${file || "built in"}`
          : "no errors",
    );
  }
}

/** What to connect to where a listener has every address. */
function reachable(host: string): string {
  return host === "0.0.0.0" || host === "::" ? "localhost" : host;
}

function report(findings: readonly Finding[], json: boolean): void {
  const wrong = findings.filter(({ ok }) => !ok).length;
  if (json) printJson({ ok: wrong === 0, findings });
  else for (const { what, ok, found } of findings) console.log(`${ok ? pc.green("✓") : pc.red("✗")} ${what}: ${found}`);
  if (wrong > 0) throw new CommandError(`${wrong} thing${wrong === 1 ? " is" : "s are"} wrong`);
}
