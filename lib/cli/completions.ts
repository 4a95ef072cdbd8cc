/**
 * `ftwall completions`: scripts for bash, zsh and fish, made from the descriptions of the commands.
 * @module
 */
import { DONE } from "../report/failure.ts";
import { print } from "../report/output.ts";
import { type Command, command, longName } from "./command.ts";
import { allCommands } from "./commands.ts";
import { namesNow } from "./who.ts";

/** Shells that scripts can be made for. */
export const SHELLS = ["bash", "zsh", "fish"] as const;
/** One of them. */
export type Shell = typeof SHELLS[number];

/** What the scripts ask for names of clients with. */
const CLIENTS = "clients";
const WORDS = [...SHELLS, CLIENTS] as const;

/** An option as a shell needs it. */
interface Flag {
  readonly short: string | null;
  readonly long: string;
  readonly text: string;
  /** Takes a value. */
  readonly value: boolean;
  readonly choices: readonly string[];
  /** The value is a path. */
  readonly path: boolean;
}

/** A command as a shell needs it. */
interface Branch {
  readonly name: string;
  readonly text: string;
  readonly flags: readonly Flag[];
  readonly words: readonly string[];
  readonly paths: boolean;
  /** Its word is a client. */
  readonly clients: boolean;
}

/** The command. */
export const completions: Command = command({
  text: "print a completion script",
  argument: {
    usage: "<shell>",
    text: 'for which shell, or "clients": the names that the scripts offer',
    choices: WORDS,
  },
  options: {},
  after: `Examples:
  ftwall completions bash > /etc/bash_completion.d/ftwall
  ftwall completions zsh > /usr/share/zsh/site-functions/_ftwall
  ftwall completions fish > /usr/share/fish/vendor_completions.d/ftwall.fish`,
  async run(_, [shell]) {
    if (shell === CLIENTS) print(...namesNow(undefined).all());
    else print(completionScript(shell as Shell, await allCommands()).trimEnd());
    return DONE;
  },
});

/** The script for a shell. */
export function completionScript(shell: Shell, commands: ReadonlyMap<string, Command>): string {
  return { bash, zsh, fish }[shell]([...commands].map(branchOf));
}

function branchOf([name, { text, argument, options }]: readonly [string, Command]): Branch {
  const flags = Object.entries(options).map(([key, { short, text, value, choices = [] }]): Flag => ({
    short: short === undefined ? null : `-${short}`,
    long: longName(key),
    text,
    value: value !== undefined,
    choices,
    path: value === "path",
  }));
  const help: Flag = { short: "-h", long: "--help", text: "print help", value: false, choices: [], path: false };
  return {
    name,
    text,
    flags: [...flags, help],
    words: argument?.choices ?? [],
    paths: argument?.usage === "<file...>",
    clients: argument?.usage.includes("client") === true,
  };
}

function bash(branches: readonly Branch[]): string {
  const names = branches.map((branch) => branch.name).join(" ");
  const cases = branches.map((branch) => {
    const options = branch.flags.flatMap((flag) => flag.short === null ? [flag.long] : [flag.short, flag.long]);
    const words = branch.clients ? `$(ftwall completions ${CLIENTS} 2>/dev/null)` : branch.words.join(" ");
    return `    ${branch.name}) options="${options.join(" ")}"; words="${words}"; files=${
      branch.paths ? "yes" : "no"
    } ;;`;
  });
  const values = branches.flatMap((branch) =>
    branch.flags.filter((flag) => flag.value).map((flag) => {
      const names = flag.short === null ? [flag.long] : [flag.short, flag.long];
      const patterns = names.map((name) => `${branch.name}:${name}`).join("|");
      const reply = flag.choices.length > 0
        ? `mapfile -t COMPREPLY < <(compgen -W "${flag.choices.join(" ")}" -- "$current")`
        : flag.path
        ? `mapfile -t COMPREPLY < <(compgen -f -- "$current")`
        : "COMPREPLY=()";
      return `    ${patterns}) ${reply}; return ;;`;
    })
  );
  return `# bash completion for ftwall
_ftwall() {
  local current previous command word options words files
  local commands=" ${names} "
  current="\${COMP_WORDS[COMP_CWORD]}"
  previous="\${COMP_WORDS[COMP_CWORD-1]}"
  command=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$commands" in
      *" $word "*) command="$word"; break ;;
    esac
  done
  case "\${command:-run}:$previous" in
${values.join("\n")}
  esac
  case "\${command:-run}" in
${cases.join("\n")}
  esac
  if [[ "$current" == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
  elif [[ -z "$command" ]]; then
    mapfile -t COMPREPLY < <(compgen -W "${names} help" -- "$current")
  elif [[ "$files" == yes ]]; then
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  else
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  fi
}
complete -o filenames -F _ftwall ftwall
`;
}

