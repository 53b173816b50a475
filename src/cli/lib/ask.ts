import { CommandError } from "./errors.ts";

/** Where havoq's HTTP API is; the environment says what the flags do not. */
export interface AdminOptions {
  admin?: string | undefined;
  token?: string | undefined;
}

/** Asks havoq's HTTP API for something that a protocol has no way to say; with a body it is told. */
export async function askAdmin<Answer>({ admin, token }: AdminOptions, path: string, body?: object): Promise<Answer> {
  const url = (admin ?? process.env.HAVOQ_ADMIN_URL ?? "http://127.0.0.1:9080").replace(/\/+$/, "");
  const secret = token ?? process.env.HAVOQ_ADMIN_TOKEN;
  const missing = `this is asked over the HTTP API of havoq, for the protocol has no way to say it: name it with --admin http://host:port, and see that "havoq serve" runs with it`;
  const response = await fetchFrom(url, path, secret === undefined ? {} : { authorization: `Bearer ${secret}` }, missing, body);
  const isJson = (response.headers.get("content-type") ?? "").includes("json");
  if (!response.ok || !isJson) {
    const told = isJson ? ((await response.json()) as { error?: unknown }).error : undefined;
    if (response.status === 401) throw new CommandError("the HTTP API wants another token: --token, or HAVOQ_ADMIN_TOKEN");
    throw new CommandError(typeof told === "string" ? told : `${url} is not havoq's HTTP API (${response.status}); ${missing}`);
  }
  return (await response.json()) as Answer;
}

/** A request to an HTTP API that may not be there. */
export async function fetchFrom(url: string, path: string, headers: Record<string, string>, missing: string, body?: object): Promise<Response> {
  const told = body === undefined ? { headers } : { method: "POST", headers: { ...headers, "content-type": "application/json" }, body: JSON.stringify(body) };
  try {
    return await fetch(`${url}${path}`, { ...told, signal: AbortSignal.timeout(10_000) });
  } catch (error) {
    const what = /refused|unable to connect/i.test(String(error)) ? "nothing listens there" : (error as Error).message;
    throw new CommandError(`${url}: ${what}; ${missing}`);
  }
}
