import { Bus } from "./bus.ts";

/** Counts everything; the slowest of all, and nobody waits for it. */
export async function analytics(): Promise<Bus> {
  const bus = new Bus("analytics");
  const counts = new Map<string, number>();
  await bus.on(
    ["orders.created", "orders.status-updated", "inventory.updated", "payments.processed", "payments.refunded"],
    (_event, topic) => {
      counts.set(topic, (counts.get(topic) ?? 0) + 1);
    },
  );
  return bus;
}