function zsh(branches: readonly Branch[]): string {
  const quote = (text: string) => text.replaceAll("'", "'\\''");
  const inner = (text: string) => quote(text.replaceAll("\\", "\\\\").replaceAll("[", "\\[").replaceAll("]", "\\]"));
  const colon = (text: string) => quote(text.replaceAll(":", "\\:"));
  const list = branches.map((branch) => `    '${branch.name}:${colon(branch.text)}'`);
  const flagSpec = (flag: Flag) => {
    const value = !flag.value
      ? ""
      : flag.choices.length > 0
      ? `:value:(${flag.choices.join(" ")})`
      : flag.path
      ? ":path:_files"
      : ":value: ";
    const names = flag.short === null ? [flag.long] : [flag.short, flag.long];
    const but = names.length > 1 ? `(${names.join(" ")})` : "";
    return names.map((name) => `'${but}${name}[${inner(flag.text)}]${value}'`);
  };
  const cases = branches.map((branch) => {
    const specs = branch.flags.flatMap(flagSpec);
    if (branch.words.length > 0) specs.push(`'1:word:(${branch.words.join(" ")})'`);
    if (branch.clients) specs.push(`"1:client:($(ftwall completions ${CLIENTS} 2>/dev/null))"`);
    if (branch.paths) specs.push(`'*:file:_files'`);
    return `    ${branch.name})\n      _arguments \\\n        ${specs.join(" \\\n        ")}\n      ;;`;
  });
  return `#compdef ftwall
_ftwall() {
  local -a commands
  commands=(
${list.join("\n")}
  )
  local command=\${words[2]}
  if (( CURRENT == 2 )) && [[ "$command" != -* ]]; then
    _describe 'command' commands
    return
  fi
  case "$command" in
    -*) command=run ;;
    *) words=("\${(@)words[2,-1]}"); (( CURRENT-- )) ;;
  esac
  case "$command" in
${cases.join("\n")}
  esac
}
if [ "$funcstack[1]" = _ftwall ]; then
  _ftwall "$@"
else
  compdef _ftwall ftwall
fi
`;
}

function fish(branches: readonly Branch[]): string {
  const quote = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const names = branches.map((branch) => branch.name).join(" ");
  const lines = ["# fish completion for ftwall", "complete -c ftwall -f"];
  for (const branch of branches) {
    lines.push(
      `complete -c ftwall -n ${quote(`not __fish_seen_subcommand_from ${names}`)} -a ${branch.name} -d ${
        quote(branch.text)
      }`,
    );
  }
  for (const branch of branches) {
    const seen = branch.name === "run"
      ? `__fish_seen_subcommand_from run; or not __fish_seen_subcommand_from ${names}`
      : `__fish_seen_subcommand_from ${branch.name}`;
    for (const flag of branch.flags) {
      const parts = [`complete -c ftwall -n ${quote(seen)}`];
      if (flag.short !== null) parts.push(`-s ${flag.short.slice(1)}`);
      parts.push(`-l ${flag.long.slice(2)}`, `-d ${quote(flag.text)}`);
      if (flag.choices.length > 0) parts.push(`-x -a ${quote(flag.choices.join(" "))}`);
      else if (flag.path) parts.push("-r -F");
      else if (flag.value) parts.push("-x");
      lines.push(parts.join(" "));
    }
    if (branch.words.length > 0) lines.push(`complete -c ftwall -n ${quote(seen)} -a ${quote(branch.words.join(" "))}`);
    if (branch.clients) lines.push(`complete -c ftwall -n ${quote(seen)} -a '(ftwall completions ${CLIENTS})'`);
    if (branch.paths) lines.push(`complete -c ftwall -n ${quote(seen)} -F`);
  }
  return lines.join("\n") + "\n";
}
