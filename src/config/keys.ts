import { schema } from "./schema.ts";

/** What a value of the configuration is, as far as an environment variable must know. */
export type Kind = "text" | "list" | "value";

export interface Key {
  path: readonly string[];
  kind: Kind;
  /** How its number is written for people. */
  unit: "duration" | "size" | null;
  /** `HAVOQ_KAFKA_PORT` for kafka.port. */
  variable: string;
}

/** Every key of havoq.yaml that holds a value of its own, in the order of the schema. */
export function allKeys(): Key[] {
  return keysBelow(schema, []);
}

function keysBelow(node: any, path: readonly string[]): Key[] {
  const { shape, def } = unwrap(node);
  if (shape !== undefined) return Object.entries(shape).flatMap(([name, child]) => keysBelow(child, [...path, name]));
  const kind = def.type === "string" ? "text" : def.type === "array" ? "list" : "value";
  const words: string = def.type === "pipe" ? (def.in.description ?? "") : "";
  const unit = words.includes("duration") ? "duration" : words.includes("size") ? "size" : null;
  return [{ path, kind, unit, variable: `HAVOQ_${path.join("_").toUpperCase()}` }];
}

/** The names that the schema knows at a path; none where any name may stand. */
export function namesAt(path: readonly PropertyKey[]): string[] {
  let node: any = schema;
  for (const step of path) {
    node = unwrap(node);
    node = node.shape?.[step as string] ?? node.def?.valueType ?? node.def?.element;
  }
  return Object.keys(unwrap(node)?.shape ?? {});
}

function unwrap(node: any): any {
  while (node?.def?.innerType !== undefined) node = node.def.innerType;
  return node;
}
