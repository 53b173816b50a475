// MQTT QoS 0, 100-byte payloads: null server, Mosquitto and havoq under the same load.
import { compare } from "./lib/compare.ts";
import { startHavoq } from "./peers/havoq.ts";
import { startMosquitto } from "./peers/mosquitto.ts";
import { startNull } from "./peers/null.ts";

await compare({
  protocol: "mqtt",
  peers: ["mosquitto", "mosquitto-nodelay"],
  contestants: [
    { name: "null", start: () => startNull("mqtt") },
    { name: "mosquitto", start: () => startMosquitto() },
    { name: "mosquitto-nodelay", start: () => startMosquitto({ noDelay: true }) },
    { name: "havoq", start: () => startHavoq("mqtt") },
  ],
  cases: [
    { name: "QoS 0, 1 to 1", flags: { subscribers: 1 } },
    { name: "QoS 0, 1 to 10", flags: { subscribers: 10 } },
  ],
});
