// Six payments, two accounts: `node test.mjs` with the ledger as it is, `node test.mjs fixed` with the repaired one.
import assert from "node:assert/strict";
import { Payments } from "./payments.mjs";

const { Ledger } = await import(process.argv[2] === "fixed" ? "./ledger-fixed.mjs" : "./ledger.mjs");
const ledger = new Ledger();
const payments = new Payments(process.env.KAFKA_BROKERS.split(","), ledger);
await payments.start();
for (let i = 1; i <= 6; i++) await payments.pay({ id: `p${i}`, account: i % 2 ? "alice" : "bob", amount: 10 });
await payments.settled();
await payments.stop();
assert.deepEqual(Object.fromEntries(ledger.balances), { alice: 30, bob: 30 });
process.exit(0);
