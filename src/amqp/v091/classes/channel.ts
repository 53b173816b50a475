import { ReplyError } from "../replies.ts";
import { amqpClass } from "../handlers.ts";

export default amqpClass("channel", {
  open(channel) {
    if (channel.isBegun) throw new ReplyError("CHANNEL_ERROR", "second 'channel.open' seen");
    channel.isBegun = true;
    channel.send("channel.open-ok", {});
  },

  flow(channel, { active }) {
    // As in RabbitMQ: consumers are held back with basic.qos.
    if (!active) throw new ReplyError("NOT_IMPLEMENTED", "active=false");
    channel.send("channel.flow-ok", { active });
  },

  "flow-ok"() {
    throw new ReplyError("COMMAND_INVALID", "unimplemented method");
  },

  close(channel) {
    channel.session.channelClosed(channel);
    channel.send("channel.close-ok", {});
  },

  "close-ok"() {
    throw new ReplyError("COMMAND_INVALID", "unimplemented method");
  },
});
