import { timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import type { MiddlewareHandler } from "hono";
import { ApiError, type Env } from "./api.ts";

/** Operations that change nothing although they are not GETs: they only wait. */
const HARMLESS = new Set(["POST /api/await"]);

export interface Access {
  /** What the API listens on. */
  readonly host: string;
  /** Null: none is asked for. */
  readonly token: string | null;
}

/**
 * Who may ask for what. A web page that somebody has open must not drive this API: its requests carry
 * its own `Origin`, and where it has bent its name to point here (DNS rebinding) they carry that name
 * as `Host`. What changes something needs the token where there is one, and there has to be one where
 * others than this machine can connect.
 */
export function guard({ host, token }: Access): MiddlewareHandler<Env> {
  return async (c, next) => {
    const { req } = c;
    const trusted = token !== null && bears(req.header("authorization"), token);
    const asked = req.header("host") ?? new URL(req.url).host;
    if (!trusted && !isSafeName(nameOf(asked))) {
      throw new ApiError(
        421,
        `this API does not answer to the name ${nameOf(asked)}: ask by IP address or as localhost, or bring the token`,
      );
    }
    const origin = req.header("origin");
    if (origin !== undefined && !isSame(origin, asked)) throw new ApiError(403, `requests from pages of ${origin} are refused`);
    const site = req.header("sec-fetch-site");
    const changes = !["GET", "HEAD", "OPTIONS"].includes(req.method) && !HARMLESS.has(`${req.method} ${req.path}`);
    if (changes && origin === undefined && (site === "cross-site" || site === "same-site"))
      throw new ApiError(403, "requests from pages of other sites are refused");
    if (changes && !trusted) {
      if (token !== null)
        throw new ApiError(401, "this changes something: it needs the header Authorization: Bearer TOKEN with the token of admin.token");
      if (!isLoopback(host)) {
        throw new ApiError(
          403,
          `this changes something, and the API listens on ${host}: set admin.token (or HAVOQ_ADMIN_TOKEN) and send it as Authorization: Bearer TOKEN`,
        );
      }
    }
    await next();
  };
}

/** Whether only this machine can connect to an address. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || (isIP(host) === 4 && host.startsWith("127."));
}

/**
 * Names that no stranger can point here: addresses, names without a dot (a compose service), and
 * those under domains that nobody can own.
 */
function isSafeName(name: string): boolean {
  return isIP(name) !== 0 || (/^[\w-]+$/.test(name) && name !== "") || /\.(?:localhost|internal)$/.test(name);
}

/** `localhost:9080` → `localhost`, `[::1]:9080` → `::1`. */
function nameOf(authority: string): string {
  const match = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(authority);
  return (match?.[1] ?? match?.[2] ?? "").toLowerCase();
}

function isSame(origin: string, authority: string): boolean {
  return URL.canParse(origin) && new URL(origin).host === authority.toLowerCase();
}

function bears(header: string | undefined, token: string): boolean {
  const given = /^Bearer +(.+)$/i.exec(header ?? "")?.[1];
  return given !== undefined && timingSafeEqual(digest(given), digest(token));
}

/** Of one length, whatever was given, so that the time taken tells nothing. */
function digest(text: string): Uint8Array {
  return new Bun.CryptoHasher("sha256").update(text).digest();
}
