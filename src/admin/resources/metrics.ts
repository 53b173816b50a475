import type { Registry } from "prom-client";
import { createRoute, route, z, type Resource } from "../api.ts";

/** Prometheus' text form; also where those look who come from MockForge. */
const metrics: Resource = (api, havoq) => {
  let registry: Promise<Registry> | null = null;
  for (const path of ["/metrics", "/__mockforge/metrics"] as const) {
    route(
      api,
      createRoute({
        method: "get",
        path,
        operationId: path === "/metrics" ? "metrics" : "metricsAlias",
        tags: ["metrics"],
        summary: "All metrics, as Prometheus reads them",
        responses: { 200: { description: "Text form 0.0.4", content: { "text/plain": { schema: z.string() } } } },
      }),
      async (c) => {
        registry ??= import("../../metrics/metrics.ts").then(({ metricsOf }) => metricsOf(havoq));
        const { contentType } = await registry;
        return c.body(await (await registry).metrics(), 200, { "content-type": contentType }) as never;
      },
    );
  }
};

export default metrics;
