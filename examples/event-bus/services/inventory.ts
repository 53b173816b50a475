import { Bus, Seen } from "./bus.ts";
import type { InventoryUpdated, OrderCreated } from "./events.ts";

/** What the warehouse holds; of everything else there is none. */
const STOCK: Readonly<Record<string, number>> = { "sku-pen": 1_000_000, "sku-lamp": 1_000_000, "sku-chair": 3 };

/** Reserves what is ordered, as far as it is there. */
export async function inventory(): Promise<Bus> {
  const bus = new Bus("inventory-service");
  const seen = new Seen();
  const stock = new Map(Object.entries(STOCK));
  await bus.on<OrderCreated>(["orders.created"], async (order) => {
    const { orderId, productId, quantity } = order;
    if (seen.before(orderId)) return;
    const there = stock.get(productId) ?? 0;
    const reserved = there >= quantity;
    const left = reserved ? there - quantity : there;
    stock.set(productId, left);
    const event: InventoryUpdated = { orderId, productId, reserved, left, order };
    await bus.emit("inventory.updated", productId, event);
  });
  return bus;
}
