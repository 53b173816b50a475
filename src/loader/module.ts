/** The module `havoq` as plugins get it. It is put together above the loader: `rule` is part of it. */
let exports: Readonly<Record<string, unknown>> = {};

/** To be called before the first plugin is loaded. */
export function provideModule(given: Readonly<Record<string, unknown>>): void {
  exports = given;
}

export function providedModule(): Readonly<Record<string, unknown>> {
  return exports;
}
