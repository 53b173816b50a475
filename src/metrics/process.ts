import { readdirSync, readFileSync } from "node:fs";
import type { Registry } from "prom-client";
import type { Havoq } from "../havoq.ts";
import { counter, gauge } from "./family.ts";

/**
 * The metrics of the process that Prometheus' client libraries agree on. prom-client's own collection
 * brings timers and observers with it that run all the time; these are read when they are asked for.
 */
export function addProcess(registry: Registry, { bornAt }: Havoq): void {
  const cpu = (kind: "user" | "system"): number => process.cpuUsage()[kind] / 1e6;
  counter(registry, { name: "process_cpu_user_seconds_total", help: "User CPU time", read: () => cpu("user") });
  counter(registry, { name: "process_cpu_system_seconds_total", help: "System CPU time", read: () => cpu("system") });
  counter(registry, { name: "process_cpu_seconds_total", help: "User and system CPU time", read: () => cpu("user") + cpu("system") });
  gauge(registry, { name: "process_start_time_seconds", help: "Start of the process, in seconds since 1970", read: () => bornAt / 1000 });
  gauge(registry, { name: "process_resident_memory_bytes", help: "Resident memory", read: () => process.memoryUsage.rss() });
  gauge(registry, { name: "process_heap_bytes", help: "Heap in use", read: () => process.memoryUsage().heapUsed });
  if (process.platform !== "linux") return;
  gauge(registry, {
    name: "process_virtual_memory_bytes",
    help: "Virtual memory",
    read: () => Number(/^VmSize:\s+(\d+) kB/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) * 1024,
  });
  gauge(registry, { name: "process_open_fds", help: "Open file descriptors", read: () => readdirSync("/proc/self/fd").length });
  gauge(registry, {
    name: "process_max_fds",
    help: "The most file descriptors that may be open",
    read: () => Number(/^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1] ?? Infinity),
  });
}
