import type { Vhost } from "../../amqp/model/vhost.ts";
import { type Plain, Table } from "../../amqp/model/values.ts";
import type { Exchange } from "../../amqp/model/exchange.ts";
import type { AmqpQueue } from "../../amqp/model/queue.ts";
import { answers, ApiError, createRoute, Done, enabled, Flag, missing, route, takes, Whole, z, type Resource } from "../api.ts";
import { plain, StoredMessage } from "../message.ts";
import { ofHeld } from "../stored.ts";
import { BROWSED_MOST } from "./topics.ts";

const Arguments = z.record(z.string(), z.unknown()).openapi("Arguments");

const VhostSummary = z
  .object({
    name: z.string(),
    exchanges: z.int(),
    queues: z.int(),
    messages: z.int(),
  })
  .openapi("Vhost");

const ExchangeShape = z
  .object({
    name: z.string(),
    vhost: z.string(),
    type: z.string(),
    durable: z.boolean(),
    autoDelete: z.boolean(),
    internal: z.boolean(),
    arguments: Arguments,
    /** Messages that clients published to it. */
    published: z.int(),
  })
  .openapi("Exchange");

const QueueShape = z
  .object({
    name: z.string(),
    vhost: z.string(),
    type: z.enum(["classic", "quorum"]),
    durable: z.boolean(),
    autoDelete: z.boolean(),
    exclusive: z.boolean(),
    /** Ready and unacknowledged ones. */
    messages: z.int(),
    ready: z.int(),
    unacked: z.int(),
    bytes: z.int(),
    consumers: z.int(),
    delivered: z.int(),
    arguments: Arguments,
  })
  .openapi("Queue");

const BindingShape = z
  .object({
    vhost: z.string(),
    source: z.string(),
    destination: z.string(),
    destinationType: z.enum(["queue", "exchange"]),
    routingKey: z.string(),
    arguments: Arguments,
  })
  .openapi("Binding");

const NewExchange = z
  .strictObject({
    name: z.string(),
    type: z.string().default("direct"),
    durable: z.boolean().default(false),
    autoDelete: z.boolean().default(false),
    internal: z.boolean().default(false),
    arguments: Arguments.default({}),
  })
  .openapi("NewExchange");

const NewQueue = z
  .strictObject({
    /** Empty: the broker chooses one. */
    name: z.string(),
    durable: z.boolean().default(false),
    autoDelete: z.boolean().default(false),
    arguments: Arguments.default({}),
  })
  .openapi("NewQueue");

const NewBinding = z
  .strictObject({
    source: z.string(),
    destination: z.string(),
    destinationType: z.enum(["queue", "exchange"]).default("queue"),
    routingKey: z.string().default(""),
    arguments: Arguments.default({}),
  })
  .openapi("NewBinding");

const Where = z.strictObject({ vhost: z.string().default("/") });
const Anywhere = z.strictObject({ vhost: z.string().optional() });
const tags = ["amqp"];

