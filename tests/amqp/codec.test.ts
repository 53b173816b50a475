import { describe, expect, test } from "bun:test";
import { DecodeError, Reader } from "../../src/bytes/reader.ts";
import { Writer } from "../../src/bytes/writer.ts";
import { decodeArgs, encodeArgs } from "../../src/amqp/v091/codec.ts";
import { Decimal, Field } from "../../src/amqp/model/values.ts";
import { FieldTable } from "../../src/amqp/v091/fields.ts";
import { frameLength, FrameError, writeHeartbeat, writeMethod } from "../../src/amqp/v091/frames.ts";
import { type ArgType, methodOf, METHODS, type MethodName, specOf } from "../../src/amqp/v091/methods.ts";
import type { Properties } from "../../src/amqp/model/properties.ts";
import { checkProperties, decodeProperties, encodeProperties, FLAG } from "../../src/amqp/v091/properties.ts";

// By path: the package does not export its generated definitions.
const amqplib = require("../../node_modules/amqplib/lib/defs.js");

const names = Object.keys(METHODS) as MethodName[];
const hex = (text: string) => Buffer.from(text.replaceAll(/[^0-9a-f]/g, ""), "hex");

/** A value of each type that no other type, and no default, has. */
const SAMPLE: Record<ArgType, unknown> = {
  octet: 0xa5,
  short: 0xbeef,
  long: 0xdeadbeef,
  longlong: 2 ** 53 - 1,
  timestamp: 1_700_000_000,
  shortstr: "clé.🐇",
  longstr: Buffer.from([0, 1, 2, 0xce]),
  bit: true,
  table: FieldTable.of({ a: 1, b: { c: "d" } }),
};

function sample(name: MethodName): Record<string, unknown> {
  return Object.fromEntries(Object.entries(specOf(name).args).map(([key, type]) => [key, SAMPLE[type]]));
}
function bytesOf(name: MethodName, args: Record<string, unknown>): Buffer {
  const out = new Writer();
  encodeArgs(name, args as never, out);
  return out.toBuffer();
}
const plainArgs = (args: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(args).map(([key, value]) => [key, value instanceof FieldTable ? value.toObject() : value]));

describe("every method", () => {
  for (const name of names) {
    test(name, () => {
      const args = sample(name);
      const bytes = bytesOf(name, args);
      expect(plainArgs(decodeArgs(name, new Reader(bytes)))).toEqual(plainArgs(args));

      for (let cut = 0; cut < bytes.length; cut++) {
        expect(() => decodeArgs(name, new Reader(bytes, 0, cut))).toThrow(DecodeError);
      }
      expect(() => decodeArgs(name, new Reader(Buffer.concat([bytes, Buffer.from([0])])))).toThrow(DecodeError);

      // Each bit by itself, so that two that changed places are seen.
      for (const [key, type] of Object.entries(specOf(name).args)) {
        if (type !== "bit") continue;
        const one = {
          ...args,
          ...Object.fromEntries(
            Object.entries(specOf(name).args)
              .filter(([, t]) => t === "bit")
              .map(([k]) => [k, k === key]),
          ),
        };
        expect(plainArgs(decodeArgs(name, new Reader(bytesOf(name, one))))).toEqual(plainArgs(one));
      }
    });
  }

  test("has its own ids, and replies that exist", () => {
    for (const name of names) {
      expect(methodOf(...(specOf(name).id as [number, number]))).toBe(name);
      for (const reply of specOf(name).replies ?? []) expect(names).toContain(reply as MethodName);
    }
    expect(methodOf(60, 99)).toBeUndefined();
  });
});

describe("held against amqplib's generated definitions", () => {
  type Info = { id: number; classId: number; methodId: number; name: string; args: { type: string; name: string }[] };
  // Its exports: method names with their ids, and what has nothing to do with methods.
  const infos = Object.entries(amqplib as Record<string, unknown>)
    .filter(([name, id]) => typeof id === "number" && /^[A-Z][a-z]/.test(name) && name !== "BasicProperties")
    .map(([, id]) => (amqplib as { info(id: unknown): Info }).info(id));
  const ours = (name: string) => {
    const [, cls, method] = /^([A-Z][a-z]+)(\w+)$/.exec(name)!;
    const dashed = (s: string) => s.replaceAll(/(?<=[a-z])[A-Z]/g, "-$&").toLowerCase();
    return `${dashed(cls!)}.${dashed(method!)}` as MethodName;
  };

  test("knows all its methods by the same ids and argument types", () => {
    expect(infos.length).toBeGreaterThan(60);
    for (const info of infos) {
      const name = ours(info.name);
      expect({ [info.name]: names.includes(name) }).toEqual({ [info.name]: true });
      expect(specOf(name).id).toEqual([info.classId, info.methodId]);
      expect({ [name]: Object.values(specOf(name).args) as string[] }).toEqual({ [name]: info.args.map((arg) => arg.type) });
    }
  });
});

