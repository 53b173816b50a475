import { describe, expect, test } from "bun:test";
import apis from "../../src/kafka/broker/apis/index.ts";
import { type AnyTable, versionsOf } from "../../src/kafka/wire/api.ts";
import { bounds, type Fields, type Range, within } from "../../src/kafka/wire/schema.ts";
import { definitions, type DefinedField, type Definition } from "./official.ts";

/** What one version of a message looks like on the wire, one line a field. */
type Line = string;

describe.if(definitions !== null)("tables agree with Kafka's definitions", () => {
  for (const api of apis as readonly AnyTable[]) {
    for (const message of [api.request, api.response]) {
      const direction = message.direction === "request" ? "Request" : "Response";
      test(`${api.name} ${direction}`, () => {
        const official = definitions!.get(`${api.name}${direction}`)!;
        expect(official.apiKey).toBe(api.key);
        for (const version of versionsOf(api)) {
          expect(within(range(official.validVersions), version)).toBe(true);
          expect(`flexible ${version >= api.flexibleFrom}`).toBe(`flexible ${inRange(official.flexibleVersions, version)}`);
          expect(ours(message.fields, version)).toEqual(theirs(official, official.fields, version));
        }
      });
    }
  }

  test("what is advertised has been released", () => {
    for (const api of apis as readonly AnyTable[]) {
      const official = definitions!.get(`${api.name}Request`)!;
      const last = bounds(range(official.validVersions))[1];
      if (official.latestVersionUnstable) expect(api.last).toBeLessThan(last);
    }
  });
});

function ours(fields: Fields, version: number, depth = ""): Line[] {
  const lines: Line[] = [];
  for (const [name, field] of Object.entries(fields)) {
    if (!within(field.versions, version)) continue;
    const inner = field.kind === "array" ? field.element! : field;
    const type = (field.kind === "array" ? "[]" : "") + inner.kind;
    const absent = field.kind === "struct" || field.kind === "array" ? (field.absent === null ? "null" : "") : plain(field.absent);
    lines.push(line(depth + name, type, within(field.nullable, version), field.tag, absent));
    if (inner.fields) lines.push(...ours(inner.fields, version, `${depth}${name}.`));
  }
  return lines;
}

function theirs(message: Definition, fields: DefinedField[], version: number, depth = ""): Line[] {
  const lines: Line[] = [];
  for (const field of fields) {
    if (!inRange(field.versions, version)) continue;
    const name = depth + field.name[0]!.toLowerCase() + field.name.slice(1);
    const array = field.type.startsWith("[]");
    const base = array ? field.type.slice(2) : field.type;
    const inner = field.fields ?? message.commonStructs?.find((s) => s.name === base)?.fields;
    const nullable = field.nullableVersions !== undefined && inRange(field.nullableVersions, version);
    const tag = field.tag !== undefined && inRange(field.taggedVersions!, version) ? field.tag : null;
    const type = (array ? "[]" : "") + (inner ? "struct" : base);
    lines.push(line(name, type, nullable, tag, absentOf(field, base, array, inner !== undefined)));
    if (inner) lines.push(...theirs(message, inner, version, `${name}.`));
  }
  return lines;
}

function line(name: string, type: string, nullable: boolean, tag: number | null, absent: string): Line {
  return `${name}: ${type}${nullable ? " or null" : ""}${tag === null ? "" : ` tag ${tag}`} = ${absent}`;
}

/** The default as text: explicit, else the zero of the type. */
function absentOf(field: DefinedField, base: string, array: boolean, inner: boolean): string {
  if (field.default === "null") return "null";
  if (array || inner) return "";
  if (field.default !== undefined) return base.startsWith("int") ? plain(Number(field.default)) : plain(field.default);
  switch (base) {
    case "bool":
      return "false";
    case "string":
      return "";
    case "uuid":
      return "AAAAAAAAAAAAAAAAAAAAAA";
    case "bytes":
      return "";
    case "records":
      return field.nullableVersions ? "null" : "";
    default:
      return "0";
  }
}

function plain(value: unknown): string {
  return value instanceof Uint8Array ? value.toString() : String(value);
}

function range(text: string): Range {
  return text as Range;
}
function inRange(text: string, version: number): boolean {
  return text !== "none" && within(range(text), version);
}
