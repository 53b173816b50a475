import { describe, expect, test } from "bun:test";
import { Command } from "commander";
import serve from "../../src/cli/serve.ts";

/** What commander makes of the arguments; null when it refuses them. */
function byCommander(args: string[]): object | null {
  let flags: object | null = null;
  const command = new Command("serve").exitOverride().configureOutput({ writeErr: () => undefined });
  serve.define(command);
  command.action((given: object) => void (flags = { ...given }));
  try {
    command.parse(args, { from: "user" });
  } catch {
    return null;
  }
  return flags;
}

describe("the short way through plain arguments", () => {
  const cases = [
    "",
    "--kafka-port 0 --mqtt-port 0 --amqp-port 0 --admin-port 0",
    "--no-admin --quiet",
    "--seed 42 --plugins ./p",
    "--kafka-brokers 3 --mqtt-websocket-port 9001 --host 0.0.0.0",
    "--ready-file r.json --journal j --replay k --config c.yaml",
    "--seed 1 --seed 2",
    "--admin --metrics --fixtures f",
    "--admin --no-admin",
    "--no-admin --admin",
  ];
  for (const line of cases) {
    test(`reads "${line}" as commander does`, () => {
      const args = line === "" ? [] : line.split(" ");
      expect(serve.plainFlags(args)).toEqual(byCommander(args) as never);
    });
  }

  for (const line of [
    "--seed=42",
    "--kafka-port 70000",
    "--seed",
    "--seed -1",
    "--unknown",
    "extra",
    "--help",
    "--kafka-port --quiet",
    "--kafka-brokers 0",
    "--kafka-brokers 101",
  ]) {
    test(`leaves "${line}" to commander`, () => expect(serve.plainFlags(line.split(" "))).toBeNull());
  }
});
