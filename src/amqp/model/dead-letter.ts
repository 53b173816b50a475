import { Address, type Message } from "./message.ts";
import type { AmqpQueue, DeathReason } from "./queue.ts";
import { Field, Table } from "./values.ts";
import type { Vhost } from "./vhost.ts";

type Entries = [string, Field][];
const long = (value: number) => new Field("int64", value);
const text = (value: string) => new Field("text", value);

/**
 * Sends a message that `queue` let go of to the queue's dead letter exchange, with its story in the
 * header `x-death`: an entry for each queue and reason, the last one first. Without such an
 * exchange the message is gone.
 */
export function deadLetter(vhost: Vhost, queue: AmqpQueue, message: Message, reason: DeathReason): void {
  const { deadLetterExchange, deadLetterRoutingKey } = queue.given;
  const { events } = vhost.listening;
  const hasExchange = deadLetterExchange !== null && vhost.exchanges.has(deadLetterExchange);
  if (events !== null) events.left({ protocol: "amqp", place: queue.place, id: message }, reason, null, hasExchange);
  if (!hasExchange) return;
  const { exchange, routingKey } = message.address;
  const properties = message.properties();
  const headers: Entries = (properties.headers?.fields() ?? []).map(([name, field]) => [name, field]);

  const keys = [routingKey, ...textsOf(headers.find(([name]) => name === "CC")?.[1])];
  const isFirst = !headers.some(([name]) => name === "x-death");
  const deaths = deathsOf(headers);
  const isSame = (death: Table) => death.get("queue") === queue.name && death.get("reason") === reason;
  const before = deaths.find(isSame);
  const death: Entries =
    before !== undefined
      ? before.fields().map(([name, field]) => [name, name === "count" ? long(next(field.value)) : field])
      : [
          ["count", long(1)],
          ["reason", text(reason)],
          ["queue", text(queue.name)],
          ["time", new Field("timestamp", Math.floor(vhost.clock.now() / 1000))],
          ["exchange", text(exchange)],
          ["routing-keys", new Field("list", keys.map(text))],
          ...(properties.expiration === undefined ? [] : ([["original-expiration", text(properties.expiration)]] as Entries)),
        ];
  const story = [Table.ofFields(death), ...deaths.filter((other) => !isSame(other))];

  put(
    headers,
    "x-death",
    new Field(
      "list",
      story.map((table) => new Field("table", table)),
    ),
  );
  if (isFirst) {
    put(headers, "x-first-death-exchange", text(exchange));
    put(headers, "x-first-death-queue", text(queue.name));
    put(headers, "x-first-death-reason", text(reason));
  }
  // A routing key given for dead letters takes the place of all that the sender had chosen.
  const kept = deadLetterRoutingKey === null ? headers : headers.filter(([name]) => name !== "CC");
  const { expiration, ...others } = properties;
  void expiration;
  const address = new Address(deadLetterExchange, deadLetterRoutingKey ?? routingKey);
  const letter = message.with(address, { ...others, headers: Table.ofFields(kept) });
  for (const next of vhost.route(address.exchange, address.routingKey).queuesFor(letter)) {
    if (reason === "rejected" || !isCycle(next, story)) vhost.offer(next, letter);
  }
}

/** The message was in that queue before, and nobody rejected it since: it would go round for ever. */
function isCycle(queue: AmqpQueue, story: readonly Table[]): boolean {
  const last = story.findIndex((death) => death.get("queue") === queue.name);
  return last >= 0 && story.slice(0, last + 1).every((death) => death.get("reason") !== "rejected");
}

function deathsOf(headers: Entries): Table[] {
  const field = headers.find(([name]) => name === "x-death")?.[1];
  if (field?.kind !== "list") return [];
  return (field.value as readonly Field[]).filter(({ kind }) => kind === "table").map(({ value }) => value as Table);
}

function textsOf(field: Field | undefined): string[] {
  if (field?.kind !== "list") return [];
  return (field.value as readonly Field[]).filter(({ kind }) => kind === "text").map(({ value }) => value as string);
}

/** A sender may have written anything into its `x-death`. */
function next(count: Field["value"]): number {
  return Number.isSafeInteger(count) ? (count as number) + 1 : 1;
}

function put(headers: Entries, name: string, field: Field): void {
  const at = headers.findIndex(([other]) => other === name);
  if (at < 0) headers.push([name, field]);
  else headers[at] = [name, field];
}
