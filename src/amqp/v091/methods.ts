import type { Table } from "../model/values.ts";

/** Wire types of a method's arguments (AMQP 0-9-1, 4.2.5); consecutive `bit`s share octets, eight each. */
export type ArgType = "octet" | "short" | "long" | "longlong" | "shortstr" | "longstr" | "bit" | "timestamp" | "table";

/** Who may send a method. */
type From = "client" | "server" | "both";

interface MethodSpec {
  /** Class id and method id. */
  readonly id: readonly [number, number];
  readonly from: From;
  /** In wire order. */
  readonly args: Readonly<Record<string, ArgType>>;
  /** What answers it; a method that has replies is a synchronous one. */
  readonly replies?: readonly string[];
  /** A content header and body frames follow. */
  readonly content?: true;
}

/**
 * Every method of AMQP 0-9-1 with RabbitMQ's extensions (`basic.nack`, `confirm.*`,
 * `exchange.bind` and `unbind`, `connection.blocked`, `unblocked` and `update-secret`,
 * `basic.cancel` from the server, the old `access.request`). Names are the specification's;
 * arguments are in camel case: `routing-key` is `routingKey`, `reserved-1` is `reserved1`.
 * The codec, the types of the arguments and the signatures of the handlers come from here.
 */
export const METHODS = {
  "connection.start": {
    id: [10, 10],
    from: "server",
    replies: ["connection.start-ok"],
    args: { versionMajor: "octet", versionMinor: "octet", serverProperties: "table", mechanisms: "longstr", locales: "longstr" },
  },
  "connection.start-ok": {
    id: [10, 11],
    from: "client",
    args: { clientProperties: "table", mechanism: "shortstr", response: "longstr", locale: "shortstr" },
  },
  "connection.secure": { id: [10, 20], from: "server", replies: ["connection.secure-ok"], args: { challenge: "longstr" } },
  "connection.secure-ok": { id: [10, 21], from: "client", args: { response: "longstr" } },
  "connection.tune": {
    id: [10, 30],
    from: "server",
    replies: ["connection.tune-ok"],
    args: { channelMax: "short", frameMax: "long", heartbeat: "short" },
  },
  "connection.tune-ok": { id: [10, 31], from: "client", args: { channelMax: "short", frameMax: "long", heartbeat: "short" } },
  "connection.open": {
    id: [10, 40],
    from: "client",
    replies: ["connection.open-ok"],
    args: { virtualHost: "shortstr", reserved1: "shortstr", reserved2: "bit" },
  },
  "connection.open-ok": { id: [10, 41], from: "server", args: { reserved1: "shortstr" } },
  "connection.close": {
    id: [10, 50],
    from: "both",
    replies: ["connection.close-ok"],
    args: { replyCode: "short", replyText: "shortstr", classId: "short", methodId: "short" },
  },
  "connection.close-ok": { id: [10, 51], from: "both", args: {} },
  "connection.blocked": { id: [10, 60], from: "server", args: { reason: "shortstr" } },
  "connection.unblocked": { id: [10, 61], from: "server", args: {} },
  "connection.update-secret": {
    id: [10, 70],
    from: "client",
    replies: ["connection.update-secret-ok"],
    args: { newSecret: "longstr", reason: "shortstr" },
  },
  "connection.update-secret-ok": { id: [10, 71], from: "server", args: {} },

  "channel.open": { id: [20, 10], from: "client", replies: ["channel.open-ok"], args: { reserved1: "shortstr" } },
  "channel.open-ok": { id: [20, 11], from: "server", args: { reserved1: "longstr" } },
  "channel.flow": { id: [20, 20], from: "both", replies: ["channel.flow-ok"], args: { active: "bit" } },
  "channel.flow-ok": { id: [20, 21], from: "both", args: { active: "bit" } },
  "channel.close": {
    id: [20, 40],
    from: "both",
    replies: ["channel.close-ok"],
    args: { replyCode: "short", replyText: "shortstr", classId: "short", methodId: "short" },
  },
  "channel.close-ok": { id: [20, 41], from: "both", args: {} },

  "access.request": {
    id: [30, 10],
    from: "client",
    replies: ["access.request-ok"],
    args: { realm: "shortstr", exclusive: "bit", passive: "bit", active: "bit", write: "bit", read: "bit" },
  },
  "access.request-ok": { id: [30, 11], from: "server", args: { reserved1: "short" } },

  "exchange.declare": {
    id: [40, 10],
    from: "client",
    replies: ["exchange.declare-ok"],
    args: {
      reserved1: "short",
      exchange: "shortstr",
      type: "shortstr",
      passive: "bit",
      durable: "bit",
      autoDelete: "bit",
      internal: "bit",
      noWait: "bit",
      arguments: "table",
    },
  },
  "exchange.declare-ok": { id: [40, 11], from: "server", args: {} },
  "exchange.delete": {
    id: [40, 20],
    from: "client",
    replies: ["exchange.delete-ok"],
    args: { reserved1: "short", exchange: "shortstr", ifUnused: "bit", noWait: "bit" },
  },
  "exchange.delete-ok": { id: [40, 21], from: "server", args: {} },
  "exchange.bind": {
    id: [40, 30],
    from: "client",
    replies: ["exchange.bind-ok"],
    args: { reserved1: "short", destination: "shortstr", source: "shortstr", routingKey: "shortstr", noWait: "bit", arguments: "table" },
  },
  "exchange.bind-ok": { id: [40, 31], from: "server", args: {} },
  "exchange.unbind": {
    id: [40, 40],
    from: "client",
    replies: ["exchange.unbind-ok"],
    args: { reserved1: "short", destination: "shortstr", source: "shortstr", routingKey: "shortstr", noWait: "bit", arguments: "table" },
  },
  "exchange.unbind-ok": { id: [40, 51], from: "server", args: {} },

  "queue.declare": {
    id: [50, 10],
    from: "client",
    replies: ["queue.declare-ok"],
    args: {
      reserved1: "short",
      queue: "shortstr",
      passive: "bit",
      durable: "bit",
      exclusive: "bit",
      autoDelete: "bit",
      noWait: "bit",
      arguments: "table",
    },
  },
  "queue.declare-ok": { id: [50, 11], from: "server", args: { queue: "shortstr", messageCount: "long", consumerCount: "long" } },
  "queue.bind": {
    id: [50, 20],
    from: "client",
    replies: ["queue.bind-ok"],
    args: { reserved1: "short", queue: "shortstr", exchange: "shortstr", routingKey: "shortstr", noWait: "bit", arguments: "table" },
  },
  "queue.bind-ok": { id: [50, 21], from: "server", args: {} },
  "queue.purge": {
    id: [50, 30],
    from: "client",
    replies: ["queue.purge-ok"],
    args: { reserved1: "short", queue: "shortstr", noWait: "bit" },
  },
  "queue.purge-ok": { id: [50, 31], from: "server", args: { messageCount: "long" } },
  "queue.delete": {
    id: [50, 40],
    from: "client",
    replies: ["queue.delete-ok"],
    args: { reserved1: "short", queue: "shortstr", ifUnused: "bit", ifEmpty: "bit", noWait: "bit" },
  },
  "queue.delete-ok": { id: [50, 41], from: "server", args: { messageCount: "long" } },
  "queue.unbind": {
    id: [50, 50],
    from: "client",
    replies: ["queue.unbind-ok"],
    args: { reserved1: "short", queue: "shortstr", exchange: "shortstr", routingKey: "shortstr", arguments: "table" },
  },
  "queue.unbind-ok": { id: [50, 51], from: "server", args: {} },

  "basic.qos": {
    id: [60, 10],
    from: "client",
    replies: ["basic.qos-ok"],
    args: { prefetchSize: "long", prefetchCount: "short", global: "bit" },
  },
  "basic.qos-ok": { id: [60, 11], from: "server", args: {} },
  "basic.consume": {
    id: [60, 20],
    from: "client",
    replies: ["basic.consume-ok"],
    args: {
      reserved1: "short",
      queue: "shortstr",
      consumerTag: "shortstr",
      noLocal: "bit",
      noAck: "bit",
      exclusive: "bit",
      noWait: "bit",
      arguments: "table",
    },
  },
  "basic.consume-ok": { id: [60, 21], from: "server", args: { consumerTag: "shortstr" } },
  "basic.cancel": { id: [60, 30], from: "both", replies: ["basic.cancel-ok"], args: { consumerTag: "shortstr", noWait: "bit" } },
  "basic.cancel-ok": { id: [60, 31], from: "both", args: { consumerTag: "shortstr" } },
  "basic.publish": {
    id: [60, 40],
    from: "client",
    content: true,
    args: { reserved1: "short", exchange: "shortstr", routingKey: "shortstr", mandatory: "bit", immediate: "bit" },
  },
  "basic.return": {
    id: [60, 50],
    from: "server",
    content: true,
    args: { replyCode: "short", replyText: "shortstr", exchange: "shortstr", routingKey: "shortstr" },
  },
  "basic.deliver": {
    id: [60, 60],
    from: "server",
    content: true,
    args: { consumerTag: "shortstr", deliveryTag: "longlong", redelivered: "bit", exchange: "shortstr", routingKey: "shortstr" },
  },
  "basic.get": {
    id: [60, 70],
    from: "client",
    replies: ["basic.get-ok", "basic.get-empty"],
    args: { reserved1: "short", queue: "shortstr", noAck: "bit" },
  },
  "basic.get-ok": {
    id: [60, 71],
    from: "server",
    content: true,
    args: { deliveryTag: "longlong", redelivered: "bit", exchange: "shortstr", routingKey: "shortstr", messageCount: "long" },
  },
  "basic.get-empty": { id: [60, 72], from: "server", args: { reserved1: "shortstr" } },
  "basic.ack": { id: [60, 80], from: "both", args: { deliveryTag: "longlong", multiple: "bit" } },
  "basic.reject": { id: [60, 90], from: "client", args: { deliveryTag: "longlong", requeue: "bit" } },
  "basic.recover-async": { id: [60, 100], from: "client", args: { requeue: "bit" } },
  "basic.recover": { id: [60, 110], from: "client", replies: ["basic.recover-ok"], args: { requeue: "bit" } },
  "basic.recover-ok": { id: [60, 111], from: "server", args: {} },
  "basic.nack": { id: [60, 120], from: "both", args: { deliveryTag: "longlong", multiple: "bit", requeue: "bit" } },

  "confirm.select": { id: [85, 10], from: "client", replies: ["confirm.select-ok"], args: { noWait: "bit" } },
  "confirm.select-ok": { id: [85, 11], from: "server", args: {} },

  "tx.select": { id: [90, 10], from: "client", replies: ["tx.select-ok"], args: {} },
  "tx.select-ok": { id: [90, 11], from: "server", args: {} },
  "tx.commit": { id: [90, 20], from: "client", replies: ["tx.commit-ok"], args: {} },
  "tx.commit-ok": { id: [90, 21], from: "server", args: {} },
  "tx.rollback": { id: [90, 30], from: "client", replies: ["tx.rollback-ok"], args: {} },
  "tx.rollback-ok": { id: [90, 31], from: "server", args: {} },
} as const satisfies Record<string, MethodSpec>;

