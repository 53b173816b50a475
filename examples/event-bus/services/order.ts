import { Bus, Seen } from "./bus.ts";
import type { InventoryUpdated, PaymentProcessed, StatusUpdated } from "./events.ts";

/** Knows what has become of an order: paid, or cancelled where the goods are not there. */
export async function order(): Promise<Bus> {
  const bus = new Bus("order-service");
  const seen = new Seen();
  const update = async (status: StatusUpdated): Promise<void> => {
    if (!seen.before(`${status.orderId} ${status.status}`)) await bus.emit("orders.status-updated", status.orderId, status);
  };
  await bus.on<InventoryUpdated | PaymentProcessed>(["inventory.updated", "payments.processed"], async (event, topic) => {
    const { orderId, order } = event;
    if (topic === "payments.processed") await update({ orderId, status: "paid", order });
    else if (!(event as InventoryUpdated).reserved) await update({ orderId, status: "cancelled", reason: "out of stock", order });
  });
  return bus;
}
