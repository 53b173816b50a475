import { OpenAPIHono } from "@hono/zod-openapi";
import { bodyLimit } from "hono/body-limit";
import { HTTPException } from "hono/http-exception";
import { nearest } from "../core/nearest.ts";
import { VERSION } from "../core/version.ts";
import type { Havoq } from "../havoq.ts";
import { ApiError, type Api, type Env, type Served } from "./api.ts";
import { refusal } from "./refusal.ts";
import resources from "./resources/index.ts";
import { guard } from "./security.ts";

/** Bytes of a request's body; a snapshot may be larger. */
const BODY_MOST = 16 * 1024 * 1024;
const SNAPSHOT_MOST = 1024 * 1024 * 1024;

/** Answers one request; a test gives `null` for the server. */
export type Answer = (request: Request, server: Bun.Server<unknown> | null) => Response | Promise<Response>;

/** The HTTP API. Loaded by its first request, so that start-up does not pay for it. */
export function routes(havoq: Havoq): Answer {
  const api = apiOf(havoq);
  return (request, server) => {
    const served: Served = { patience: () => server?.timeout(request, 0) };
    return api.fetch(request, served);
  };
}

/** The same as an application, for the test that holds its routes against its description. */
export function apiOf(havoq: Havoq): Api {
  const api = new OpenAPIHono<Env>();
  const { host, token } = havoq.config.admin;
  api.use(guard({ host, token }));
  api.use((c, next) =>
    bodyLimit({
      maxSize: c.req.path === "/api/snapshot" ? SNAPSHOT_MOST : BODY_MOST,
      onError: () => {
        throw new ApiError(413, "the body is too large");
      },
    })(c, next),
  );
  for (const add of resources) add(api, havoq);
  api.doc31("/api/openapi.json", describe);
  api.onError((error, c) => {
    const { status, message, path, didYouMean } =
      error instanceof HTTPException
        ? { status: error.status, message: error.message, path: undefined, didYouMean: undefined }
        : refusal(error);
    const hint = { ...(path === undefined ? {} : { path }), ...(didYouMean === undefined ? {} : { didYouMean }) };
    return c.json({ error: message, ...hint }, status, status === 401 ? { "www-authenticate": "Bearer" } : {});
  });
  api.notFound((c) => {
    const paths = [...new Set(api.routes.filter(({ path }) => path.includes("/", 1) || path === "/metrics").map(({ path }) => path))];
    const methods = api.routes.filter(({ path, method }) => path === c.req.path && method !== "ALL").map(({ method }) => method);
    if (methods.length > 0) return c.json({ error: `${c.req.path} takes ${[...new Set(methods)].join(", ")}, not ${c.req.method}` }, 405);
    const near = nearest(c.req.path, paths);
    return c.json(
      {
        error: `no ${c.req.path} here${near === null ? ": GET /api/openapi.json tells what there is" : `: did you mean ${near}?`}`,
        ...(near === null ? {} : { didYouMean: near }),
      },
      404,
    );
  });
  return api;
}

const describe = {
  openapi: "3.1.0",
  info: {
    title: "havoq",
    version: VERSION,
    description: "The state of the brokers, what is in them, and everything that can be done to them.",
    license: { name: "MIT", identifier: "MIT" },
  },
};
