import { Bus, Seen } from "./bus.ts";
import type { InventoryUpdated, PaymentProcessed, PaymentRefunded, StatusUpdated } from "./events.ts";

/** Charges what was reserved, and gives back what was authorised for orders that were cancelled. */
export async function payment(): Promise<Bus> {
  const bus = new Bus("payment-service");
  const seen = new Seen();
  await bus.on<InventoryUpdated | StatusUpdated>(["inventory.updated", "orders.status-updated"], async (event) => {
    const { orderId, order } = event;
    if ("reserved" in event && event.reserved && !seen.before(`charge ${orderId}`)) {
      const processed: PaymentProcessed = { orderId, amount: order.amount, order };
      await bus.emit("payments.processed", orderId, processed);
    }
    if ("status" in event && event.status === "cancelled" && !seen.before(`refund ${orderId}`)) {
      const refunded: PaymentRefunded = { orderId, amount: order.amount, order };
      await bus.emit("payments.refunded", orderId, refunded);
    }
  });
  return bus;
}
