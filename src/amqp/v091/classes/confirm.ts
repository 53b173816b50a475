import { ReplyError } from "../replies.ts";
import { Confirms } from "../confirms.ts";
import { amqpClass } from "../handlers.ts";

export default amqpClass("confirm", {
  select(channel, { noWait }) {
    if (channel.transaction !== null) throw new ReplyError("PRECONDITION_FAILED", "cannot switch from tx to confirm mode");
    channel.confirms ??= new Confirms(channel);
    channel.reply(noWait, "confirm.select-ok", {});
  },
});
