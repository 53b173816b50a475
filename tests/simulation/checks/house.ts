import { count, type Fates, must } from "../ledger.ts";
import { BEGINNING, type World } from "../world.ts";

const OWN_ERROR = /\b(Type|Range|Reference|Syntax|Encode|Assertion)Error\b|is not (a function|an object|iterable)/;

/** The sums of the house agree, and it reported no error of its own. */
export function checkHouse(world: World, fates: Fates): void {
  const { havoq, lines } = world;
  const { seam, journal, net } = havoq;
  const suspicious = lines.filter((line) => OWN_ERROR.test(line) && !/a message cannot go to|replay of/.test(line));
  must(suspicious.length === 0, () => `the brokers reported ${suspicious.slice(0, 5).join("; ")}`);

  const kinds = new Map<string, number>();
  for (const { entry, kind } of fates.all) count(kinds, `${entry.rule} ${kind}`);
  // What was done to the brokers is in the journal as actions.
  const fired = new Map([...seam.fires].filter(([, { verdict }]) => verdict !== "act"));
  for (const [key, fires] of fired)
    must(fires.count === kinds.get(key), () => `${key} fired ${fires.count} times, ${kinds.get(key)} are in the journal`);
  must(kinds.size === fired.size, () => `${kinds.size} kinds of verdicts are in the journal, ${fired.size} fired`);
  const entries = journal.entries();
  must(
    journal.fired === entries.length && entries.every(({ n }, i) => n === i + 1),
    () => `the journal has ${entries.length} of ${journal.fired} entries`,
  );

  for (const { entry } of fates.all)
    if (entry.verdict === "hold") must((entry.detail as { ms: number }).ms > 0, () => `hold ${entry.n} did not hold`);
  checkWaits(world, fates);
  for (const protocol of ["kafka", "mqtt", "amqp"] as const) {
    const { active, accepted, refused } = net.counts[protocol];
    const open = net.connections({ protocol }).length;
    must(
      active === open && accepted >= active && refused === 0,
      () => `${protocol}: ${active} connections are active, ${open} are open, ${accepted} were accepted`,
    );
  }
  for (const topic of havoq.kafka!.topics.values()) {
    const records = topic.partitions.reduce(
      (sum, { name, log }) => sum + [...world.cut.get(name)!, ...log].reduce((all, entry) => all + entry.count, 0),
      0,
    );
    must(topic.messagesIn === records, () => `${topic.name} counted ${topic.messagesIn} messages, and got ${records}`);
  }
}

/** What a hook kept back came no earlier than it was let go. */
function checkWaits(world: World, fates: Fates): void {
  for (const { id, attempts } of world.ledger.sent.values()) {
    if (attempts > 1) continue;
    for (const { entry, kind } of fates.about(id, "message delay", "message hold", "request delay", "request hold")) {
      const least = BEGINNING + entry.at + (kind === "delay" ? (entry.detail as { ms: number }).ms : 0);
      const came = world.ledger.received.get(id) ?? Infinity;
      must(came >= least, () => `${id} came ${least - came} ms before its verdict let it go`);
    }
  }
}

/** Everything that two runs with one seed have in common: what clients saw, and what is in the brokers. */
export function digest(world: World): string[] {
  const { kafka, mqtt, amqp, net, clock, journal } = world.havoq;
  const groups = [...kafka!.groups.groups.values()].map(
    ({ id, state, generation, leader, members }) => `group ${id} ${state} ${generation} ${leader} ${[...members.keys()]}`,
  );
  const logs = [...kafka!.topics.values()].flatMap(({ name, partitions }) =>
    partitions.map(
      ({ index, log, leader, leaderEpoch, isr }) =>
        `log ${name}-${index} ${log.start} ${log.end} ${log.bytes} leader ${leader} ${leaderEpoch} isr ${isr}`,
    ),
  );
  const sessions = [...mqtt!.sessions.values()].map(
    ({ clientId, expiry, subscriptions }) => `session ${clientId} ${expiry} ${[...subscriptions.keys()]}`,
  );
  const queues = [...amqp!.vhosts.get("/")!.queues.values()].map(
    ({ name, delivered, consumers }) => `queue ${name} ${delivered} ${consumers.count}`,
  );
  return [
    ...world.ledger.trace,
    ...groups,
    ...logs,
    ...sessions,
    ...queues,
    `retained ${mqtt!.retained.topics()}`,
    `counts ${JSON.stringify(net.counts)} ${mqtt!.delivered} ${amqp!.messagesIn} ${amqp!.messagesOut}`,
    `${clock.now()} ${journal.fired}`,
  ];
}
