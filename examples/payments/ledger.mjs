// The balance of every account. With a bug: what is on the topic twice is booked twice.
export class Ledger {
  balances = new Map();

  apply({ account, amount }) {
    this.balances.set(account, (this.balances.get(account) ?? 0) + amount);
  }
}
