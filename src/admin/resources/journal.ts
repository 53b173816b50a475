import { journalFormat } from "../../journal/file.ts";
import { formatLine, type Journal, type JournalEntry } from "../../journal/journal.ts";
import { createRoute, Problem, route, Whole, z, type Resource } from "../api.ts";

const Query = z.strictObject({
  format: z.enum(["jsonl", "msgpack"]).default("jsonl"),
  /** Only entries after this one. */
  after: Whole.optional(),
  /** Only those of this plugin or rule. */
  rule: z.string().optional(),
  /** Only the last so many. */
  limit: Whole.optional(),
});
const problems = { default: { description: "What is wrong", content: { "application/json": { schema: Problem } } } };
const tags = ["journal"];

/** Every verdict that fired, and every use of the control surface by a hook. */
const journal: Resource = (api, havoq) => {
  const { journal } = havoq;

  route(
    api,
    createRoute({
      method: "get",
      path: "/api/journal",
      operationId: "readJournal",
      tags,
      summary: "The journal as `--journal` writes it: what `--replay` takes",
      request: { query: Query },
      responses: {
        200: {
          description: "A header, then one line or MessagePack object for each entry",
          content: {
            "application/x-ndjson": { schema: z.string() },
            "application/msgpack": { schema: z.string().openapi({ format: "binary" }) },
          },
        },
        ...problems,
      },
    }),
    (c) => {
      const { format, after = 0, rule, limit } = c.req.valid("query");
      const found = entriesAfter(journal, after).filter((entry) => rule === undefined || isOf(entry, rule));
      const chosen = limit === undefined ? found : found.slice(Math.max(0, found.length - limit));
      const { line } = journalFormat(format === "msgpack" ? ".msgpack" : ".jsonl");
      const bytes = Buffer.concat([journal.header(), ...chosen].map(line));
      return c.body(bytes as never, 200, {
        "content-type": format === "msgpack" ? "application/msgpack" : "application/x-ndjson",
      }) as never;
    },
  );

  route(
    api,
    createRoute({
      method: "get",
      path: "/api/journal/events",
      operationId: "followJournal",
      tags,
      summary: "Entries as server-sent events as they fire; `Last-Event-ID` or `after` goes on where one left off",
      request: { query: z.strictObject({ after: Whole.optional() }) },
      responses: {
        200: { description: "Events whose id is the entry's number", content: { "text/event-stream": { schema: z.string() } } },
        ...problems,
      },
    }),
    (c) => {
      c.env.patience();
      const last = c.req.header("last-event-id");
      const after = last !== undefined && /^\d{1,15}$/.test(last) ? Number(last) : (c.req.valid("query").after ?? journal.fired);
      return c.body(events(journal, after), 200, { "content-type": "text/event-stream", "cache-control": "no-store" }) as never;
    },
  );
};

/** Kept entries whose number is larger. */
function entriesAfter(journal: Journal, n: number): readonly JournalEntry[] {
  const kept = journal.entries();
  const first = kept[0]?.n ?? 1;
  return n < first ? kept : kept.slice(n - first + 1);
}

function isOf({ rule }: JournalEntry, name: string): boolean {
  return rule === name || rule.startsWith(`${name}/`);
}

/** Entries at a time, so that one reader does not hold the others up. */
const BURST = 500;

/**
 * Hands out entries as fast as they are taken and keeps none: what a slow reader has yet to see waits
 * in the journal, and where that has let go of it, an event named `gap` says so.
 */
function events(journal: Journal, after: number): ReadableStream<Uint8Array> {
  let at = after;
  let wake = Promise.withResolvers<void>();
  const end = journal.listen(() => wake.resolve());
  let open = true;
  return new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(Buffer.from(`retry: 1000\n\n`));
    },
    async pull(controller) {
      while (open && journal.fired <= at) {
        wake = Promise.withResolvers();
        await wake.promise;
      }
      if (!open) return;
      const found = entriesAfter(journal, at).slice(0, BURST);
      const lost = found[0]!.n - at - 1;
      const text = found.map((entry) => `id: ${entry.n}\ndata: ${formatLine(entry)}\n\n`).join("");
      controller.enqueue(Buffer.from(`${lost > 0 ? `event: gap\ndata: {"lost":${lost}}\n\n` : ""}${text}`));
      at = found.at(-1)!.n;
    },
    cancel() {
      open = false;
      end();
      wake.resolve();
    },
  });
}

export default journal;