describe("frames", () => {
  test("a method frame, byte by byte", () => {
    const out = new Writer();
    writeMethod(out, 1, "basic.consume-ok", { consumerTag: "ct" });
    //                          type channel size     class method len "ct"  end
    expect(out.toBuffer()).toEqual(hex("01   0001    00000007 003c  0015   02  6374  ce"));
  });
  test("a heartbeat", () => {
    const out = new Writer();
    writeHeartbeat(out);
    expect(out.toBuffer()).toEqual(hex("08 0000 00000000 ce"));
  });
  test("a queue.declare with packed bits", () => {
    const out = new Writer();
    writeMethod(out, 258, "queue.declare", {
      queue: "q",
      passive: false,
      durable: true,
      exclusive: false,
      autoDelete: true,
      noWait: false,
      arguments: FieldTable.of({ n: true }),
    });
    //    type channel size     class method ticket q     bits       table: len, name, t, 1
    expect(out.toBuffer()).toEqual(hex("01 0102 00000011 0032 000a 0000 0171 0a 00000004 016e 74 01 ce"));
  });

  test("a length is known from seven bytes, and refused above the limit", () => {
    const length = frameLength(4096);
    const at = (size: number) => {
      const frame = Buffer.alloc(7, 1);
      frame.writeUInt32BE(size, 3);
      return frame;
    };
    expect(length(at(20), 0, 6)).toBe(0);
    expect(length(at(20), 0, 7)).toBe(28);
    expect(length(at(4088), 0, 7)).toBe(4096);
    expect(() => length(at(4089), 0, 7)).toThrow(FrameError);
    expect(() => length(at(0xffffffff), 0, 7)).toThrow(FrameError);
    expect(frameLength(0)(at(0xffffffff), 0, 7)).toBe(0xffffffff + 8);
  });
});

describe("field tables", () => {
  const one = (value: string) => new FieldTable(hex(`01 6b ${value}`));
  const cases: [string, string, unknown][] = [
    ["boolean", "74 01", true],
    ["signed octet", "62 fe", -2],
    ["unsigned octet", "42 fe", 254],
    ["signed 16", "73 fffe", -2],
    ["unsigned 16", "75 fffe", 65534],
    ["signed 32", "49 fffffffe", -2],
    ["unsigned 32", "69 fffffffe", 4294967294],
    ["signed 64, l", "6c fffffffffffffffe", -2],
    ["signed 64, L", "4c 7fffffffffffffff", 9223372036854775807n],
    ["float", "66 3fc00000", 1.5],
    ["double", "64 3ff8000000000000", 1.5],
    ["decimal", "44 02 0000007b", new Decimal(2, 123)],
    ["text", "53 00000002 6869", "hi"],
    ["bytes", "78 00000002 00ff", Buffer.from([0, 255])],
    ["time", "54 0000000065a00000", new Date(0x65a00000 * 1000)],
    ["void", "56", null],
    ["array", "41 00000007 74 00 49 00000001", [false, 1]],
    ["table", "46 00000004 01 61 74 01", { a: true }],
    ["empty array", "41 00000000", []],
    ["array of tables", "41 00000009 46 00000004 01 61 74 01", [{ a: true }]],
  ];
  for (const [title, bytes, value] of cases) {
    test(title, () => {
      const table = one(bytes);
      expect(table.toObject()).toEqual({ k: value } as never);
      // 64 bits are written as `l`, as RabbitMQ does, whichever letter they came with.
      expect(FieldTable.ofFields(table.fields()).bytes).toEqual(one(bytes.replace(/^4c/, "6c")).bytes);
      for (let cut = 1; cut < table.bytes.length; cut++) {
        expect(() => new FieldTable(table.bytes.subarray(0, cut) as Buffer).toObject()).toThrow(DecodeError);
      }
    });
  }

  test("plain values find their type", () => {
    const table = FieldTable.of({
      i: 1,
      l: 2 ** 40,
      d: 0.5,
      S: "é",
      t: false,
      V: null,
      x: new Uint8Array([1]),
      T: new Date(5000),
      A: [1, "a"],
      F: { n: {} },
      big: 1n,
      typed: new Field("uint8", 7),
    });
    expect(
      table
        .fields()
        .map(([, field]) => field.kind)
        .join(" "),
    ).toBe("int32 int64 double text boolean void bytes timestamp list table int64 uint8");
    expect(table.toObject()).toEqual({
      i: 1,
      l: 2 ** 40,
      d: 0.5,
      S: "é",
      t: false,
      V: null,
      x: Buffer.from([1]),
      T: new Date(5000),
      A: [1, "a"],
      F: { n: {} },
      big: 1,
      typed: 7,
    });
  });

  test("an error names the path", () => {
    const inner = FieldTable.of({ list: [true, { deep: new Field("text", "text") }] });
    const bytes = Buffer.from(inner.bytes);
    bytes[bytes.lastIndexOf("S")] = 0x3f;
    try {
      new FieldTable(bytes).toObject();
      expect.unreachable();
    } catch (error) {
      expect(String(error)).toBe('deep: unknown field type "?"');
    }
  });

  test("of a name that comes twice the first counts", () => {
    expect(new FieldTable(hex("01 6b 74 01 01 6b 74 00")).toObject()).toEqual({ k: true });
    expect(new FieldTable(hex("01 6b 74 01 01 6b 74 00")).get("k")).toBe(true);
  });

  test("a name like __proto__ is only a name", () => {
    const object = FieldTable.of(JSON.parse('{"__proto__": {"polluted": 1}}')).toObject();
    expect(Object.keys(object)).toEqual(["__proto__"]);
    expect((object as { polluted?: number }).polluted).toBeUndefined();
  });

  test("endless nesting is refused", () => {
    let nested = Buffer.from("0161740", "hex");
    for (let i = 0; i < 5000; i++) {
      const head = Buffer.from([0x41, 0, 0, 0, 0]);
      head.writeUInt32BE(nested.length, 1);
      nested = Buffer.concat([head, nested]);
    }
    expect(() => new FieldTable(Buffer.concat([Buffer.from([1, 0x61]), nested])).toObject()).toThrow("nested deeper than 64");
  });

  test("announced sizes are not believed", () => {
    expect(() => one("53 ffffffff 61").toObject()).toThrow(DecodeError);
    expect(() => one("41 ffffffff 61").toObject()).toThrow(DecodeError);
    expect(() => one("46 7fffffff").toObject()).toThrow(DecodeError);
  });
});

