import { check, suggestion } from "../core/shape.ts";
import type { HookEvent } from "../hooks/event.ts";
import { compileMatch, type HookPoint } from "../hooks/match.ts";
import type { AnyMessage, At, Match, OneHook, Plugin, Protocol } from "../hooks/plugin.ts";
import { ASIDE, knownFaults, type Fault } from "./rule.ts";

/** The name of a record header, an MQTT user property or an AMQP header that asks for a fault: `lose-answer`, `latency {"ms": 200}`. */
const TRIGGER = "havoq-fault";
/** What begins the end of a client id that does: `payments+havoq:lose-answer`. */
const SUFFIX = "+havoq:";
/** Header texts whose faults are kept ready, and complaints that are remembered. */
const KEPT = 1000;
/** Answers that are to be hit, at one time. */
const PENDING = 10_000;

type Verdict = (event: any, at: At) => unknown;
interface Ready {
  message: { admits(event: HookEvent): boolean; run: Verdict }[];
  /** For the answer to the message. */
  response: { operation: Match["operation"]; run: Verdict }[];
}

/** The plugin that carries out what messages and clients ask for themselves; it is there only where triggers are switched on. */
export function triggers(): Plugin {
  const complaints = new Set<string>();
  const complain = (at: At, what: string): void => {
    if (complaints.has(what) || complaints.size >= KEPT) return;
    complaints.add(what);
    at.log(what);
  };
  const plugin: Record<string, OneHook<any, any>[]> = {};
  for (const point of ["connect", "disconnect", "request", "response", "message", "delivery", "bytes"] as const) plugin[point] = [];
  for (const fault of knownFaults().values()) for (const [point, hook] of forClients(fault)) plugin[point]!.push(hook);
  plugin["connect"]!.push({
    match: { client: `*${SUFFIX}*` },
    run: (event: { connection: { clientId: string } }, at: At) => {
      const { clientId } = event.connection;
      const name = clientId.slice(clientId.lastIndexOf(SUFFIX) + SUFFIX.length);
      if (!forClients(knownFaults().get(name)).length) complain(at, `client ${clientId.slice(0, 200)}: ${whyNot(name)}`);
    },
  });
  const ready = new Map<string, Ready | string>();
  /** Faults that wait for the answer to a message, by connection and destination. */
  const pending = new Map<string, { run: Verdict; operation: Match["operation"] }[]>();
  plugin["message"]!.push({
    match: { header: { [TRIGGER]: "*" } },
    run(message: AnyMessage & HookEvent, at: At) {
      const text = textOf(message.headers[TRIGGER]);
      let fault = ready.get(text);
      if (fault === undefined) {
        if (ready.size >= KEPT) ready.delete(ready.keys().next().value!);
        ready.set(text, (fault = read(text, message.protocol)));
      }
      if (typeof fault === "string")
        return void complain(at, `a message on ${message.destination.slice(0, 200)} asks for ${text.slice(0, 200)}: ${fault}`);
      if (fault.response.length > 0 && message.connection !== null) {
        if (pending.size >= PENDING) pending.delete(pending.keys().next().value!);
        pending.set(`${message.connection.id} ${message.destination}`, fault.response);
      }
      for (const { admits, run } of fault.message) {
        const verdict = admits(message) ? run(message, at) : undefined;
        if (verdict !== undefined) return verdict;
      }
    },
  });
  plugin["response"]!.push({
    match: { operation: ["Produce", "PUBACK", "PUBREC", "basic.ack"] },
    run(answer: HookEvent & { operation: string }, at: At) {
      if (pending.size === 0) return;
      const about = answer.fact("topic") ?? answer.fact("exchange");
      for (const destination of [about].flat()) {
        const key = `${answer.connection!.id} ${destination ?? ""}`;
        const hooks = pending.get(key);
        const hook = hooks?.find(({ operation }) => operation === undefined || operation === answer.operation);
        if (hooks === undefined) continue;
        pending.delete(key);
        if (hook !== undefined) return hook.run(answer, at);
      }
    },
  });
  for (const point of Object.keys(plugin)) if (plugin[point]!.length === 0) delete plugin[point];
  return plugin as Plugin;
}

function textOf(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString() : String(Array.isArray(value) ? value[0] : value);
}

/** A fault's hooks for the clients whose id ends with it; none for one that takes options, or acts on the brokers. */
function forClients(fault: Fault | undefined): [HookPoint, OneHook<any, any>][] {
  if (fault?.plugin === undefined) return [];
  try {
    const match: Match = { client: `*${SUFFIX}${fault.name}`, ...(fault.protocols === undefined ? {} : { protocol: fault.protocols }) };
    const plugin = fault.plugin(check(fault.options, {}), match);
    return hooksOf(plugin).map(([point, hook]) => {
      const { match: own = {}, run } = typeof hook === "function" ? { run: hook } : hook;
      return [point, { match: ASIDE in hook ? own : { ...match, ...own }, run }];
    });
  } catch {
    return []; // it needs options
  }
}

/** What a header asks for; a text that says why not. */
function read(text: string, protocol: Protocol): Ready | string {
  const [, name, json] = /^\s*([\w-]+)\s*(.*)$/s.exec(text) ?? [];
  const fault = knownFaults().get(name ?? "");
  if (fault?.plugin === undefined) return whyNot(name ?? text);
  if (fault.protocols?.includes(protocol) === false) return `${name} acts in ${fault.protocols.join(" and ")} only`;
  try {
    const plugin = fault.plugin(check(fault.options, json === undefined || json === "" ? {} : JSON.parse(json)), { protocol });
    const found: Ready = { message: [], response: [] };
    for (const [point, hook] of hooksOf(plugin)) {
      const { match: own = {}, run } = typeof hook === "function" ? { run: hook } : hook;
      if (point === "response") found.response.push({ operation: own.operation, run: run as Verdict });
      if (point !== "message") continue;
      const matcher = compileMatch(own, "message", protocol);
      if (matcher !== null)
        found.message.push({
          admits: (event) => matcher.selects(event.connection, event.name) && (matcher.admits?.(event) ?? true),
          run: run as Verdict,
        });
    }
    return found.message.length + found.response.length > 0 ? found : `${name} does nothing to a message or its answer`;
  } catch (error) {
    return (error as Error).message;
  }
}

function whyNot(name: string): string {
  const fault = knownFaults().get(name);
  if (fault === undefined) return `there is no fault ${name.slice(0, 100)}: ${suggestion(name.slice(0, 100), [...knownFaults().keys()])}`;
  return fault.plugin === undefined
    ? `${name} acts on the brokers: that takes a rule`
    : `${name} needs options: that takes a header or a rule`;
}

function hooksOf(plugin: Plugin): [HookPoint, OneHook<any, any>][] {
  return Object.entries(plugin).flatMap(([point, hooks]) =>
    typeof hooks === "object" || typeof hooks === "function"
      ? [hooks].flat().map((hook): [HookPoint, OneHook<any, any>] => [point as HookPoint, hook as OneHook<any, any>])
      : [],
  );
}
