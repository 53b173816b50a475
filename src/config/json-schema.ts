import { z } from "zod";
import { schema } from "./schema.ts";
import { ruleSchemas } from "../rules/schema.ts";

/** What editors complete havoq.yaml by: the schema as JSON Schema, for what people write, not for what it becomes. */
export function jsonSchema(): object {
  const { $schema, properties, ...rest } = z.toJSONSchema(schema, { io: "input", target: "draft-7" });
  const chaos = { ...(properties!["chaos"] as object), items: { $ref: "#/definitions/Rule" } };
  return {
    $schema,
    title: "havoq.yaml",
    description: "Configuration of havoq",
    ...rest,
    properties: { ...properties, chaos },
    definitions: ruleSchemas("#/definitions/"),
  };
}
