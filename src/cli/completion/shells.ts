import type { Place } from "./places.ts";

/** The scripts, by shell. All find their place by the words before the cursor that are neither options nor their values. */
export const write = { bash, zsh, fish };

/** For a `case`: each path that takes a value for an option, so that the value is not taken for a command. */
const valued = (places: readonly Place[]): string[] =>
  [...new Set(places.flatMap(({ options }) => options.flatMap(({ long, takesValue }) => (takesValue ? [long] : []))))].sort();

/** Walks to the place in bash and zsh, which differ in how they name the words. */
function walk(places: readonly Place[], words: string, last: string, first: number): string[] {
  return [
    `  local place="" i word`,
    `  for ((i = ${first}; i < ${last}; i++)); do`,
    `    word="${words}"`,
    `    case "$word" in`,
    `      ${valued(places).join("|")}) ((i++)) ;;`,
    `      -*) ;;`,
    `      *)`,
    `        case "\${place:+$place }$word" in`,
    `          ${places
      .filter(({ path }) => path !== "")
      .map(({ path }) => quote(path))
      .join("|")}) place="\${place:+$place }$word" ;;`,
    `        esac ;;`,
    `    esac`,
    `  done`,
  ];
}

function bash(places: readonly Place[]): string {
  return [
    "# bash completion of havoq",
    "_havoq() {",
    `  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" words=""`,
    "  COMPREPLY=()",
    // The value of an option is a file, or something only its reader knows.
    `  case "$previous" in ${valued(places).join("|")}) return ;; esac`,
    ...walk(places, "${COMP_WORDS[i]}", "COMP_CWORD", 1),
    `  case "$place" in`,
    ...places.map(
      ({ path, words, options }) =>
        `    ${quote(path)}) if [[ "$current" == -* || ${words.length} -eq 0 ]]; then words=${quote(options.map(({ long }) => long).join(" "))}; else words=${quote(words.map(({ name }) => name).join(" "))}; fi ;;`,
    ),
    "  esac",
    `  if [[ "$current" == -* || "$words" != --* ]]; then COMPREPLY=($(compgen -W "$words" -- "$current")); fi`,
    "}",
    "complete -o default -F _havoq havoq",
    "",
  ].join("\n");
}

function zsh(places: readonly Place[]): string {
  const described = (entries: readonly { name: string; description: string }[]): string =>
    entries.map(({ name, description }) => quote(`${name.replaceAll(":", "\\:")}:${description}`)).join(" ");
  return [
    "#compdef havoq",
    "# zsh completion of havoq",
    "_havoq() {",
    `  local -a found`,
    `  case "$words[CURRENT-1]" in ${valued(places).join("|")}) _files; return ;; esac`,
    ...walk(places, "$words[i]", "CURRENT", 2),
    `  case "$place" in`,
    ...places.map(
      ({ path, words, options }) =>
        `    ${quote(path)}) if [[ "$words[CURRENT]" == -* || ${words.length} -eq 0 ]]; then found=(${described(options.map(({ long, description }) => ({ name: long, description })))}); else found=(${described(words)}); fi ;;`,
    ),
    "  esac",
    "  _describe havoq found || _files",
    "}",
    "compdef _havoq havoq",
    "",
  ].join("\n");
}

function fish(places: readonly Place[]): string {
  return [
    "# fish completion of havoq",
    "function __havoq_place",
    "  set -l place",
    "  set -l skip 0",
    "  for word in (commandline -opc)[2..-1]",
    "    if test $skip -eq 1",
    "      set skip 0",
    `    else if contains -- $word ${valued(places).join(" ")}`,
    "      set skip 1",
    "    else if not string match -q -- '-*' $word",
    `      if contains -- (string join ' ' $place $word) ${places
      .filter(({ path }) => path !== "")
      .map(({ path }) => quoteFish(path))
      .join(" ")}`,
    "        set place $place $word",
    "      end",
    "    end",
    "  end",
    "  string join ' ' -- $place",
    "end",
    ...places.flatMap(({ path, words, options }) => {
      const here = `complete -c havoq -n ${quoteFish(`test (__havoq_place | string collect -a) = ${quoteFish(path)}`)}`;
      return [
        ...words.map(({ name, description }) => `${here} -f -a ${quoteFish(name)} -d ${quoteFish(description)}`),
        ...options.map(
          ({ long, short, description, takesValue }) =>
            `${here} -l ${long.slice(2)}${short === null ? "" : ` -s ${short.slice(1)}`}${takesValue ? " -r" : ""} -d ${quoteFish(description)}`,
        ),
      ];
    }),
    "",
  ].join("\n");
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
const quoteFish = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
