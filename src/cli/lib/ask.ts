import { CommandError } from "./errors.ts";

/** Where havoq's HTTP API is; the environment says what the flags do not. */
export interface AdminOptions {
  admin?: string | undefined;
  token?: string | undefined;
}

/** A request that is more than a GET. */
export interface Asking {
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Sent as JSON. */
  body?: unknown;
}

export function adminUrl({ admin }: AdminOptions): string {
  const url = (admin ?? process.env.HAVOQ_ADMIN_URL ?? "http://127.0.0.1:9080").replace(/\/+$/, "");
  return /^https?:\/\//.test(url) ? url : `http://${url}`;
}

/** A request to the HTTP API with the token, where there is one. Throws CommandError where nobody answers. */
export async function sendAdmin(
  options: AdminOptions,
  path: string,
  { method = "GET", body }: Asking = {},
  signal?: AbortSignal,
): Promise<Response> {
  const url = adminUrl(options);
  const secret = options.token ?? process.env.HAVOQ_ADMIN_TOKEN;
  const headers = {
    ...(secret === undefined ? {} : { authorization: `Bearer ${secret}` }),
    ...(body === undefined ? {} : { "content-type": "application/json" }),
  };
  return fetchFrom(
    url,
    path,
    { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }), ...(signal === undefined ? {} : { signal }) },
    MISSING,
  );
}

const MISSING = `this is asked over the HTTP API of havoq: name it with --admin http://host:port, and see that "havoq serve" runs with it`;

/** Asks havoq's HTTP API for something that a protocol has no way to say. */
export async function askAdmin<Answer>(options: AdminOptions, path: string, asking: Asking = {}): Promise<Answer> {
  const url = adminUrl(options);
  const response = await sendAdmin(options, path, asking);
  const isJson = (response.headers.get("content-type") ?? "").includes("json");
  if (!response.ok || !isJson) {
    const told = isJson ? ((await response.json()) as { error?: unknown }).error : undefined;
    if (response.status === 401) throw new CommandError("the HTTP API wants another token: --token, or HAVOQ_ADMIN_TOKEN");
    throw new CommandError(typeof told === "string" ? told : `${url} is not havoq's HTTP API (${response.status}); ${MISSING}`);
  }
  return (await response.json()) as Answer;
}

/** A request to an HTTP API that may not be there; what speaks another protocol is named. */
export async function fetchFrom(url: string, path: string, init: RequestInit, missing: string): Promise<Response> {
  if (!URL.canParse(url)) throw new CommandError(`${url} is no address such as http://127.0.0.1:9080; ${missing}`);
  try {
    return await fetch(`${url}${path}`, { signal: AbortSignal.timeout(60_000), ...init });
  } catch (error) {
    throw new CommandError(`${url}: ${await whatIsWrong(new URL(url), error as Error)}; ${missing}`);
  }
}

async function whatIsWrong({ hostname, port }: URL, error: Error): Promise<string> {
  if (/refused|unable to connect/i.test(String(error))) return "nothing listens there";
  const { NAMES, whoAnswers } = await import("./probe.ts");
  const found = await whoAnswers({ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || 80) }).catch(() => null);
  return found === null || found === "http" ? error.message : `that is ${NAMES[found]}, not the HTTP API`;
}
