import type { Protocol } from "../hooks/plugin.ts";
import type { Counts } from "./book.ts";
import { COUNTS } from "./book.ts";
import type { Fault } from "./faulted.ts";

export const KINDS = ["loss", "duplicate", "reordering", "zombie commit", "leftover"] as const;
export type FindingKind = (typeof KINDS)[number];

/** One thing that should not have happened, or that a fault made happen. */
export interface Finding {
  readonly kind: FindingKind;
  /** What happened, in words that are the same for all of its sort. */
  readonly what: string;
  readonly protocol: Protocol;
  /** Kafka partition (`orders-3`), AMQP queue, MQTT topic; for what was never stored AMQP exchange. */
  readonly place: string;
  readonly key: string | null;
  /** The message: the value that names it, or a hash of key and payload. */
  readonly message: string | null;
  /** How many messages in a row it tells of. */
  readonly count: number;
  readonly offset?: number;
  readonly deliveryTag?: number;
  readonly packetId?: number;
  /** The group, queue or subscriber that it concerns. */
  readonly consumer?: string;
  /** The connection it happened on, and its client id. */
  readonly connection: number | null;
  readonly client: string | null;
  /** What touched it: the rule and the line of the journal. Empty: no fault did. */
  readonly faults: readonly Fault[];
}

export interface PlaceReport extends Counts {
  readonly protocol: Protocol;
  readonly place: string;
}

/** The account at the end. */
export interface OracleReport {
  readonly seed: number;
  /** Nothing was found. */
  readonly clean: boolean;
  readonly totals: Counts;
  readonly places: readonly PlaceReport[];
  /** How many of each kind, those included that are not listed. */
  readonly found: Readonly<Record<FindingKind, number>>;
  readonly findings: readonly Finding[];
  /** Messages that no account is kept of any more, those among them that nobody had acknowledged, and findings that are not listed. */
  readonly leftOut: { readonly messages: number; readonly unacknowledged: number; readonly findings: number };
}

/** For people. */
export function reportText(report: OracleReport): string {
  const { totals, leftOut } = report;
  const told = COUNTS.filter((name) => totals[name] > 0 || name === "stored" || name === "delivered" || name === "acknowledged");
  const lines = [`messages: ${told.map((name) => `${totals[name]} ${words(name)}`).join(", ")}`];
  for (const kind of KINDS) {
    if (report.found[kind] === 0) continue;
    lines.push(`${kind}: ${report.found[kind]}`);
    for (const finding of report.findings) if (finding.kind === kind) lines.push(`  ${findingText(finding)}`);
  }
  if (report.clean) lines.push("nothing lost, doubled, out of order or left over");
  if (leftOut.messages > 0)
    lines.push(`no account of ${leftOut.messages} older messages, ${leftOut.unacknowledged} of them unacknowledged`);
  if (leftOut.findings > 0) lines.push(`${leftOut.findings} more findings are not listed`);
  return lines.join("\n");
}

export function findingText(finding: Finding): string {
  const { protocol, place, key, message, count, consumer, connection, client, faults } = finding;
  const where = [
    `${protocol} ${place}`,
    ...(finding.offset === undefined
      ? []
      : [count > 1 ? `offsets ${finding.offset} and ${count - 1} after it` : `offset ${finding.offset}`]),
    ...(finding.deliveryTag === undefined ? [] : [`delivery tag ${finding.deliveryTag}`]),
    ...(finding.packetId === undefined ? [] : [`packet ${finding.packetId}`]),
    ...(key === null ? [] : [`key ${key}`]),
    ...(message === null ? [] : [`message ${message}`]),
    ...(consumer === undefined || consumer === "" ? [] : [`for ${consumer}`]),
    ...(connection === null ? [] : [`connection ${connection}${client === null || client === "" ? "" : ` (${client})`}`]),
  ];
  const why = faults.map(({ rule, what, n }) => `${rule}: ${what} (journal ${n})`).join("; ");
  return `${finding.what}: ${where.join(", ")}${why === "" ? ", no fault touched it" : `, by ${why}`}`;
}

/**
 * The part of a report that two runs with one seed share, whatever their sockets' timing: without
 * connections, positions, the journal's numbers, and how often something was tried again.
 */
export function canonicalReport(report: OracleReport): string[] {
  const places = report.places.map(({ redelivered: _r, ...place }) => JSON.stringify(place));
  const findings = report.findings.map(({ offset: _o, deliveryTag: _d, packetId: _p, connection: _c, faults, ...rest }) =>
    JSON.stringify({ ...rest, faults: faults.map(({ n: _n, ...fault }) => fault) }),
  );
  return [...places.sort(), ...findings.sort(), JSON.stringify({ found: report.found, leftOut: report.leftOut })];
}

function words(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
