// The command line, built from the table of flags.

import { Command, Option } from 'commander';
import { FILTERS, type FilterName } from '../selection.ts';
import type { CrashesOptions } from './crashes.ts';
import type { DecodeCommandOptions } from './decode.ts';
import type { LogCommandOptions } from './log.ts';
import type { RepairedOptions } from './repaired.ts';
import {
  FLAGS,
  FLAG_KEYS,
  type FlagKey,
  type FlagValues,
  PASS_KEYS,
  environmentName,
} from '../config.ts';
import type { Flag } from '../flag.ts';

/** Runs each command with the flags that were given. */
export interface Commands {
  readonly serve: (given: FlagValues) => Promise<void>;
  /** `envFile`: path of the unit's EnvironmentFile=; undefined if not given. */
  readonly checkConfig: (given: FlagValues, envFile: string | undefined) => Promise<void>;
  readonly doctor: (given: FlagValues, envFile: string | undefined) => Promise<void>;
  readonly crashes: (given: FlagValues, options: CrashesOptions) => Promise<void>;
  readonly repaired: (given: FlagValues, options: RepairedOptions) => Promise<void>;
  readonly textfile: (given: FlagValues, out: string) => Promise<void>;
  readonly decode: (
    files: readonly string[],
    options: Pick<DecodeCommandOptions, 'json' | 'askBtf'> & { readonly plainHttp: boolean },
    given: FlagValues,
  ) => Promise<void>;
  readonly log: (file: string, options: LogCommandOptions) => Promise<void>;
}

interface UnitFlags {
  readonly envFile?: string;
}

interface DecodeFlags {
  readonly json?: true;
  readonly btf?: true;
  readonly plainHttp?: true;
}

interface CrashesFlags extends Partial<Record<FilterName, string>> {
  readonly suspect?: true;
  readonly json?: true;
  readonly csv?: true;
}

const ENV_FILE = '--env-file <FILE>';
/** EnvironmentFile= of the unit in deploy/systemd. */
export const UNIT_SETTINGS = '/etc/default/hwerr-exporter';

/** Flags that need no command. */
const ROOT_FLAGS: ReadonlySet<string> = new Set(['--help', '-h', '--version']);

/** Returns the arguments with their command; the default is `serve`. */
export function withCommand(args: readonly string[]): string[] {
  const [first] = args;
  const isServe = first === undefined || (first.startsWith('-') && !ROOT_FLAGS.has(first));
  return isServe ? ['serve', ...args] : [...args];
}

const FILTER_HELP: Readonly<Record<FilterName, readonly [placeholder: string, what: string]>> = {
  host: ['HOST', 'of this host'],
  since: ['TIME', 'of the last 12h, 7d or the like, or since a date'],
  until: ['TIME', 'before then'],
  verdict: ['KIND', 'with this verdict; hardware: in or shortly after a hardware error'],
  category: ['CATEGORY', 'with errors of this category, counted or in the log'],
  kernel: ['RELEASE', 'of this kernel'],
  model: ['MODEL', 'of this hardware model'],
  signature: ['ID', 'that died of this'],
};

/**
 * Returns the parser; parsing runs one of the commands. It throws CommanderError instead of exiting.
 *
 * @param args the arguments to parse. If they begin with `decode`, only this command is added: adding the
 *   others would take a noticeable part of its run time.
 */
