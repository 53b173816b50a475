import type { Duration, JournalEntry, Message, Rule, State, TestHavoq, TestRule } from "./api.ts";

/** Where the brokers listen, as `--ready-file` tells it. */
export interface Ports {
  kafka: { host: string; ports: number[] } | null;
  mqtt: { host: string; port: number; websocketPort: number } | null;
  amqp: { host: string; port: number } | null;
  admin: { host: string; port: number } | null;
  seed: number;
}

/** Answers a request to the HTTP API, over the network or not. */
export type Ask = (request: Request) => Response | Promise<Response>;

/** Brokers through their HTTP API: the same for those in this process and those in another. */
export class Client implements TestHavoq {
  readonly seed: number;
  readonly kafka: { readonly brokers: string[] };
  readonly mqtt: { readonly url: string; readonly wsUrl: string };
  readonly amqp: { readonly url: string };
  readonly admin: { readonly url: string };
  readonly env: Readonly<Record<string, string>>;

  constructor(
    { seed, kafka, mqtt, amqp, admin }: Ports,
    private readonly ask: Ask,
    private readonly end: () => Promise<void>,
  ) {
    this.seed = seed;
    this.kafka = { brokers: kafka?.ports.map((port) => `${kafka.host}:${port}`) ?? [] };
    this.mqtt =
      mqtt === null
        ? { url: "", wsUrl: "" }
        : { url: `mqtt://${mqtt.host}:${mqtt.port}`, wsUrl: `ws://${mqtt.host}:${mqtt.websocketPort}` };
    // The vhost is spelled out: a bare "/" means vhost "/" to some clients and vhost "" to others.
    this.amqp = { url: amqp === null ? "" : `amqp://guest:guest@${amqp.host}:${amqp.port}/%2F` };
    this.admin = { url: admin === null ? "" : `http://${admin.host}:${admin.port}` };
    this.env = {
      HAVOQ_SEED: String(seed),
      KAFKA_BROKERS: this.kafka.brokers.join(","),
      MQTT_URL: this.mqtt.url,
      AMQP_URL: this.amqp.url,
      HAVOQ_ADMIN_URL: this.admin.url,
    };
  }

  async rule(rule: Rule): Promise<TestRule> {
    const [{ id }] = await this.request("POST", "/api/rules", rule);
    const path = `/api/rules/${encodeURIComponent(id)}`;
    const status = (): Promise<{ fired: number; matched: number }> => this.request("GET", path);
    let last: { fired: number; matched: number } | null = null;
    const look = async (): Promise<{ fired: number; matched: number }> => last ?? status();
    return {
      id,
      fired: async () => (await look()).fired,
      matched: async () => (await look()).matched,
      untilFired: (times = 1, timeout) => this.until({ fired: id, times }, timeout),
      enable: async (enabled) => void (await this.request("PATCH", path, { enabled })),
      remove: async () => {
        if (last !== null) return;
        // A test may ask how often it fired after it is gone.
        const seen = await status();
        await this.request("DELETE", path);
        last = seen;
      },
    };
  }

  async clear(): Promise<void> {
    await this.request("DELETE", "/api/rules");
  }

  async until(state: State, timeout?: Duration): Promise<void> {
    await this.request("POST", "/api/await", { ...state, ...(timeout === undefined ? {} : { timeout }) });
  }

  async advance(by: Duration): Promise<void> {
    await this.request("POST", "/api/clock/advance", { by });
  }

  async raise(event: string): Promise<void> {
    await this.request("POST", "/api/events", { event });
  }

  async control(method: string, args: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    return (await this.request("POST", `/api/control/${method}`, args)).result;
  }

  async publish(message: Message): Promise<void> {
    await this.request("POST", "/api/messages", message);
  }

  async journal(): Promise<JournalEntry[]> {
    const lines: string = await this.request("GET", "/api/journal");
    return lines.split("\n").flatMap((line) => {
      const entry = line === "" ? {} : JSON.parse(line);
      return "n" in entry ? [entry as JournalEntry] : [];
    });
  }

  async request(method: string, path: string, body?: unknown): Promise<any> {
    const response = await this.ask(
      new Request(`${this.admin.url || "http://127.0.0.1"}${path}`, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
      }),
    );
    const text = await response.text();
    const answer = /^application\/json\b/.test(response.headers.get("content-type") ?? "") ? JSON.parse(text) : text;
    if (!response.ok) throw new Error(answer?.error ?? `${method} ${path}: ${response.status} ${text}`);
    return answer;
  }

  stop(): Promise<void> {
    return this.end();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.end();
  }
}

/** The configuration of a test's brokers: any ports, and what else was asked for. */
export function freePorts(config: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const part = (name: string, ports: Record<string, number>): object => ({ ...(config[name] as object | undefined), ...ports });
  return {
    ...config,
    kafka: part("kafka", { port: 0 }),
    mqtt: part("mqtt", { port: 0, websocket_port: 0 }),
    amqp: part("amqp", { port: 0 }),
    admin: part("admin", { port: 0, enabled: true as never }),
  };
}
