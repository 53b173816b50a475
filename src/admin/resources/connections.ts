import type { ConnectionFilter } from "../../hooks/plugin.ts";
import { answers, createRoute, Done, Flag, missing, route, takes, Whole, z, type Resource } from "../api.ts";
import { Connection, connectionOf, Filter } from "../filter.ts";

const Chosen = z.object({ connections: z.int() }).openapi("Chosen");
const Query = z.strictObject({
  protocol: z.enum(["kafka", "mqtt", "amqp"]).optional(),
  client: z.string().optional(),
  user: z.string().optional(),
  broker: Whole.optional(),
});
const tags = ["connections"];

/** Client sockets of all protocols. */
const connections: Resource = (api, { control }) => {
  route(
    api,
    createRoute({
      method: "get",
      path: "/api/connections",
      operationId: "listConnections",
      tags,
      summary: "Open connections; `*` and `?` in client and user",
      request: { query: Query },
      responses: answers(z.array(Connection), "By id"),
    }),
    (c) => c.json(control.connections(c.req.valid("query") as ConnectionFilter).map(connectionOf), 200),
  );

  route(
    api,
    createRoute({
      method: "post",
      path: "/api/connections/disconnect",
      operationId: "disconnect",
      tags,
      summary: "Closes connections: FIN, or RST with `reset`",
      request: { body: takes(Filter.extend({ reset: z.boolean().optional() })) },
      responses: answers(Chosen, "How many"),
    }),
    (c) => {
      const { reset = false, ...filter } = c.req.valid("json");
      return c.json({ connections: control.disconnect(filter as ConnectionFilter, { reset }) }, 200);
    },
  );

  for (const [verb, summary] of [
    ["block", "Stops reading from and writing to connections without closing them"],
    ["unblock", "Goes on with blocked connections"],
  ] as const) {
    route(
      api,
      createRoute({
        method: "post",
        path: `/api/connections/${verb}`,
        operationId: verb,
        tags,
        summary,
        request: { body: takes(Filter) },
        responses: answers(Chosen, "How many"),
      }),
      (c) => c.json({ connections: control[verb](c.req.valid("json") as ConnectionFilter) }, 200),
    );
  }

  route(
    api,
    createRoute({
      method: "delete",
      path: "/api/connections/{id}",
      operationId: "disconnectOne",
      tags,
      summary: "Closes one connection",
      request: { params: z.object({ id: Whole }), query: z.strictObject({ reset: Flag.optional() }) },
      responses: answers(Done, "It is closed"),
    }),
    (c) => {
      const { id } = c.req.valid("param");
      if (control.disconnect({ id }, { reset: c.req.valid("query").reset ?? false }) === 0) missing("connection", String(id), []);
      return c.json({ done: true as const }, 200);
    },
  );
};

export default connections;
