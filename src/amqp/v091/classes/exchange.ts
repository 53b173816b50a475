import { amqpClass } from "../handlers.ts";
import { clean } from "../names.ts";

export default amqpClass("exchange", {
  declare(channel, { exchange, type, passive, durable, autoDelete, internal, noWait, arguments: table }) {
    const { vhost } = channel.session;
    const name = clean(exchange);
    if (passive) vhost.checkExchange(name);
    else vhost.declareExchange(name, { type, durable, autoDelete, internal, arguments: table });
    channel.reply(noWait, "exchange.declare-ok", {});
  },

  delete(channel, { exchange, ifUnused, noWait }) {
    channel.session.vhost.deleteExchange(clean(exchange), ifUnused);
    channel.reply(noWait, "exchange.delete-ok", {});
  },

  bind(channel, { destination, source, routingKey, noWait, arguments: table }) {
    const { vhost } = channel.session;
    vhost.bind(clean(source), () => vhost.checkExchange(clean(destination)), routingKey, table);
    channel.reply(noWait, "exchange.bind-ok", {});
  },

  unbind(channel, { destination, source, routingKey, noWait, arguments: table }) {
    channel.session.vhost.unbind(clean(source), { kind: "exchange", name: clean(destination) }, routingKey, table, channel.session);
    channel.reply(noWait, "exchange.unbind-ok", {});
  },
});
