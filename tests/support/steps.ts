/** Steps that build on one another: each runs once, behind all before it, so that any of them can be asked for by itself. */
export function inOrder<Outcome>(run: (step: number) => Promise<Outcome>): (step: number) => Promise<Outcome> {
  const outcomes: Promise<Outcome>[] = [];
  return (step) => {
    while (outcomes.length <= step) {
      const next = outcomes.length;
      const before = outcomes[next - 1] ?? Promise.resolve();
      // One that went wrong is told to who asks for it.
      outcomes.push(
        before.then(
          () => run(next),
          () => run(next),
        ),
      );
    }
    return outcomes[step]!;
  };
}
