import { analytics } from "./analytics.ts";
import type { Bus } from "./bus.ts";
import { inventory } from "./inventory.ts";
import { monitor } from "./monitor.ts";
import { notification } from "./notification.ts";
import { order } from "./order.ts";
import { payment } from "./payment.ts";
import { shipping } from "./shipping.ts";

/** Starts every service; what comes back stops them. */
export async function startServices(): Promise<() => Promise<void>> {
  const buses: Bus[] = await Promise.all([order(), inventory(), payment(), shipping(), notification(), monitor(), analytics()]);
  return async () => {
    await Promise.all(buses.map((bus) => bus.close()));
  };
}

if (import.meta.main) {
  await startServices();
  console.log("all services run");
}
