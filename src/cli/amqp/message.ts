import type { GetMessage, Message } from "amqplib";
import { printJsonLine } from "../lib/output.ts";
import { payloadField, shown } from "../lib/payload.ts";

export interface Shape {
  verbose?: boolean;
  json?: boolean;
}

/** One message, as `consume` and `get` print it. */
export function printMessage({ content, fields, properties }: Message | GetMessage, queue: string, { verbose, json }: Shape): void {
  const set = Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined && !isEmpty(value)));
  if (json === true) {
    const { exchange, routingKey, redelivered } = fields;
    printJsonLine({ queue, exchange, routingKey, redelivered, ...payloadField("body", content), properties: set });
  } else if (verbose === true) {
    console.log(
      `${fields.exchange || "(default)"}  ${fields.routingKey}  ${shown(content)}${fields.redelivered ? "  redelivered" : ""}  ${JSON.stringify(set)}`,
    );
  } else {
    console.log(shown(content));
  }
}

const isEmpty = (value: unknown): boolean => typeof value === "object" && value !== null && Object.keys(value).length === 0;