type Methods = typeof METHODS;

/** `class.method` as the specification spells it. */
export type MethodName = keyof Methods;
/** The classes that clients may call: one handler file each. */
export type ClassName = ClientMethod extends `${infer C}.${string}` ? C : never;
/** Methods that a client may send: a server has a handler for each. */
export type ClientMethod = { [N in MethodName]: Methods[N]["from"] extends "server" ? never : N }[MethodName];
/** Methods that a server may send. */
export type ServerMethod = { [N in MethodName]: Methods[N]["from"] extends "client" ? never : N }[MethodName];
/** The part of a name after the dot, for the methods of class `C` that a client may send. */
export type MethodOf<C extends ClassName> = ClientMethod extends infer N ? (N extends `${C}.${infer M}` ? M : never) : never;

type Value<T> = T extends "shortstr"
  ? string
  : T extends "longstr"
    ? Buffer
    : T extends "bit"
      ? boolean
      : T extends "table"
        ? Table
        : number;

/**
 * Arguments of a method as they are decoded. `longstr` is a view of the frame; a `longlong` or
 * `timestamp` is a number, exact up to 2^53.
 */
export type Args<N extends MethodName> = { [K in keyof Methods[N]["args"]]: Value<Methods[N]["args"][K]> };
/** Arguments to write: the specification's reserved ones may be left out, they are zero. */
export type ArgsOut<N extends MethodName> = { [K in keyof Args<N> as K extends `reserved${string}` ? never : K]: Args<N>[K] } & {
  [K in keyof Args<N> as K extends `reserved${string}` ? K : never]?: Args<N>[K];
};

const byId = new Map<number, MethodName>();
for (const name of Object.keys(METHODS) as MethodName[]) byId.set((METHODS[name].id[0] << 16) | METHODS[name].id[1], name);

/** The method of these ids, or undefined. */
export function methodOf(classId: number, methodId: number): MethodName | undefined {
  return byId.get((classId << 16) | methodId);
}

export const specOf = (name: MethodName): MethodSpec => METHODS[name];
