import { Bus, Seen } from "./bus.ts";
import type { Alert, Notification, PaymentRefunded, StatusUpdated } from "./events.ts";

const OPERATORS = "operators@shop.example";

/** Tells customers what became of their orders, and operators what is wrong. */
export async function notification(): Promise<Bus> {
  const bus = new Bus("notification-service");
  const seen = new Seen();
  const mail = async (kind: Notification["kind"], about: string, to: string): Promise<void> => {
    if (!seen.before(`${kind} ${about}`))
      await bus.send("notifications", `notification.email.${kind}`, { kind, about, to } satisfies Notification);
  };
  await bus.on<StatusUpdated | PaymentRefunded>(["orders.status-updated", "payments.refunded"], async (event, topic) => {
    if (topic === "payments.refunded") await mail("refund", event.orderId, event.order.email);
    else if ((event as StatusUpdated).status === "paid") await mail("order", event.orderId, event.order.email);
  });
  await bus.listen<Alert>("alerts/critical", async (alert) => {
    await bus.send("notifications", "notification.email.alert", { kind: "alert", about: alert.zone, to: OPERATORS } satisfies Notification);
    await bus.publish("dashboard/updates", { alert, notified: OPERATORS }, { retain: true });
  });
  return bus;
}
