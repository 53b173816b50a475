import { Hono } from "hono";
import type { Havoq } from "../havoq.ts";
import { formatLine } from "../hooks/journal.ts";

/** The HTTP API. Loaded by its first request, so that start-up does not pay for it. */
export function routes(havoq: Havoq): (request: Request) => Response | Promise<Response> {
  const app = new Hono();

  app.get("/health/live", (c) => c.json({ status: "up" }));
  app.get("/health/ready", (c) => c.json({ status: "ready" }));

  /** Ports, seed, connections and what was refused or failed, by protocol. */
  app.get("/api/status", (c) => c.json({ ...havoq.addresses(), connections: havoq.net.counts }));

  app.get("/api/plugins", (c) =>
    c.json(
      havoq.seam.plugins().map(({ name, file, errors, off, counts }) => ({ name, file, errors, off, counters: Object.fromEntries(counts) })),
    ),
  );

  /** The journal as JSON lines, as `--journal` writes it. */
  app.get("/api/journal", (c) =>
    c.text([havoq.journal.header(), ...havoq.journal.entries()].map((line) => `${formatLine(line)}\n`).join(""), 200, {
      "content-type": "application/x-ndjson",
    }),
  );

  app.notFound((c) => c.json({ error: `no ${c.req.method} ${c.req.path} here` }, 404));
  return (request) => app.fetch(request);
}
