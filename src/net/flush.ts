/**
 * Collects the out-buffers that were written to and flushes each once a tick: after every socket
 * that was readable has been handled, so that what many senders have for one receiver leaves in one
 * system call.
 */
let dirty: { flush(): void }[] = [];

export function flushSoon(connection: { flush(): void }): void {
  if (dirty.push(connection) === 1) setImmediate(flushAll);
}

function flushAll(): void {
  const batch = dirty;
  dirty = [];
  for (const connection of batch) connection.flush();
}
