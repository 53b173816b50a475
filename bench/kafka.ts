// Kafka produce (acks=1, several requests in flight) and fetch, 100-byte records: null server, Apache Kafka and havoq.
import { compare } from "./lib/compare.ts";
import { startHavoq } from "./peers/havoq.ts";
import { startKafka } from "./peers/kafka.ts";
import { startNull } from "./peers/null.ts";

const KiB = 1024;

await compare({
  protocol: "kafka",
  peers: ["kafka"],
  contestants: [
    { name: "null", start: () => startNull("kafka") },
    { name: "kafka", start: startKafka, coldWarmup: 10 },
    { name: "havoq", start: () => startHavoq("kafka") },
  ],
  cases: [
    { name: "produce, 16 KiB batches", flags: { mode: "produce", batch: 16 * KiB, window: 32 } },
    { name: "produce, 1 MiB batches", flags: { mode: "produce", batch: 1024 * KiB, window: 5 } },
    { name: "produce, 16 KiB batches, 4 connections", flags: { mode: "produce", batch: 16 * KiB, window: 32, connections: 4 } },
    { name: "fetch, 16 KiB batches", flags: { mode: "fetch", batch: 16 * KiB, window: 32 } },
  ],
});
