/** What was typed cannot be meant: the exit code is 2, not 1. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** A command failed for a reason that its message tells; no stack is shown. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}
