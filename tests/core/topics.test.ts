import { describe, expect, test } from "bun:test";
import { TopicTrie, type TopicSyntax } from "../../src/core/topics.ts";

const MQTT: TopicSyntax = { separator: "/", one: "+", many: "#", hidden: "$" };
const AMQP: TopicSyntax = { separator: ".", one: "*", many: "#" };

/** [pattern, topics it meets, topics it does not] */
const mqtt: [string, string[], string[]][] = [
  ["a/b", ["a/b"], ["a", "a/b/c", "a/B", "/a/b", "a/b/"]],
  ["sport/#", ["sport", "sport/", "sport/a", "sport/a/b"], ["sports", "$sport"]],
  ["#", ["a", "/", "a/b/c"], ["$SYS", "$SYS/x"]],
  ["+", ["a"], ["/a", "a/b", "$a"]],
  ["/+", ["/a", "/"], ["a", "/a/b"]],
  ["+/+", ["/a", "a/b", "/"], ["a", "$SYS/b"]],
  ["sport/+/player1", ["sport/tennis/player1", "sport//player1"], ["sport/player1", "sport/a/b/player1"]],
  ["$SYS/#", ["$SYS", "$SYS/x/y"], ["SYS/x"]],
  ["$SYS/+", ["$SYS/x"], ["$SYS", "$SYS/x/y"]],
  ["+/$x", ["a/$x"], ["$a/$x"]],
];
const amqp: [string, string[], string[]][] = [
  ["*.stock.#", ["usd.stock", "eur.stock.db", "a.stock.b.c"], ["stock.nasdaq", "stock"]],
  ["#", ["", "a", "a.b"], []],
  ["*", ["a"], ["", "a.b"]],
  ["a.#.b", ["a.b", "a.x.b", "a.x.y.b", "a.b.b", "a.b.c.b"], ["a", "b", "a.b.c"]],
  ["#.#.#", ["", "a", "a.b.c.d"], []],
  ["#.a.#", ["a", "x.a", "a.x", "x.a.y"], ["", "x", "x.y"]],
  ["*.#", ["a", "a.b"], [""]],
  ["#.*", ["a", "a.b"], [""]],
  ["a..b", ["a..b"], ["a.b"]],
];

describe.each([
  ["MQTT", MQTT, mqtt],
  ["AMQP", AMQP, amqp],
] as const)("%s patterns", (_name, syntax, cases) => {
  test.each(cases)("%s", (pattern, hits, misses) => {
    const patterns = new TopicTrie<string>(syntax);
    patterns.add(pattern, "v");
    const topics = new TopicTrie<string>(syntax);
    for (const topic of [...hits, ...misses]) topics.add(topic, topic);
    for (const topic of hits) expect([topic, patterns.match(topic)]).toEqual([topic, ["v"]]);
    for (const topic of misses) expect([topic, patterns.match(topic)]).toEqual([topic, []]);
    expect(topics.select(pattern).sort()).toEqual([...hits].sort());
  });
});

test("a thousand patterns at once agree with each alone", () => {
  const words = ["a", "b", "#", "*", ""];
  const patterns: string[] = [];
  const all = new TopicTrie<string>(AMQP);
  for (let i = 0; i < 1000; i++) {
    // Every pattern of up to five words, counted up in base five.
    const pattern = [...i.toString(5)].map((digit) => words[Number(digit)]!).join(".");
    if (all.add(pattern, pattern)) patterns.push(pattern);
  }
  for (const topic of ["", "a", "a.b", "b.b.a", "a..b", "a.a.a.a", "c"]) {
    const alone = patterns.filter((pattern) => {
      const trie = new TopicTrie<string>(AMQP);
      trie.add(pattern, pattern);
      return trie.match(topic).length === 1;
    });
    expect([...all.match(topic)].sort()).toEqual(alone.sort());
  }
});

test("add and remove report whether they did something, and drop the remembered matches", () => {
  const trie = new TopicTrie<string>(MQTT);
  expect(trie.add("a/+", "x")).toBe(true);
  const before = trie.version;
  expect(trie.add("a/+", "x")).toBe(false);
  expect(trie.version).toBe(before);
  const kept = trie.match("a/b");
  expect(trie.match("a/b")).toBe(kept);
  trie.add("a/#", "y");
  expect([...trie.match("a/b")].sort()).toEqual(["x", "y"]);
  expect(trie.version).not.toBe(before);
  expect(trie.size).toBe(2);
  expect(trie.remove("a/+", "y")).toBe(false);
  expect(trie.remove("b/+", "x")).toBe(false);
  expect(trie.remove("a/+", "x")).toBe(true);
  expect(trie.remove("a/#", "y")).toBe(true);
  expect(trie.match("a/b")).toEqual([]);
  expect(trie.size).toBe(0);
  expect(kept).toEqual(["x"]);
});

test("many wildcards do not blow up", () => {
  const trie = new TopicTrie<string>(AMQP);
  trie.add(Array(60).fill("#.a").join("."), "v");
  expect(trie.match(Array(100).fill("a").join("."))).toEqual(["v"]);
  expect(trie.match(Array(100).fill("b").join("."))).toEqual([]);
});
