// The man page and the completions, made of the command line itself.

import { pathToFileURL } from 'node:url';
import { join } from 'node:path';

/** The commands with their options, as commander knows them. */
async function commandLine() {
  const { program } = await import(pathToFileURL(join(process.cwd(), 'dist/cli/program.js')).href);
  return program('', [], {});
}

/** The man page hwerr-exporter(1). */
export async function manPage({ version, date }) {
  const root = await commandLine();
  const sections = root.commands.flatMap((command) => [
    `.SS ${escaped(`hwerr-exporter ${command.name()} ${usage(command)}`)}`,
    escaped(sentence(command.description())),
    ...command.options.flatMap((option) => [
      '.TP',
      `.B ${escaped(option.flags)}`,
      escaped(sentence(option.description)),
    ]),
  ]);
  return `.TH HWERR-EXPORTER 1 ${date} "hwerr-exporter ${version}"
.SH NAME
hwerr-exporter \\- ${escaped(root.description())}
.SH SYNOPSIS
.B hwerr-exporter
.RI [ command ] " " [ options ]
.SH DESCRIPTION
Since Linux 6.19 the kernel counts the hardware errors it survived. The counters are only in memory: after a crash
the dump of kdump is their only copy. hwerr-exporter reads them from new dumps without debuginfo and exposes
them to Prometheus. Without a command it serves.
.SH COMMANDS
${sections.join('\n')}
.SH EXIT STATUS
0 is success, 1 a failure, 2 a wrong command line.
.SH FILES
.TP
.I /etc/default/hwerr-exporter
The settings of the systemd unit, each with its default.
.TP
.I /var/lib/hwerr-exporter
The ledger: the crashes that were read.
.TP
.I /usr/share/doc/hwerr-exporter
Pages for operators, alert rules, dashboards.
.SH SEE ALSO
.BR kdump (8),
.BR makedumpfile (8),
.BR systemctl (1)
`;
}

function usage(command) {
  const argument = ({ _name, required, variadic }) => {
    const name = `${_name}${variadic ? '...' : ''}`;
    return required ? `<${name}>` : `[${name}]`;
  };
  return ['[options]', ...command.registeredArguments.map(argument)].join(' ');
}

function sentence(text) {
  return /[.)]$/.test(text) ? text : `${text}.`;
}

/** Text for troff: no backslash, hyphens as typed, no line that looks like a request. */
function escaped(text) {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/gm, '\\&$1');
}

/** A bash completion of the commands and their flags. */
export async function bashCompletion() {
  const root = await commandLine();
  const cases = root.commands.map(
    (command) => `    ${command.name()}) words="${flagsOf(command).join(' ')}" ;;`,
  );
  const names = root.commands.map((command) => command.name());
  return `# bash completion for hwerr-exporter
_hwerr_exporter() {
  local current=\${COMP_WORDS[COMP_CWORD]} command=\${COMP_WORDS[1]} words
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ] && [ "\${current#-}" = "$current" ]; then
    mapfile -t COMPREPLY < <(compgen -W "${names.join(' ')}" -- "$current")
    return
  fi
  case $command in
${cases.join('\n')}
    *) words="${[...flagsOf(root.commands[0]), '--version'].join(' ')}" ;;
  esac
  if [ "\${current#-}" != "$current" ]; then
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  fi
}
complete -o default -F _hwerr_exporter hwerr-exporter
`;
}

function flagsOf(command) {
  return [...command.options.map((option) => option.long), '--help'];
}

/** A zsh completion of the commands and their flags. */
export async function zshCompletion() {
  const root = await commandLine();
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const described = root.commands.map((command) =>
    quoted(`${command.name()}:${command.description().replaceAll(':', '\\:')}`),
  );
  const flag = ({ long, flags, required, description }) => {
    const help = description.replaceAll(/[[\]:]/g, '\\$&');
    const value = flags.slice(long.length + 1).replaceAll(/[[\]<>:]/g, '');
    return quoted(required ? `*${long}=[${help}]:${value}:_files` : `${long}[${help}]`);
  };
  const cases = root.commands.map((command) => {
    const flags = [
      ...command.options.map(flag),
      quoted('--help[show help]'),
      quoted('*:file:_files'),
    ];
    return `    ${command.name()}) _arguments ${flags.join(' ')} ;;`;
  });
  return `#compdef hwerr-exporter
local -a commands=(
  ${described.join('\n  ')}
)
if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then
  _describe command commands
  return
fi
local command=$words[2]
[[ $command == -* ]] && command=serve || shift words
(( CURRENT-- ))
case $command in
${cases.join('\n')}
esac
`;
}
