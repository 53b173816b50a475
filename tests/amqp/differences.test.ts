import { describe, expect, test } from "bun:test";
import { BODY, HEADER } from "../../src/amqp/v091/frames.ts";
import { AmqpHouse } from "./house.ts";

/** What docs/AMQP.md says of us and no recording of RabbitMQ can hold us to. */
describe("where we differ on purpose", () => {
  const begun = async () => {
    const a = await new AmqpHouse().client();
    a.raw.send(1, "basic.publish", { exchange: "", routingKey: "q", mandatory: false, immediate: false });
    return a;
  };

  test("a body longer than its header said", async () => {
    const a = await begun();
    a.raw.header(1, 3);
    a.raw.frame(BODY, 1, Buffer.from("four"));
    expect((await a.raw.expect("connection.close")).args).toMatchObject({ replyCode: 505, classId: 60, methodId: 40 });
  });

  test("properties that cannot be read", async () => {
    for (const properties of ["8000", "800005 61", "2000 000000ff", "2000 00000003 016b 3f", "0002", "0001 8000", "0000 00"]) {
      const a = await begun();
      a.raw.frame(HEADER, 1, Buffer.from(`003c0000 0000000000000000 ${properties}`.replaceAll(" ", ""), "hex"));
      expect((await a.raw.expect("connection.close")).args.replyCode).toBe(502);
    }
  });

  test("streams", async () => {
    const a = await new AmqpHouse().client();
    a.declareQueue("q", { durable: true, exclusive: false, arguments: { "x-queue-type": "stream" } });
    expect((await a.raw.expect("connection.close")).args).toMatchObject({
      replyCode: 540,
      replyText: "NOT_IMPLEMENTED - queues of type stream",
    });
  });

  test("everybody comes in", async () => {
    await new AmqpHouse().client("", { user: "anybody", password: "anything" });
  });

  test("AMQP 1.0, with and without SASL, and older dialects get the header of 0-9-1", async () => {
    for (const header of ["414d5150 00 010000", "414d5150 03 010000", "414d5150 01 010009", "414d5150 01 010800"]) {
      const raw = new AmqpHouse().raw();
      raw.bytes(header);
      expect(await raw.next().catch(String)).toContain("closed");
      expect(raw.refusal).toEqual(Buffer.from("AMQP\0\0\x09\x01", "latin1"));
    }
  });
});
