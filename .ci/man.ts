import type { Command } from "commander";

/** The manual page of the program, in the macros of man(7). */
export function manPage(program: Command, version: string): string {
  return [
    `.TH HAVOQ 1 "" "havoq ${version}" "User Commands"`,
    ".SH NAME",
    `havoq \\- ${text(program.description().replace(/^A /, "a ").replace(/\.$/, ""))}`,
    ".SH SYNOPSIS",
    ".B havoq",
    ".I command",
    "[options]",
    ".SH COMMANDS",
    ...program.commands.flatMap((command) => sections(command as Command, "havoq")),
    ".SH EXIT STATUS",
    "0 when it is done, 1 when it failed, 2 for wrong usage;",
    ".B havoq exec",
    "ends as its command does.",
    ".SH ENVIRONMENT",
    text(
      "Every key of havoq.yaml can be set by a variable: kafka.port by HAVOQ_KAFKA_PORT. Flags come before variables, variables before the file. HAVOQ_CONFIG names the file.",
    ),
    "",
  ].join("\n");
}

function sections(command: Command, before: string): string[] {
  const name = `${before} ${command.name()}`;
  const children = command.commands as Command[];
  const words = command.registeredArguments.map((one) =>
    one.required ? `<${one.name()}${one.variadic ? "..." : ""}>` : `[${one.name()}]`,
  );
  const aliases = command.aliases();
  const own = [
    `.SS ${text([name, ...words].join(" "))}`,
    text(sentence(command.description()) + (aliases.length > 0 ? ` Also called ${aliases.join(", ")}.` : "")),
    ...command.options
      .filter((option) => !option.hidden)
      .flatMap((option) => [".TP", `.B ${text(option.flags)}`, text(sentence(option.description))]),
  ];
  return [...own, ...children.flatMap((child) => sections(child, name))];
}

const sentence = (words: string): string => (words === "" ? "" : `${words[0]!.toUpperCase()}${words.slice(1).replace(/\.$/, "")}.`);

/** One line of roff: hyphens as they are typed, no line that begins like a macro. */
function text(words: string): string {
  const line = words
    .replace(/\s+/g, " ")
    .replace(/\\/g, "\\e")
    .replace(/-/g, "\\-")
    .replace(/[^\x00-\x7f]/gu, (c) => `\\[u${c.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}]`);
  return /^[.']/.test(line) ? `\\&${line}` : line;
}
