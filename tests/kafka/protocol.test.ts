import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { Writer } from "../../src/bytes/writer.ts";
import apis from "../../src/kafka/broker/apis/index.ts";
import { errorName } from "../../src/kafka/wire/errors.ts";
import { type AnyTable, writeRequestHeader } from "../../src/kafka/wire/api.ts";
import { writeBatch } from "../../src/kafka/wire/records.ts";
import { seeded } from "../bytes/seeded.ts";
import { apiNamed, batchOf, produceBody, type TestClient, TestCluster, valuesOf } from "./client.ts";

let house: TestCluster;
let client: TestClient;

beforeEach(() => {
  house = new TestCluster();
  client = house.connect();
});
afterEach(() => house[Symbol.dispose]());

function framed(write: (w: Writer) => void): Buffer {
  const w = new Writer();
  const mark = w.open();
  write(w);
  w.close(mark);
  return w.toBuffer();
}

const asked = { clientSoftwareName: "tests", clientSoftwareVersion: "1.0" };

describe("ApiVersions", () => {
  test("names every API with its versions", async () => {
    for (let version = 0; version <= 5; version++) {
      const { errorCode, apiKeys } = await client.call("ApiVersions", asked, version);
      expect(errorCode).toBe(0);
      expect(apiKeys.length).toBe(apis.length);
      for (const { apiKey, minVersion, maxVersion } of apiKeys) {
        const api = (apis as readonly AnyTable[]).find(({ key }) => key === apiKey)!;
        expect([minVersion, maxVersion]).toEqual([api.name === "Produce" ? 0 : api.first, api.last]);
      }
    }
  });

  test("of an unknown version is answered in version 0, with the versions it has", async () => {
    client.wire.send(
      framed((w) => {
        writeRequestHeader(w, apiNamed("ApiVersions"), { apiKey: 18, apiVersion: 99, correlationId: 5, clientId: "from the future" });
        w.bytes(Buffer.from("whatever it may say"));
      }),
    );
    const answer = await client.answer("ApiVersions", 0, 5);
    expect(errorName(answer.errorCode)).toBe("UNSUPPORTED_VERSION");
    expect(answer.apiKeys).toEqual([{ apiKey: 18, minVersion: 0, maxVersion: 5 }]);
  });

  test("refuses names that are none, and clients that mean another cluster", async () => {
    const ask = async (body: Partial<typeof asked> & { clusterId?: string; nodeId?: number }) =>
      errorName((await client.call("ApiVersions", { ...asked, ...body })).errorCode);
    expect(await ask({ clientSoftwareName: "-x-" })).toBe("INVALID_REQUEST");
    expect(await ask({ clientSoftwareVersion: "" })).toBe("INVALID_REQUEST");
    expect(await ask({ clusterId: house.cluster.id, nodeId: 1 })).toBe("NONE");
    expect(await ask({ clusterId: "another", nodeId: 1 })).toBe("REBOOTSTRAP_REQUIRED");
    expect(await ask({ clusterId: house.cluster.id, nodeId: 2 })).toBe("REBOOTSTRAP_REQUIRED");
    expect(await ask({ nodeId: 1 })).toBe("INVALID_REQUEST");
  });
});

