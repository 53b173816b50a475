import { Reader } from "../../bytes/reader.ts";
import { Writer } from "../../bytes/writer.ts";
import { type AnyTable, readRequestHeader, readResponseHeader, skipTags, writeRequestHeader, writeResponseHeader } from "../wire/api.ts";

/** A request of our own in bytes, its size counted. */
export function requestFrame(api: AnyTable, version: number, correlationId: number, clientId: string | null, body: any): Buffer {
  const w = new Writer();
  const mark = w.open();
  writeRequestHeader(w, api, { apiKey: api.key, apiVersion: version, correlationId, clientId });
  api.request.encode(version, w, body);
  w.close(mark);
  return w.toBuffer();
}

/** A request with another body; its header stays byte by byte what it was. @param frame its size counted */
export function withBody(api: AnyTable, version: number, frame: Buffer, body: any): Buffer {
  const r = new Reader(frame);
  r.skip(4);
  readRequestHeader(r);
  if (version >= api.flexibleFrom) skipTags(r);
  const w = new Writer(Math.max(256, frame.length));
  const mark = w.open();
  w.bytes(frame.subarray(4, r.pos));
  api.request.encode(version, w, body);
  w.close(mark);
  return w.toBuffer();
}

/** An answer in bytes, its size counted. */
export function responseFrame(api: AnyTable, version: number, correlationId: number, body: any): Buffer {
  const w = new Writer();
  const mark = w.open();
  writeResponseHeader(w, api, version, correlationId);
  api.response.encode(version, w, body);
  w.close(mark);
  return w.toBuffer();
}

/** A reader of an answer, its size counted, that stands where the body begins. */
export function answerReader(api: AnyTable, version: number, frame: Buffer): Reader {
  const r = new Reader(frame);
  r.skip(4);
  readResponseHeader(r, api, version);
  return r;
}
