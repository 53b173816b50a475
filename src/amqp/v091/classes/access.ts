import { amqpClass } from "../handlers.ts";

/** From before 0-9-1: clients that still ask get the ticket that nobody looks at. */
export default amqpClass("access", {
  request(channel) {
    channel.send("access.request-ok", { reserved1: 1 });
  },
});
