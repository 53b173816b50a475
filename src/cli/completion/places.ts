import type { Command, Option } from "commander";

/** One place in the tree of commands. */
export interface Place {
  /** `kafka topics`; empty at the top. */
  path: string;
  words: Word[];
  options: Flag[];
}

export interface Word {
  name: string;
  description: string;
}

export interface Flag {
  long: string;
  short: string | null;
  description: string;
  takesValue: boolean;
}

/** Every command of the tree, under each of its names. */
export function placesOf(root: Command, paths: readonly string[] = [""]): Place[] {
  const children = root.commands as Command[];
  const words = children.flatMap((child) => namesOf(child).map((name) => ({ name, description: child.description() })));
  const options = [...root.options.map(flagOf), HELP];
  const here = paths.map((path) => ({ path, words, options }));
  return [
    ...here,
    ...children.flatMap((child) =>
      placesOf(
        child,
        paths.flatMap((path) => namesOf(child).map((name) => `${path} ${name}`.trim())),
      ),
    ),
  ];
}

const HELP: Flag = { long: "--help", short: "-h", description: "display help for command", takesValue: false };

const namesOf = (command: Command): string[] => [command.name(), ...command.aliases()];

function flagOf(option: Option): Flag {
  return {
    long: option.long ?? option.short!,
    short: option.short ?? null,
    description: option.description,
    takesValue: option.required || option.optional,
  };
}
