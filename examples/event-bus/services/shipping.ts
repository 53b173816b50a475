import { Bus, Seen } from "./bus.ts";
import type { StatusUpdated } from "./events.ts";

/** Has everything packed that is paid. */
export async function shipping(): Promise<Bus> {
  const bus = new Bus("shipping-service");
  const seen = new Seen();
  await bus.on<StatusUpdated>(["orders.status-updated"], async ({ orderId, status, order }) => {
    if (status === "paid" && !seen.before(orderId))
      await bus.send("tasks", "pack", { orderId, productId: order.productId, quantity: order.quantity });
  });
  return bus;
}