const amqp: Resource = (api, havoq) => {
  const broker = () => enabled("amqp", havoq.amqp);
  const vhost = (name: string): Vhost => broker().vhosts.get(name) ?? missing("vhost", name, broker().vhosts.keys());
  const vhosts = ({ vhost: name }: { vhost?: string | undefined }): Vhost[] =>
    name === undefined ? [...broker().vhosts.values()] : [vhost(name)];
  const queue = (place: Vhost, name: string): AmqpQueue => place.queues.get(name) ?? missing("queue", name, place.queues.keys());

  route(
    api,
    createRoute({
      method: "get",
      path: "/api/amqp/vhosts",
      operationId: "listVhosts",
      tags,
      summary: "Virtual hosts",
      responses: answers(z.array(VhostSummary), "All"),
    }),
    (c) =>
      c.json(
        vhosts({}).map(({ name, exchanges, queues }) => ({
          name,
          exchanges: exchanges.size,
          queues: queues.size,
          messages: [...queues.values()].reduce((sum, { items }) => sum + items.ready + items.unacked, 0),
        })),
        200,
      ),
  );

  // --- Exchanges --------------------------------------------------------------------------------

  route(
    api,
    createRoute({
      method: "get",
      path: "/api/amqp/exchanges",
      operationId: "listExchanges",
      tags,
      summary: "Exchanges of one vhost or all",
      request: { query: Anywhere },
      responses: answers(z.array(ExchangeShape), "The exchanges"),
    }),
    (c) =>
      c.json(
        vhosts(c.req.valid("query")).flatMap((place) => [...place.exchanges.values()].map((one) => exchangeOf(place, one))),
        200,
      ),
  );

  route(
    api,
    createRoute({
      method: "post",
      path: "/api/amqp/exchanges",
      operationId: "declareExchange",
      tags,
      summary: "Declares an exchange",
      request: { query: Where, body: takes(NewExchange) },
      responses: answers(ExchangeShape, "The exchange"),
    }),
    (c) => {
      const { name, arguments: given, ...settings } = c.req.valid("json");
      const place = vhost(c.req.valid("query").vhost);
      return c.json(exchangeOf(place, place.declareExchange(name, { ...settings, arguments: table(given) })), 200);
    },
  );

  route(
    api,
    createRoute({
      method: "delete",
      path: "/api/amqp/exchanges/{exchange}",
      operationId: "deleteExchange",
      tags,
      summary: "Deletes an exchange with its bindings",
      request: { params: z.object({ exchange: z.string() }), query: Where.extend({ ifUnused: Flag.optional() }) },
      responses: answers(Done, "It is gone"),
    }),
    (c) => {
      const { vhost: where, ifUnused = false } = c.req.valid("query");
      const { exchange } = c.req.valid("param");
      const place = vhost(where);
      if (!place.exchanges.has(exchange)) missing("exchange", exchange, place.exchanges.keys());
      place.deleteExchange(exchange, ifUnused);
      return c.json({ done: true as const }, 200);
    },
  );

  // --- Queues -----------------------------------------------------------------------------------

  route(
    api,
    createRoute({
      method: "get",
      path: "/api/amqp/queues",
      operationId: "listQueues",
      tags,
      summary: "Queues of one vhost or all",
      request: { query: Anywhere },
      responses: answers(z.array(QueueShape), "The queues"),
    }),
    (c) =>
      c.json(
        vhosts(c.req.valid("query")).flatMap((place) => [...place.queues.values()].map((one) => queueOf(place, one))),
        200,
      ),
  );

  route(
    api,
    createRoute({
      method: "post",
      path: "/api/amqp/queues",
      operationId: "declareQueue",
      tags,
      summary: "Declares a queue",
      request: { query: Where, body: takes(NewQueue) },
      responses: answers(QueueShape, "The queue"),
    }),
    (c) => {
      const { name, arguments: given, ...settings } = c.req.valid("json");
      const place = vhost(c.req.valid("query").vhost);
      return c.json(queueOf(place, place.declareQueue(name, { ...settings, owner: null, arguments: table(given) }, null)), 200);
    },
  );

  const params = z.object({ queue: z.string() });
  route(
    api,
    createRoute({
      method: "get",
      path: "/api/amqp/queues/{queue}",
      operationId: "describeQueue",
      tags,
      summary: "One queue",
      request: { params, query: Where },
      responses: answers(QueueShape, "The queue"),
    }),
    (c) => {
      const place = vhost(c.req.valid("query").vhost);
      return c.json(queueOf(place, queue(place, c.req.valid("param").queue)), 200);
    },
  );

  route(
    api,
    createRoute({
      method: "delete",
      path: "/api/amqp/queues/{queue}",
      operationId: "deleteQueue",
      tags,
      summary: "Deletes a queue with what is in it",
      request: { params, query: Where.extend({ ifUnused: Flag.optional(), ifEmpty: Flag.optional() }) },
      responses: answers(z.object({ messages: z.int() }), "How many ready messages went with it"),
    }),
    (c) => {
      const { vhost: where, ifUnused, ifEmpty } = c.req.valid("query");
      const place = vhost(where);
      const one = queue(place, c.req.valid("param").queue);
      if (ifUnused === true && one.consumers.count > 0) throw new ApiError(409, `queue ${one.name} has consumers`);
      if (ifEmpty === true && one.items.ready > 0) throw new ApiError(409, `queue ${one.name} is not empty`);
      return c.json({ messages: place.deleteQueue(one) }, 200);
    },
  );

  route(
    api,
    createRoute({
      method: "post",
      path: "/api/amqp/queues/{queue}/purge",
      operationId: "purgeQueue",
      tags,
      summary: "Removes the ready messages of a queue",
      request: { params, query: Where },
      responses: answers(z.object({ messages: z.int() }), "How many"),
    }),
    (c) => c.json({ messages: queue(vhost(c.req.valid("query").vhost), c.req.valid("param").queue).purge() }, 200),
  );

  route(
    api,
    createRoute({
      method: "get",
      path: "/api/amqp/queues/{queue}/messages",
      operationId: "browseQueue",
      tags,
      summary: "Ready messages of a queue, without consuming them",
      request: { params, query: Where.extend({ limit: Whole.optional() }) },
      responses: answers(z.array(StoredMessage), "In the order of the queue"),
    }),
    (c) => {
      const { vhost: where, limit = 100 } = c.req.valid("query");
      const { name, items } = queue(vhost(where), c.req.valid("param").queue);
      return c.json(
        [...Iterator.from(items).take(Math.min(limit, BROWSED_MOST))].map((entry) => ofHeld(where, name, entry)),
        200,
      );
    },
  );

  // --- Bindings ---------------------------------------------------------------------------------

  route(
    api,
    createRoute({
      method: "get",
      path: "/api/amqp/bindings",
      operationId: "listBindings",
      tags,
      summary: "Bindings of one vhost or all",
      request: { query: Anywhere.extend({ queue: z.string().optional(), exchange: z.string().optional() }) },
      responses: answers(z.array(BindingShape), "Those of the queue, those that begin at the exchange"),
    }),
    (c) => {
      const { queue, exchange, ...where } = c.req.valid("query");
      const all = vhosts(where).flatMap((place) =>
        [...place.exchanges.values()].flatMap(({ name, bindings }) =>
          [...bindings.values()].map(
            ({ destination, routingKey, arguments: given }): z.output<typeof BindingShape> => ({
              vhost: place.name,
              source: name,
              destination: destination.name,
              destinationType: destination.kind,
              routingKey,
              arguments: shownTable(given),
            }),
          ),
        ),
      );
      return c.json(
        all.filter(
          (one) =>
            (queue === undefined || (one.destinationType === "queue" && one.destination === queue)) &&
            (exchange === undefined || one.source === exchange),
        ),
        200,
      );
    },
  );

  route(
    api,
    createRoute({
      method: "post",
      path: "/api/amqp/bindings",
      operationId: "bind",
      tags,
      summary: "Binds a queue or an exchange to an exchange",
      request: { query: Where, body: takes(NewBinding) },
      responses: answers(Done, "It is bound"),
    }),
    (c) => {
      const { source, destination, destinationType, routingKey, arguments: given } = c.req.valid("json");
      const place = vhost(c.req.valid("query").vhost);
      place.bind(
        source,
        () => (destinationType === "queue" ? place.queue(destination, null) : place.checkExchange(destination)),
        routingKey,
        table(given),
      );
      return c.json({ done: true as const }, 200);
    },
  );

  route(
    api,
    createRoute({
      method: "delete",
      path: "/api/amqp/bindings",
      operationId: "unbind",
      tags,
      summary: "Removes a binding; one that is not there is no error, as in AMQP",
      request: { query: Where, body: takes(NewBinding) },
      responses: answers(Done, "It is not there any more"),
    }),
    (c) => {
      const { source, destination, destinationType, routingKey, arguments: given } = c.req.valid("json");
      vhost(c.req.valid("query").vhost).unbind(source, { kind: destinationType, name: destination }, routingKey, table(given), null);
      return c.json({ done: true as const }, 200);
    },
  );
};

function table(given: Record<string, unknown>): Table {
  return Table.of(given as { [name: string]: Plain });
}

function shownTable(given: Table): Record<string, unknown> {
  return plain(given.toObject()) as Record<string, unknown>;
}

function exchangeOf(place: Vhost, { name, settings, published }: Exchange): z.output<typeof ExchangeShape> {
  const { type, durable, autoDelete, internal } = settings;
  return { name, vhost: place.name, type, durable, autoDelete, internal, arguments: shownTable(settings.arguments), published };
}

function queueOf(place: Vhost, { name, settings, given, items, consumers, delivered }: AmqpQueue): z.output<typeof QueueShape> {
  return {
    name,
    vhost: place.name,
    type: given.isQuorum ? "quorum" : "classic",
    durable: settings.durable,
    autoDelete: settings.autoDelete,
    exclusive: settings.owner !== null,
    messages: items.ready + items.unacked,
    ready: items.ready,
    unacked: items.unacked,
    bytes: items.readyBytes,
    consumers: consumers.count,
    delivered,
    arguments: shownTable(settings.arguments),
  };
}

export default amqp;
