import type { ConnectionInfo } from "../hooks/plugin.ts";

/** Connections and clients whose groups are remembered. */
const MOST = 10_000;

/** Which consumer group fetches on a connection: fetches do not say so themselves. */
export class Groups {
  private readonly byConnection = new Map<number, string>();
  private readonly byClient = new Map<string, Set<string>>();

  joined(group: string, { id, clientId }: ConnectionInfo): void {
    bounded(this.byConnection);
    this.byConnection.set(id, group);
    let groups = this.byClient.get(clientId);
    if (groups === undefined) {
      bounded(this.byClient);
      this.byClient.set(clientId, (groups = new Set()));
    }
    groups.add(group);
  }

  /** The groups that may be meant: more than one where a client id is used by several; none for a client without a group. */
  of({ id, clientId }: ConnectionInfo): readonly string[] {
    const own = this.byConnection.get(id);
    return own === undefined ? [...(this.byClient.get(clientId) ?? [])] : [own];
  }
}

function bounded(map: Map<unknown, unknown>): void {
  if (map.size >= MOST) map.delete(map.keys().next().value);
}
