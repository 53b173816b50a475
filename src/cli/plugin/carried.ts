/** Declarations that the binary carries as text, made while it is built. */
import globals from "./globals.d.ts.txt" with { type: "text" };
import { havoqDeclarations, languageDeclarations } from "./typings.ts" with { type: "macro" };

/** The module `havoq`. */
export const HAVOQ: string = havoqDeclarations();
/** What the runtime has beside the language, as far as plugins need it. */
export const GLOBALS: string = globals;
/** The language: the texts of `lib.esnext.d.ts` and all that it refers to, by name. */
export const LANGUAGE: Record<string, string> = languageDeclarations();
