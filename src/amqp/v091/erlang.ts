/** Bytes as RabbitMQ's texts show them: `<<0,60>>`, or `<<"text">>` where all of it can be printed. */
export function erlang(bytes: Uint8Array): string {
  // More than a short string holds would be cut off anyway.
  const shown = bytes.subarray(0, 255);
  if (shown.length > 0 && shown.every((byte) => byte >= 32 && byte < 127))
    return `<<"${Buffer.from(shown).toString().replaceAll(/["\\]/g, "\\$&")}">>`;
  return `<<${shown.join(",")}>>`;
}
