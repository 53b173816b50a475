import pc from "picocolors";

/** Data for programs. */
export function printJson(value: unknown): void {
  console.log(JSON.stringify(value, (_, one: unknown) => (typeof one === "bigint" ? Number(one) : one), 2));
}

/** One line of data for programs that read a stream. */
export function printJsonLine(value: unknown): void {
  console.log(JSON.stringify(value, (_, one: unknown) => (typeof one === "bigint" ? Number(one) : one)));
}

/** Columns for people; numbers stand on the right. Nothing but the head is printed when there are no rows. */
export function printTable(head: readonly string[], rows: readonly (readonly (string | number | bigint | boolean | null)[])[]): void {
  const cells = rows.map((row) => row.map((cell) => (cell === null ? "-" : String(cell))));
  const widths = head.map((name, i) => Math.max(name.length, ...cells.map((row) => Bun.stringWidth(row[i]!))));
  const isNumber = (cell: unknown): boolean => typeof cell === "number" || typeof cell === "bigint";
  const right = head.map((_, i) => rows.some((row) => isNumber(row[i])) && rows.every((row) => isNumber(row[i]) || row[i] === null));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => {
        const space = " ".repeat(widths[i]! - Bun.stringWidth(cell));
        return right[i] ? space + cell : cell + space;
      })
      .join("  ")
      .trimEnd();
  console.log(pc.bold(line(head)));
  for (const row of cells) console.log(line(row));
}

/** Names and values of one thing. */
export function printFields(fields: Readonly<Record<string, unknown>>): void {
  const width = Math.max(...Object.keys(fields).map((name) => name.length));
  for (const [name, value] of Object.entries(fields)) console.log(`${pc.bold(name.padEnd(width))}  ${String(value ?? "-")}`);
}

/** That something is done. */
export function printDone(text: string): void {
  console.log(`${pc.green("✓")} ${text}`);
}
