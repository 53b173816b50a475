import { z } from "zod";
import { schema } from "./schema.ts";

/** What editors complete havoq.yaml by: the schema as JSON Schema, for what people write, not for what it becomes. */
export function jsonSchema(): object {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io: "input", target: "draft-7" });
  return { $schema, title: "havoq.yaml", description: "Configuration of havoq", ...rest };
}
