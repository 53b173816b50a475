/** A sensor above 30 degrees: an alert, an e-mail to the operators, the dashboard. One below changes nothing. */
import type { Alert, Notification } from "../services/events.ts";
import { check } from "./checks.ts";

await check("temperature alert", async (observer) => {
  const zone = `zone-${crypto.randomUUID().slice(0, 8)}`;
  await observer.listen("alerts/critical");
  await observer.listen("dashboard/updates");
  await observer.drain("email.queue");
  await observer.bus.publish(`warehouse/sensors/temperature/${zone}-cool`, { zone: `${zone}-cool`, celsius: 29.9 });
  await observer.bus.publish(`warehouse/sensors/temperature/${zone}`, { zone, celsius: 31.5 });
  await observer.expect<Alert>("alerts/critical", "an alert", (alert) => alert.zone === zone && alert.celsius === 31.5);
  await observer.expect<Notification>("email.queue", "an e-mail to the operators", (mail) => mail.kind === "alert" && mail.about === zone);
  await observer.expect<{ alert: Alert }>("dashboard/updates", "an update of the dashboard", ({ alert }) => alert?.zone === zone);
  // The cool one came before the hot one: an alert for it would be here by now.
  if (observer.all<Alert>("alerts/critical").some((alert) => alert.zone === `${zone}-cool`))
    throw new Error("29.9 degrees raised an alert");
});
