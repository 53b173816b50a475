import { Bus } from "./bus.ts";
import type { Alert, Reading } from "./events.ts";

/** Degrees that the warehouse can take. */
const LIMIT = 30;

/** Watches the warehouse's sensors. */
export async function monitor(): Promise<Bus> {
  const bus = new Bus("monitor-service");
  await bus.listen<Reading>("warehouse/sensors/temperature/+", async ({ zone, celsius }) => {
    if (celsius > LIMIT) await bus.publish("alerts/critical", { zone, celsius, limit: LIMIT } satisfies Alert);
  });
  return bus;
}
