import type { Options as Properties } from "amqplib";
import { CommandError, UsageError } from "../lib/errors.ts";
import { nearest } from "../../core/nearest.ts";
import { typed } from "../lib/options.ts";
import { printDone, printJson } from "../lib/output.ts";
import { payloads } from "../lib/payload.ts";
import { withConfirms, type Login } from "./connect.ts";

interface Options extends Login {
  exchange: string;
  routingKey: string;
  body?: string;
  property?: Record<string, string>;
  header?: Record<string, string>;
  json?: boolean;
}

/** The properties of basic.publish, and how each is read. */
const PROPERTIES: Readonly<Record<string, (text: string) => unknown>> = {
  contentType: String,
  contentEncoding: String,
  correlationId: String,
  replyTo: String,
  expiration: String,
  messageId: String,
  type: String,
  userId: String,
  appId: String,
  deliveryMode: Number,
  priority: Number,
  timestamp: Number,
};

export async function publish({ exchange, routingKey, body, property = {}, header = {}, json, ...login }: Options): Promise<void> {
  const properties = { ...read(property), headers: typed(header), mandatory: true } as Properties.Publish;
  const bodies = await payloads(body, "--body");
  const returned = await withConfirms(login, async (channel) => {
    let count = 0;
    channel.on("return", () => count++);
    for (const one of bodies) channel.publish(exchange, routingKey, one, properties);
    // The broker returns what it cannot route before it confirms it.
    await channel.waitForConfirms();
    return count;
  });
  if (returned > 0) {
    const some = returned === bodies.length ? "" : `${returned} of ${bodies.length} messages: `;
    throw new CommandError(
      exchange === ""
        ? `${some}no queue is called ${JSON.stringify(routingKey)}, so the message is gone; "havoq amqp queue declare --name ${routingKey}" makes it`
        : `${some}exchange ${exchange} leads nowhere with routing key ${JSON.stringify(routingKey)}, so the message is gone; "havoq amqp queue bind" binds a queue to it`,
    );
  }
  if (json === true) printJson({ exchange, routingKey, messages: bodies.length });
  else
    printDone(
      `${bodies.length} message${bodies.length === 1 ? "" : "s"} → ${exchange === "" ? `queue ${routingKey}` : `exchange ${exchange}${routingKey === "" ? "" : ` with ${routingKey}`}`}`,
    );
}

/** Names as amqplib has them, or as the specification: content_type, content-type. */
function read(given: Readonly<Record<string, string>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(given).map(([name, text]) => {
      const known = name.replace(/[-_](\w)/g, (_, letter: string) => letter.toUpperCase());
      const parse = PROPERTIES[known];
      if (parse === undefined) {
        const near = nearest(known, Object.keys(PROPERTIES));
        throw new UsageError(
          `--property ${name}: there is no such property: ${near === null ? Object.keys(PROPERTIES).join(", ") : `did you mean ${near}?`} (--header sets a header)`,
        );
      }
      const value = parse(text);
      if (Number.isNaN(value)) throw new UsageError(`--property ${name} is a number, not ${text}`);
      return [known, value];
    }),
  );
}