describe("what cannot be read closes the connection, and that one only", () => {
  const header = (apiKey: number, apiVersion: number) => (w: Writer) => {
    w.i16(apiKey);
    w.i16(apiVersion);
    w.i32(1);
    w.i16(-1);
  };
  const cases: [string, Buffer, RegExp][] = [
    ["an unknown API", framed(header(999, 0)), /unknown api key 999/],
    ["a version we do not serve", framed(header(1, 3)), /Fetch v3 is not supported/],
    ["an old Produce, although it is advertised", framed(header(0, 2)), /Produce v2 is not supported/],
    ["HTTP", Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), /a request of 1195725856 bytes/],
    ["a negative size", Buffer.from([0xff, 0xff, 0xff, 0xff]), /a request of -1 bytes/],
    ["an empty frame", Buffer.from([0, 0, 0, 0]), /request header: short read/],
    [
      "a body that ends early",
      framed((w) => {
        header(3, 1)(w);
        w.i32(2);
        w.i16(1);
        w.u8(65);
        w.i16(7);
      }),
      /Metadata v1 request topics\[1\]\.name: short read/,
    ],
    [
      "an announced giant",
      framed((w) => {
        header(3, 1)(w);
        w.i32(0x7fffffff);
      }),
      /Metadata v1 request topics: 2147483647 elements announced, 0 bytes left/,
    ],
  ];
  for (const [what, bytes, line] of cases) {
    test(what, async () => {
      const neighbour = house.connect();
      await neighbour.createTopic("t");
      client.wire.send(bytes);
      expect(await client.wire.closed()).toBe("end");
      expect(house.house.lines.join("\n")).toMatch(line);
      expect((await neighbour.produce("t", 0, ["still here"])).error).toBe("NONE");
      expect(house.house.net.counts.kafka).toMatchObject({ failed: 1, active: 1 });
    });
  }
});

test("frames may come in any pieces", async () => {
  await client.createTopic("t");
  const produce = framed((w) => {
    writeRequestHeader(w, apiNamed("Produce"), { apiKey: 0, apiVersion: 12, correlationId: 9, clientId: "slow" });
    apiNamed("Produce").request.encode(12, w, produceBody("t", 0, writeBatch(batchOf(["in pieces"])).bytes));
  });
  for (const byte of produce) client.wire.send(Buffer.of(byte));
  expect((await client.answer("Produce", 12)).responses[0]!.partitionResponses[0]!.errorCode).toBe(0);
  client.wire.send(Buffer.concat([produce, produce, produce.subarray(0, 30)]));
  client.wire.send(produce.subarray(30));
  for (let i = 1; i <= 3; i++) expect((await client.answer("Produce", 12)).responses[0]!.partitionResponses[0]!.baseOffset).toBe(i);
});

test("requests are counted by API and error", async () => {
  await client.createTopic("t");
  await client.produce("t", 0, ["a"]);
  await client.produce("t", 7, ["a"]);
  await client.fetch("t", 0, 0);
  const counts = (name: string) => house.cluster.metrics.apis.get(name)!;
  expect([...counts("Produce").errors]).toEqual([
    ["NONE", 1],
    ["UNKNOWN_TOPIC_OR_PARTITION", 1],
  ]);
  expect(counts("Fetch").count).toBe(1);
  const topic = house.cluster.topics.get("t")!;
  expect([topic.messagesIn, [...topic.messagesOut]]).toEqual([1, [["", 1]]]);
});

test("malformed requests: no crash, no hang, and the neighbours lose nothing", async () => {
  const { next, bytes } = seeded(11);
  const neighbour = house.connect();
  await neighbour.createTopic("t");
  const all = apis as readonly AnyTable[];
  for (let i = 0; i < 3_000; i++) {
    const victim = house.connect();
    const api = all[next(all.length)]!;
    const version = api.first + next(api.last - api.first + 1);
    victim.wire.send(
      framed((w) => {
        writeRequestHeader(w, api, { apiKey: api.key, apiVersion: version, correlationId: i, clientId: "x" });
        w.bytes(bytes(next(60)));
      }),
    );
    if (i % 50 === 0) expect(await neighbour.produce("t", 0, [`${i}`])).toMatchObject({ error: "NONE", baseOffset: i / 50 });
    victim.wire.close();
  }
  expect(valuesOf((await neighbour.fetch("t", 0, 0)).found)).toEqual(Array.from({ length: 60 }, (_, i) => `${i * 50}`));
  expect(house.house.net.counts.kafka.active).toBeLessThanOrEqual(3);
});
