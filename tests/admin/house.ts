import { start } from "../../src/app.ts";
import { DEFAULTS, type Config } from "../../src/config/config.ts";
import type { Havoq, StartOptions } from "../../src/havoq.ts";

export interface House extends AsyncDisposable {
  readonly havoq: Havoq;
  /** Of the HTTP API. */
  readonly url: string;
  readonly kafka: string[];
  readonly mqtt: string;
  readonly amqp: string;
  /** Asks the API; anything but 2xx is an error with what it said. */
  ask(method: string, path: string, body?: unknown): Promise<any>;
  /** The same, with the status of what went wrong. */
  refused(method: string, path: string, body?: unknown): Promise<{ status: number; error: string; path?: unknown; didYouMean?: string }>;
}

export type Changes = { [Section in keyof Config]?: Config[Section] extends object ? Partial<Config[Section]> : Config[Section] };

/** The brokers in this process, on free ports. */
export async function house(changes: Changes = {}, options: StartOptions = {}): Promise<House> {
  const config: any = structuredClone(DEFAULTS);
  config.seed = 7;
  for (const section of ["kafka", "mqtt", "amqp", "admin"]) config[section].port = 0;
  config.mqtt.websocket_port = 0;
  for (const [section, values] of Object.entries(changes)) {
    if (typeof values === "object" && !Array.isArray(values)) Object.assign(config[section], values);
    else config[section] = values;
  }
  const havoq = await start(config as Config, { print: () => undefined, ...options });
  const { kafka, mqtt, amqp, admin } = havoq.addresses();
  const url = `http://127.0.0.1:${admin!.port}`;
  const send = async (method: string, path: string, body?: unknown): Promise<Response> => {
    const { token } = config.admin;
    return fetch(`${url}${path}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  };
  return {
    havoq,
    url,
    kafka: kafka?.ports.map((port) => `127.0.0.1:${port}`) ?? [],
    mqtt: `mqtt://127.0.0.1:${mqtt?.port}`,
    amqp: `amqp://guest:guest@127.0.0.1:${amqp?.port}/%2F`,
    async ask(method, path, body) {
      const response = await send(method, path, body);
      const text = await response.text();
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
      return JSON.parse(text);
    },
    async refused(method, path, body) {
      const response = await send(method, path, body);
      return { status: response.status, ...((await response.json()) as { error: string }) };
    },
    async [Symbol.asyncDispose]() {
      await havoq.stop();
    },
  };
}
