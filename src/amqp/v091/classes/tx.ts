import { ReplyError } from "../replies.ts";
import type { Channel } from "../channel.ts";
import { amqpClass } from "../handlers.ts";
import { Transaction } from "../transaction.ts";

export default amqpClass("tx", {
  select(channel) {
    if (channel.confirms !== null) throw new ReplyError("PRECONDITION_FAILED", "cannot switch from confirm to tx mode");
    channel.transaction ??= new Transaction(channel);
    channel.send("tx.select-ok", {});
  },

  commit(channel) {
    begun(channel).commit();
    channel.send("tx.commit-ok", {});
  },

  rollback(channel) {
    begun(channel).rollback();
    channel.send("tx.rollback-ok", {});
  },
});

function begun({ transaction }: Channel): Transaction {
  if (transaction === null) throw new ReplyError("PRECONDITION_FAILED", "channel is not transactional");
  return transaction;
}
