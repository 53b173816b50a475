// Counts the bytes of the publisher and answers each message's worth with a prebuilt delivery.
import { bits, content, long, longlong, longstr, method, short, shortstr } from "../lib/amqp.ts";
import { payload } from "../load/run.ts";
import { Outlet, listen } from "./relay.ts";

const CHANNEL = 1;
const COUNT = 2048; // as many as the generator's ring

const START = method(0, 10, 10, bits(0), bits(9), long(0), longstr("PLAIN"), longstr("en_US"));
const TUNE = method(0, 10, 30, short(2047), long(131072), short(0));
const OPEN_OK = method(0, 10, 41, shortstr(""));
const CHANNEL_OPEN_OK = method(CHANNEL, 20, 11, longstr(""));
const CONSUME_OK = method(CHANNEL, 60, 21, shortstr("c"));

interface Client {
  /** Bytes that are not answered yet, and the answers to what came last in the handshake. */
  published: number;
  publishing: boolean;
  outlet: Outlet;
}

let consumer: Outlet | null = null;
let publishLength = 0;
let deliveries = Buffer.alloc(0);
let deliverLength = 0;
let delivered = 0;

listen<Client>({
  open(socket) {
    socket.data = { published: 0, publishing: false, outlet: new Outlet(socket) };
  },
  data(socket, chunk) {
    const client = socket.data;
    if (!client.publishing) {
      if (methodOf(chunk) !== 60_040) return answer(client, socket, chunk);
      begin(client, chunk);
    }
    client.published += chunk.length;
    const messages = Math.floor(client.published / publishLength);
    client.published -= messages * publishLength;
    deliver(messages);
  },
  drain(socket) {
    socket.data.outlet.drain();
  },
});

/** Class and method of the first frame, as 60_040 for 60.40; 0 for the protocol header. */
function methodOf(chunk: Buffer): number {
  return chunk[0] === 1 ? chunk.readUInt16BE(7) * 1000 + chunk.readUInt16BE(9) : 0;
}

function answer(client: Client, socket: Bun.Socket<Client>, chunk: Buffer): void {
  switch (methodOf(chunk)) {
    case 0:
      socket.write(START);
      return;
    case 10_011: // start-ok
      socket.write(TUNE);
      return;
    case 10_031: // tune-ok, with connection.open behind it or on its way
      if (chunk.length > 20) socket.write(OPEN_OK);
      return;
    case 10_040: // connection.open
      socket.write(OPEN_OK);
      return;
    case 20_010: // channel.open
      socket.write(CHANNEL_OPEN_OK);
      return;
    case 50_010: {
      const name = chunk.toString("latin1", 14, 14 + chunk[13]!);
      socket.write(method(CHANNEL, 50, 11, shortstr(name), long(0), long(0)));
      return;
    }
    case 60_020: // basic.consume
      consumer = client.outlet;
      delivered = 0;
      socket.write(CONSUME_OK);
  }
}

/** The first publish tells the lengths: three frames in, three frames out. */
function begin(client: Client, chunk: Buffer): void {
  client.publishing = true;
  const routingKey = chunk.toString("latin1", 15, 15 + chunk[14]!);
  publishLength = 0;
  for (let frames = 0; frames < 3; frames++) publishLength += 7 + chunk.readUInt32BE(publishLength + 3) + 1;
  const bodyLength = Number(chunk.readBigUInt64BE(7 + chunk.readUInt32BE(3) + 1 + 7 + 4));
  const frames = Array.from({ length: COUNT }, (_, index) =>
    Buffer.concat([
      method(CHANNEL, 60, 60, shortstr("c"), longlong(index + 1), bits(0), shortstr(""), shortstr(routingKey)),
      content(CHANNEL, payload(bodyLength, index)),
    ]),
  );
  deliverLength = frames[0]!.length;
  deliveries = Buffer.concat(frames);
}

function deliver(messages: number): void {
  for (let left = messages; left > 0; ) {
    const slot = delivered % COUNT;
    const now = Math.min(left, COUNT - slot);
    consumer!.write(deliveries.subarray(slot * deliverLength, (slot + now) * deliverLength));
    delivered += now;
    left -= now;
  }
}
