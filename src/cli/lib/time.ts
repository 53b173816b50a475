import { AdvanceableClock } from "../../hooks/clock.ts";

/** The clock of a command that runs no brokers; `program.ts` stops it when the command is done. */
export const systemClock = new AdvanceableClock();
