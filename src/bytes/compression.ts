import { lz4Compress, lz4Decompress } from "./lz4.ts";
import { DecodeError } from "./reader.ts";
import { snappyCompress, snappyDecompress } from "./snappy.ts";
import { checkZstd } from "./zstd.ts";

/** The compression types of Kafka record batches, by the names that clients configure. */
export type Codec = "gzip" | "snappy" | "lz4" | "zstd";

/**
 * Compresses `data` the way Java's Kafka client would: gzip, snappy in xerial framing, LZ4 frames of
 * independent 64 KiB blocks, zstd at its default level.
 */
export function compress(codec: Codec, data: Uint8Array): Buffer {
  switch (codec) {
    case "gzip":
      return zlib().gzipSync(data);
    case "snappy":
      return snappyCompress(data);
    case "lz4":
      return lz4Compress(data);
    case "zstd":
      return zlib().zstdCompressSync(data);
  }
}

/**
 * The bytes that `data` was made from. Memory stays within a small multiple of `maxLength` and of
 * `data`, whatever `data` announces.
 *
 * @throws DecodeError when `data` is corrupt, cut short, followed by other bytes, or longer than `maxLength` bytes.
 */
export function decompress(codec: Codec, data: Uint8Array, maxLength: number): Buffer {
  switch (codec) {
    case "gzip":
      return inflate(codec, maxLength, (options) => zlib().gunzipSync(data, options));
    case "snappy":
      return snappyDecompress(data, maxLength);
    case "lz4":
      return lz4Decompress(data, maxLength);
    case "zstd":
      // The decoder takes input that ends in mid-frame, and ignores what follows a frame.
      checkZstd(data);
      return inflate(codec, maxLength, (options) => zlib().zstdDecompressSync(data, options));
  }
}

function inflate(codec: Codec, maxLength: number, run: (options: { maxOutputLength: number }) => Buffer): Buffer {
  let out: Buffer;
  try {
    out = run({ maxOutputLength: Math.max(1, maxLength) });
  } catch (cause) {
    const { code, message } = cause as Error & { code?: string };
    if (code === "ERR_BUFFER_TOO_LARGE") throw tooLong(codec, maxLength);
    throw new DecodeError(`${codec}: ${message}`);
  }
  if (out.length > maxLength) throw tooLong(codec, maxLength);
  return out;
}

function tooLong(codec: Codec, maxLength: number): DecodeError {
  return new DecodeError(`${codec}: more than ${maxLength} bytes`);
}

/** Loaded when first asked for: starting must not pay for it. */
function zlib(): typeof import("node:zlib") {
  return require("node:zlib");
}
