/** An order goes its way: stock, payment, e-mail, packing; then analytics has seen it all. `--orders N` places more. */
import type { InventoryUpdated, Notification, OrderCreated, PaymentProcessed, StatusUpdated } from "../services/events.ts";
import { caughtUp, check, option } from "./checks.ts";

await check("happy path", async (observer) => {
  await observer.follow("inventory.updated", "payments.processed", "orders.status-updated");
  await observer.drain("email.queue");
  await observer.drain("packing.queue");
  const orders = Array.from(
    { length: option("orders", 1) },
    (): OrderCreated => ({
      orderId: crypto.randomUUID(),
      productId: "sku-lamp",
      quantity: 2,
      amount: 59.8,
      email: "ada@example.org",
    }),
  );
  await Promise.all(orders.map((order) => observer.bus.emit("orders.created", order.orderId, order)));
  for (const { orderId, amount, email } of orders) {
    await observer.expect<InventoryUpdated>("inventory.updated", "reserved stock", (event) => event.orderId === orderId && event.reserved);
    await observer.expect<PaymentProcessed>(
      "payments.processed",
      `a payment of ${amount}`,
      (event) => event.orderId === orderId && event.amount === amount,
    );
    await observer.expect<StatusUpdated>(
      "orders.status-updated",
      "the status paid",
      (event) => event.orderId === orderId && event.status === "paid",
    );
    await observer.expect<Notification>(
      "email.queue",
      `an e-mail to ${email}`,
      (mail) => mail.kind === "order" && mail.about === orderId && mail.to === email,
    );
    await observer.expect("packing.queue", "a task to pack", (task) => task.orderId === orderId);
    if (observer.all<StatusUpdated>("orders.status-updated").some((event) => event.orderId === orderId && event.status === "cancelled")) {
      throw new Error(`order ${orderId} was paid and cancelled`);
    }
    const mails = observer.all<Notification>("email.queue").filter((mail) => mail.about === orderId);
    if (mails.length !== 1) throw new Error(`${mails.length} e-mails for order ${orderId}`);
  }
  await caughtUp("analytics");
});