export function program(version: string, args: readonly string[], commands: Commands): Command {
  const root = new Command('hwerr-exporter')
    .description('Prometheus exporter for the hardware errors recorded in kdump vmcores')
    .version(version, '--version')
    .exitOverride();
  if (args[0] === 'decode') {
    addDecode(root, commands);
    return root;
  }
  const serve = subcommand(root, 'serve', FLAG_KEYS)
    .description('watch the dump directories and serve metrics')
    .action((_options, command: Command) => commands.serve(given(command)));
  addChecks(root, commands);
  // `serve` is the default command, so the main --help lists its flags.
  root.addHelpText('after', () => `\n${serve.helpInformation()}`);
  addDecode(root, commands);
  subcommand(root, 'log', [])
    .description("find hardware errors and the crash in a kernel's log")
    .argument('<file>', 'text of dmesg or journalctl -k, or JSON of either; - is standard input')
    .option('--json', 'print one JSON object')
    .option('--page-size <SIZE>', "the kernel's page size", '4KiB')
    .action((file: string, { json, pageSize }: { json?: true; pageSize: string }) =>
      commands.log(file, { json: json === true, pageSize }),
    );
  const crashes = subcommand(root, 'crashes', ['ledgerPath', 'ledgerUrl'])
    .description('print the crashes that the ledger knows; the daemon may be running')
    .addOption(new Option('--json', 'print one JSON object a line').conflicts('csv'))
    .addOption(new Option('--csv', 'print comma-separated values'))
    .addOption(new Option('--suspect', 'as --verdict hardware').conflicts('verdict'))
    .action((options: CrashesFlags, command: Command) => {
      const { suspect, json, csv, ...filter } = options;
      const format = json === true ? 'json' : csv === true ? 'csv' : 'text';
      const verdict = suspect === true ? 'hardware' : filter.verdict;
      return commands.crashes(given(command), { ...filter, verdict, format });
    });
  for (const name of FILTERS) {
    const [placeholder, what] = FILTER_HELP[name];
    crashes.option(`--${name} <${placeholder}>`, `only crashes ${what}`);
  }
  subcommand(root, 'repaired', ['ledgerPath', 'ledgerUrl'])
    .description('acknowledge that a host was repaired; the daemon may be running')
    .option('--host <HOST>', 'the host; needed where the ledger knows several')
    .option('--note <TEXT>', 'what was done')
    .action(({ host, note }: { host?: string; note?: string }, command: Command) =>
      commands.repaired(given(command), { host, note: note ?? '' }),
    );
  subcommand(root, 'textfile', PASS_KEYS)
    .description("one pass over the dump directories, for node_exporter's textfile collector")
    .requiredOption('--out <FILE.prom>', 'file to write, atomically')
    .action((options: { out: string }, command: Command) =>
      commands.textfile(given(command), options.out),
    );
  return root;
}

/** Adds the commands that check settings and the installation. */
function addChecks(root: Command, commands: Commands): void {
  subcommand(root, 'check-config', FLAG_KEYS)
    .description('validate flags, environment and web configuration, and look at their paths')
    .option(ENV_FILE, 'settings of the systemd unit, as systemd reads them')
    .action(({ envFile }: UnitFlags, command: Command) =>
      commands.checkConfig(given(command), envFile),
    );
  subcommand(root, 'doctor', FLAG_KEYS)
    .description('check this installation: kdump, dumps, ledger, the running exporter')
    .option(ENV_FILE, `settings of the systemd unit (default: ${UNIT_SETTINGS}, where it is there)`)
    .action(({ envFile }: UnitFlags, command: Command) => commands.doctor(given(command), envFile));
}

function addDecode(root: Command, commands: Commands): void {
  subcommand(root, 'decode', ['symbolPaths', 'excluded', 'suspectWindowMs', 'decodeTimeoutMs'])
    .description('decode dumps once and print what they say')
    .argument(
      '<file...>',
      'dump files, directories, https:// and s3://BUCKET/KEY; - is standard input',
    )
    .option('--json', 'print one JSON object a line')
    .option('--btf', "read the layout of the counters from the dump's BTF in any case")
    .option('--plain-http', 'also read http:// URLs, which anyone on the way can change')
    .action(async (files: string[], { json, btf, plainHttp }: DecodeFlags, command: Command) => {
      const options = { json: json === true, askBtf: btf === true, plainHttp: plainHttp === true };
      await commands.decode(files, options, given(command));
    });
}

function subcommand(root: Command, name: string, keys: readonly FlagKey[]): Command {
  const command = root.command(name).exitOverride();
  for (const key of keys) command.addOption(new FlagOption(key));
  return command;
}

/** An option whose value commander stores under the key of the flag. */
class FlagOption extends Option {
  readonly #key: FlagKey;

  constructor(key: FlagKey) {
    const flag: Flag = FLAGS[key];
    const value = flag.placeholder === undefined ? '' : ` <${flag.placeholder}>`;
    const notes = [
      ...(flag.repeatable ? ['repeatable'] : []),
      ...(flag.defaultText === undefined ? [] : [`default: ${flag.defaultText}`]),
      `env: ${environmentName(flag)}`,
    ];
    super(`--${flag.name}${value}`, `${flag.help} (${notes.join(', ')})`);
    this.#key = key;
    if (flag.placeholder !== undefined) this.argParser(collect);
  }

  override attributeName(): string {
    return this.#key;
  }
}

function collect(text: string, before: string[] | undefined): string[] {
  return [...(before ?? []), text];
}

/** Returns the values given on the command line, by flag. */
function given(command: Command): FlagValues {
  const values: Partial<Record<FlagKey, readonly string[]>> = {};
  for (const key of FLAG_KEYS) {
    const value = command.getOptionValue(key) as string[] | true | undefined;
    if (value !== undefined) values[key] = value === true ? ['true'] : value;
  }
  return values;
}
