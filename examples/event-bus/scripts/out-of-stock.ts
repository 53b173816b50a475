/** More is ordered than is there: the order is cancelled, the money given back, the customer told. */
import type { InventoryUpdated, Notification, OrderCreated, PaymentRefunded, StatusUpdated } from "../services/events.ts";
import { check } from "./checks.ts";

await check("out of stock", async (observer) => {
  await observer.follow("inventory.updated", "orders.status-updated", "payments.refunded", "payments.processed");
  await observer.drain("email.queue");
  const order: OrderCreated = { orderId: crypto.randomUUID(), productId: "sku-chair", quantity: 4, amount: 396, email: "ada@example.org" };
  const { orderId } = order;
  await observer.bus.emit("orders.created", orderId, order);
  await observer.expect<InventoryUpdated>("inventory.updated", "nothing reserved", (event) => event.orderId === orderId && !event.reserved);
  await observer.expect<StatusUpdated>(
    "orders.status-updated",
    "the status cancelled",
    (event) => event.orderId === orderId && event.status === "cancelled" && event.reason === "out of stock",
  );
  await observer.expect<PaymentRefunded>(
    "payments.refunded",
    "a refund of 396",
    (event) => event.orderId === orderId && event.amount === 396,
  );
  await observer.expect<Notification>(
    "email.queue",
    "an e-mail about the refund",
    (mail) => mail.kind === "refund" && mail.about === orderId,
  );
  const charged = observer.all("payments.processed").some((event) => event.orderId === orderId);
  if (charged) throw new Error(`order ${orderId} was charged`);
});
