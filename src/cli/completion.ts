import { Argument, type Command } from "commander";

/** `havoq completion`: what makes a shell complete havoq's commands and options. */
export default { name: "completion", define };

function define(command: Command): void {
  command
    .description("print what makes a shell complete havoq's commands and options")
    .addArgument(new Argument("<shell>", "the shell").choices(["bash", "zsh", "fish"]))
    .addHelpText(
      "after",
      '\nExamples:\n  eval "$(havoq completion bash)"                                   # in ~/.bashrc' +
        '\n  eval "$(havoq completion zsh)"                                    # in ~/.zshrc, after compinit' +
        "\n  havoq completion fish > ~/.config/fish/completions/havoq.fish",
    )
    .action(async (shell: "bash" | "zsh" | "fish", _options, self: Command) => {
      const [{ placesOf }, { write }] = await Promise.all([import("./completion/places.ts"), import("./completion/shells.ts")]);
      console.log(write[shell](placesOf(self.parent!)).trimEnd());
    });
}
