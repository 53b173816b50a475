import { describe, expect, test } from "bun:test";
import { DecodeError, Reader } from "../../src/bytes/reader.ts";
import { Writer } from "../../src/bytes/writer.ts";
import apis from "../../src/kafka/broker/apis/index.ts";
import { EncodeError, Message } from "../../src/kafka/wire/codec.ts";
import { type AnyTable, readRequestHeader, skipTags, versionsOf, writeRequestHeader } from "../../src/kafka/wire/api.ts";
import { array, type Field, type Fields, int32, int64, int8, string, struct, uuid, within } from "../../src/kafka/wire/schema.ts";

/** A body with every field of this version set to something, arrays of `length`; null where `nulls` and allowed. */
function sample(fields: Fields, version: number, length: number, nulls: boolean): Record<string, unknown> {
  let n = 0;
  const value = (field: Field): unknown => {
    n++;
    if (nulls && within(field.nullable, version)) return null;
    switch (field.kind) {
      case "bool":
        return n % 2 === 0;
      case "int8":
        return (n % 100) - 50;
      case "int16":
      case "int32":
        return n % 3 === 0 ? -n : n * 7;
      case "uint16":
      case "uint32":
        return n;
      case "int64":
        return n % 2 === 0 ? 2 ** 53 - n : -n;
      case "float64":
        return n / 8;
      case "string":
        return n % 2 === 0 ? `näme-${n}` : `${n}-`.repeat(20);
      case "uuid":
        return Buffer.alloc(16, n).toString("base64url");
      case "bytes":
      case "records":
        return Buffer.alloc(n % 5, n);
      case "array":
        return Array.from({ length }, () => value(field.element!));
      case "struct":
        return sample(field.fields!, version, length, nulls);
    }
  };
  const body: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(fields)) body[name] = within(field.versions, version) ? value(field) : field.absent;
  return body;
}

function encoded(message: Message, version: number, body: Record<string, unknown>): Buffer {
  const w = new Writer();
  message.encode(version, w, body);
  return w.toBuffer();
}

describe("every message of every version we serve", () => {
  for (const api of apis as readonly AnyTable[]) {
    for (const message of [api.request, api.response] as Message[]) {
      test(`${api.name} ${message.direction}`, () => {
        for (const version of versionsOf(api)) {
          for (const [length, nulls] of [
            [0, false],
            [1, true],
            [2, false],
          ] as const) {
            const body = sample(message.fields, version, length, nulls);
            const bytes = encoded(message, version, body);
            const r = new Reader(bytes);
            expect(message.decode(version, r)).toEqual(body as any);
            expect(r.remaining).toBe(0);
            for (let end = 0; end < bytes.length; end++) {
              const error = caught(() => message.decode(version, new Reader(bytes, 0, end)));
              expect(error).toBeInstanceOf(DecodeError);
              expect(String(error)).toStartWith(`${api.name} v${version} ${message.direction}`);
            }
          }
        }
      });
    }
  }
});

function caught(run: () => unknown): unknown {
  try {
    run();
    return null;
  } catch (error) {
    return error;
  }
}

describe("the table language", () => {
  const message = new Message(
    "Sample",
    "request",
    () => ({
      name: string("0+", { nullable: "1+" }),
      topics: array({
        id: uuid("2+"),
        partitions: array(int32()),
      }),
      cursor: struct({ at: int64() }, "1+", { nullable: "1+", default: null }),
      flag: int8("2+", { tag: 3, default: -1 }),
      place: struct({ node: int32("2+", { default: -1 }) }, "2+", { tag: 1 }),
    }),
    "2+",
  );

  test("an error names its path", () => {
    const bytes = encoded(message, 2, {
      name: "x",
      topics: [
        { id: "AAAAAAAAAAAAAAAAAAAAAA", partitions: [] },
        { id: "AAAAAAAAAAAAAAAAAAAAAA", partitions: [7, 8] },
      ],
    });
    const at = bytes.length - 8; // within the second partition
    expect(String(caught(() => message.decode(2, new Reader(bytes, 0, at))))).toMatch(/^Sample v2 request topics\[1\]\.partitions/);
  });

  test("an array is not believed to be longer than the bytes that are left", () => {
    const w = new Writer();
    w.i16(1);
    w.utf8("x");
    w.i32(0x7fffffff);
    expect(String(caught(() => message.decode(0, new Reader(w.toBuffer()))))).toBe(
      "Sample v0 request topics: 2147483647 elements announced, 0 bytes left",
    );
  });

  test("null only where the table allows it", () => {
    expect(String(caught(() => message.decode(0, new Reader(Buffer.from([0xff, 0xff, 0, 0, 0, 0])))))).toBe(
      "Sample v0 request name: null is not allowed here",
    );
    expect(String(caught(() => encoded(message, 0, { name: null, topics: [] })))).toBe(
      "Sample v0 request name: a string is wanted, not null",
    );
    const v1 = { name: null, topics: [], cursor: { at: 9 }, flag: -1, place: { node: -1 } };
    expect(message.decode(1, new Reader(encoded(message, 1, v1)))).toEqual(v1);
  });

  test("a value that does not fit names its path", () => {
    const error = caught(() => encoded(message, 2, { name: "x", topics: [{ partitions: ["7"] }] }));
    expect(error).toBeInstanceOf(EncodeError);
    expect(String(error)).toBe("Sample v2 request topics[0].partitions[0]: a number is wanted, not string");
  });

  test("tagged fields: defaults are not sent, order is kept, unknown ones are skipped", () => {
    const plain = encoded(message, 2, { name: "x", topics: [], flag: -1, place: { node: -1 } });
    expect(plain.toString("hex")).toBe("0278" + "01" + "ff" + "00");
    const both = encoded(message, 2, { name: "x", topics: [], flag: 4, place: { node: 6 } });
    expect(both.toString("hex")).toBe("0278" + "01" + "ff" + "02" + "0105" + "00000006" + "00" + "0301" + "04");
    const unknown = Buffer.from("0278" + "01" + "ff" + "02" + "0002abcd" + "0301" + "04", "hex");
    expect(message.decode(2, new Reader(unknown))).toEqual({ name: "x", topics: [], cursor: null, flag: 4, place: { node: -1 } });
  });

  test("a tag's content ends where its size says", () => {
    const long = Buffer.from("0278" + "01" + "ff" + "01" + "0302" + "0405", "hex");
    expect(String(caught(() => message.decode(2, new Reader(long))))).toBe("Sample v2 request flag: 1 bytes too many");
    const twice = Buffer.from("0278" + "01" + "ff" + "02" + "030104" + "030104", "hex");
    expect(String(caught(() => message.decode(2, new Reader(twice))))).toBe("Sample v2 request: tag 3 after tag 3");
  });
});

test("request headers are read as they were written", () => {
  for (const api of apis as readonly AnyTable[]) {
    for (const apiVersion of versionsOf(api)) {
      for (const clientId of ["consumer-1", "", null]) {
        const header = { apiKey: api.key, apiVersion, correlationId: 77, clientId };
        const w = new Writer();
        writeRequestHeader(w, api, header);
        const r = new Reader(w.toBuffer());
        expect(readRequestHeader(r)).toEqual(header);
        if (apiVersion >= api.flexibleFrom) skipTags(r);
        expect(r.remaining).toBe(0);
      }
    }
  }
});
