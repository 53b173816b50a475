// The few AMQP 0-9-1 frames that the load generator and the null server build.
export const PROTOCOL_HEADER = Buffer.from([...Buffer.from("AMQP"), 0, 0, 9, 1]);

const FRAME_END = 0xce;

export const enum FrameType {
  Method = 1,
  Header = 2,
  Body = 3,
}

export function frame(type: FrameType, channel: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(7);
  head.writeUInt8(type, 0);
  head.writeUInt16BE(channel, 1);
  head.writeUInt32BE(payload.length, 3);
  return Buffer.concat([head, payload, Buffer.from([FRAME_END])]);
}

export function method(channel: number, classId: number, methodId: number, ...args: Buffer[]): Buffer {
  return frame(FrameType.Method, channel, Buffer.concat([short(classId), short(methodId), ...args]));
}

/** Content header and one body frame of a `basic` message without properties. */
export function content(channel: number, body: Buffer): Buffer {
  const header = Buffer.concat([short(60), short(0), longlong(body.length), short(0)]);
  return Buffer.concat([frame(FrameType.Header, channel, header), frame(FrameType.Body, channel, body)]);
}

export function bits(value: number): Buffer {
  return Buffer.from([value]);
}

export function short(value: number): Buffer {
  return Buffer.from([value >> 8, value & 255]);
}

export function long(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function longlong(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

export function shortstr(text: string): Buffer {
  return Buffer.from([text.length, ...Buffer.from(text)]);
}

export function longstr(text: string): Buffer {
  return Buffer.concat([long(text.length), Buffer.from(text)]);
}
