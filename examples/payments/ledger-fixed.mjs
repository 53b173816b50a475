// The balance of every account. Each payment is booked once, however often it comes.
export class Ledger {
  balances = new Map();
  booked = new Set();

  apply({ id, account, amount }) {
    if (this.booked.has(id)) return;
    this.booked.add(id);
    this.balances.set(account, (this.balances.get(account) ?? 0) + amount);
  }
}
