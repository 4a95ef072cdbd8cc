/**
 * `ftwall completions`: scripts for bash, zsh and fish, made from the descriptions of the commands.
 * @module
 */
import { DEFAULT_CONTROL } from "../report/control_protocol.ts";
import { DONE } from "../report/failure.ts";
import { print } from "../report/output.ts";
import { type Command, command, longName } from "./command.ts";
import { allCommands } from "./commands.ts";
import { ask } from "./control_client.ts";
import { namesNow } from "./who.ts";

/** Shells that scripts can be made for. */
export const SHELLS = ["bash", "zsh", "fish"] as const;
/** One of them. */
export type Shell = typeof SHELLS[number];

/** What the scripts ask for the names and addresses of clients with. */
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
  /** The value is a client. */
  readonly client: boolean;
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
    text: 'for which shell, or "clients": the names and addresses that the scripts offer',
    choices: WORDS,
  },
  options: {},
  after: `Examples:
  ftwall completions bash > /etc/bash_completion.d/ftwall
  ftwall completions zsh > /usr/share/zsh/site-functions/_ftwall
  ftwall completions fish > /usr/share/fish/vendor_completions.d/ftwall.fish`,
  async run(_, [shell]) {
    if (shell === CLIENTS) print(...await clientsNow());
    else print(completionScript(shell as Shell, await allCommands()).trimEnd());
    return DONE;
  },
});

/** Names and addresses: those that this machine knows, and those that the daemon has seen, where it may be asked. */
async function clientsNow(): Promise<string[]> {
  const names = namesNow(undefined);
  const seen = await ask(DEFAULT_CONTROL, { command: "clients" }, 1000).catch(() => ({ clients: [] }));
  const words = seen.clients.flatMap(({ client, client_name = "" }) =>
    client_name === "" ? [client] : [client_name, client]
  );
  return [...new Set([...names.all(), ...names.addresses(), ...words])].sort();
}

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
    client: value === "client",
  }));
  const help: Flag = {
    short: "-h",
    long: "--help",
    text: "print help",
    value: false,
    choices: [],
    path: false,
    client: false,
  };
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
  const offer = (words: string, paths: boolean) => `words="${words}"; files=${paths ? "yes" : "no"} ;;`;
  const clients = `$(ftwall completions ${CLIENTS} 2>/dev/null)`;
  const both = ({ short, long }: Flag) => short === null ? [long] : [short, long];
  const values = branches.flatMap((branch) =>
    branch.flags.filter((flag) => flag.value).map((flag) => {
      const patterns = both(flag).map((name) => `${branch.name}:${name}`).join("|");
      return `    ${patterns}) ${offer(flag.client ? clients : flag.choices.join(" "), flag.path)}`;
    })
  );
  const cases = branches.map((branch) => {
    const options = `options="${branch.flags.flatMap(both).join(" ")}"`;
    return `        ${branch.name}) ${options}; ${
      offer(branch.clients ? clients : branch.words.join(" "), branch.paths)
    }`;
  });
  return `# bash completion for ftwall
_ftwall() {
  local line current word command options words files
  local -a typed
  local commands=" ${names} "
  # The line as it was typed: bash itself takes an address apart at its colons.
  line="\${COMP_LINE:0:COMP_POINT}"
  read -ra typed <<< "$line"
  [[ "$line" == *[[:space:]] ]] && typed+=("")
  current="\${typed[-1]}"
  command=""
  for word in "\${typed[@]:1:\${#typed[@]}-2}"; do
    case "$commands" in
      *" $word "*) command="$word"; break ;;
    esac
  done
  options=""
  case "\${command:-run}:\${typed[-2]}" in
${values.join("\n")}
    *)
      case "\${command:-run}" in
${cases.join("\n")}
      esac
      [[ -z "$command" ]] && words="${names} help"
      [[ "$current" == -* ]] && { words="$options"; files=no; }
      ;;
  esac
  if [[ "$files" == yes ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  else
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  fi
  [[ "$current" == *:* ]] && COMPREPLY=("\${COMPREPLY[@]#"\${current%"\${current##*:}"}"}")
  return 0
}
complete -F _ftwall ftwall
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
      : flag.client
      ? ":client:_ftwall_clients"
      : ":value: ";
    const names = flag.short === null ? [flag.long] : [flag.short, flag.long];
    const but = names.length > 1 ? `(${names.join(" ")})` : "";
    return names.map((name) => `'${but}${name}[${inner(flag.text)}]${value}'`);
  };
  const cases = branches.map((branch) => {
    const specs = branch.flags.flatMap(flagSpec);
    if (branch.words.length > 0) specs.push(`'1:word:(${branch.words.join(" ")})'`);
    if (branch.clients) specs.push("'1:client:_ftwall_clients'");
    if (branch.paths) specs.push(`'*:file:_files'`);
    return `    ${branch.name})\n      _arguments \\\n        ${specs.join(" \\\n        ")}\n      ;;`;
  });
  return `#compdef ftwall
_ftwall_clients() {
  local -a clients
  clients=(\${(f)"$(ftwall completions ${CLIENTS} 2>/dev/null)"})
  compadd -a clients
}
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
      else if (flag.client) parts.push(`-x -a '(ftwall completions ${CLIENTS} 2>/dev/null)'`);
      else if (flag.value) parts.push("-x");
      lines.push(parts.join(" "));
    }
    if (branch.words.length > 0) lines.push(`complete -c ftwall -n ${quote(seen)} -a ${quote(branch.words.join(" "))}`);
    if (branch.clients) {
      lines.push(`complete -c ftwall -n ${quote(seen)} -a '(ftwall completions ${CLIENTS} 2>/dev/null)'`);
    }
    if (branch.paths) lines.push(`complete -c ftwall -n ${quote(seen)} -F`);
  }
  return lines.join("\n") + "\n";
}
