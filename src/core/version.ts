/** The version of this havoq, which the build writes in; `dev` when it runs from its sources. */
export const VERSION: string = process.env.HAVOQ_VERSION ?? "dev";
