/** Durations and sizes as people write them: `7d`, `500ms`, `1MiB`. */

const DURATIONS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
const SIZES: Record<string, number> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
};

/** Milliseconds; a bare number is milliseconds already. Null when the text is not a duration. */
export function parseDuration(value: string | number): number | null {
  return parse(value, DURATIONS, "ms");
}

/** Bytes; a bare number is bytes already. Null when the text is not a size. */
export function parseSize(value: string | number): number | null {
  return parse(value, SIZES, "b");
}

/** The shortest exact way to write milliseconds: `7d`. */
export function formatDuration(ms: number): string {
  return format(
    ms,
    [
      ["d", 86_400_000],
      ["h", 3_600_000],
      ["m", 60_000],
      ["s", 1000],
    ],
    "ms",
  );
}

/** The shortest exact way to write bytes: `1MiB`. */
export function formatSize(bytes: number): string {
  return format(
    bytes,
    [
      ["GiB", 1024 ** 3],
      ["MiB", 1024 ** 2],
      ["KiB", 1024],
    ],
    "B",
  );
}

function format(value: number, units: readonly (readonly [string, number])[], bare: string): string {
  const [name, size] = units.find(([, one]) => value !== 0 && value % one === 0) ?? [bare, 1];
  return `${value / size}${name}`;
}

function parse(value: string | number, units: Record<string, number>, bare: string): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(String(value).trim());
  if (match === null) return null;
  const unit = units[match[2]!.toLowerCase() || bare];
  return unit === undefined ? null : Math.round(Number(match[1]) * unit);
}