describe("basic properties", () => {
  const all: Required<Properties> = {
    contentType: "text/plain",
    contentEncoding: "gzip",
    headers: FieldTable.of({ a: 1 }),
    deliveryMode: 2,
    priority: 9,
    correlationId: "c",
    replyTo: "r",
    expiration: "1000",
    messageId: "m",
    timestamp: 1_700_000_000,
    type: "t",
    userId: "guest",
    appId: "app",
    clusterId: "x",
  };
  const encode = (properties: Properties) => {
    const out = new Writer();
    encodeProperties(properties, out);
    return out.toBuffer();
  };
  const decode = (bytes: Buffer) => decodeProperties(bytes, 0, bytes.length);

  test("all, none, and each alone", () => {
    expect(decode(encode(all))).toEqual(all);
    expect(encode({})).toEqual(hex("0000"));
    expect(encode({ deliveryMode: 2 })).toEqual(hex("1000 02"));
    for (const name of Object.keys(all) as (keyof Properties)[]) {
      const bytes = encode({ [name]: all[name] });
      expect(bytes.readUInt16BE(0)).toBe(FLAG[name]);
      expect(decode(bytes)).toEqual({ [name]: all[name] });
      for (let cut = 0; cut < bytes.length; cut++) {
        expect(() => decodeProperties(bytes, 0, cut)).toThrow(DecodeError);
        expect(() => checkProperties(bytes, 0, cut)).toThrow(DecodeError);
      }
      checkProperties(bytes, 0, bytes.length);
      expect(() => checkProperties(Buffer.concat([bytes, Buffer.from([0])]), 0, bytes.length + 1)).toThrow(DecodeError);
    }
  });

  test("a continuation word without flags is skipped, one with flags has no layout", () => {
    expect(decode(hex("1001 0000 02"))).toEqual({ deliveryMode: 2 });
    expect(decode(hex("1001 0001 0000 02"))).toEqual({ deliveryMode: 2 });
    expect(() => decode(hex("1001 8000 02"))).toThrow("unknown property flags");
    expect(() => decode(hex("0002"))).toThrow("unknown property flag");
    expect(() => checkProperties(hex("1001"), 0, 2)).toThrow(DecodeError);
    // An empty word after the first one, and after that one another.
    for (const bytes of [hex("0001 0000"), hex("1001 0001 0000 02")]) {
      checkProperties(bytes, 0, bytes.length);
      expect(decodeProperties(bytes, 0, bytes.length)).toEqual(bytes.length === 4 ? {} : { deliveryMode: 2 });
    }
  });

  test("a property that does not decode names itself", () => {
    try {
      decode(hex("8000 02 ff"));
      expect.unreachable();
    } catch (error) {
      expect(String(error)).toBe("contentType: short read: 2 bytes wanted, 1 left");
    }
  });

  test("what passes the check decodes, headers and all, and nothing else does", () => {
    const headers = FieldTable.of({
      t: true,
      i: 1,
      l: 2 ** 40,
      d: 0.5,
      S: "text",
      x: Buffer.from([1]),
      T: new Date(0),
      V: null,
      A: [1, [2, { n: "x" }]],
      F: { a: { b: {} } },
      D: new Decimal(1, 2),
    });
    const bytes = encode({ ...all, headers });
    const verdict = (run: () => unknown) => {
      try {
        run();
        return "read";
      } catch (error) {
        return error instanceof DecodeError ? "refused" : error;
      }
    };
    for (let at = 0; at < bytes.length; at++) {
      for (const value of [0, 1, 0x7f, 0xff, 0x46, 0x41]) {
        const broken = Buffer.from(bytes);
        broken[at] = value;
        expect([at, value, verdict(() => checkProperties(broken, 0, broken.length))]).toEqual([
          at,
          value,
          verdict(() => decode(broken).headers?.toObject()),
        ]);
      }
    }
  });
});
