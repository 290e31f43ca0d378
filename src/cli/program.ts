// The command line, made from the table of flags.

import { Command, Option } from 'commander';
import type { DecodeCommandOptions } from './decode.ts';
import { FLAGS, type Flag, type FlagKey, type FlagValues, environmentName } from '../config.ts';

export interface Commands {
  readonly serve: (given: FlagValues) => Promise<void>;
  readonly checkConfig: (given: FlagValues) => Promise<void>;
  readonly crashes: (given: FlagValues, json: boolean) => Promise<void>;
  readonly repaired: (
    given: FlagValues,
    options: { readonly host: string | undefined; readonly note: string },
  ) => void | Promise<void>;
  readonly textfile: (given: FlagValues, out: string) => Promise<void>;
  readonly decode: (
    files: readonly string[],
    options: Pick<DecodeCommandOptions, 'json' | 'askBtf'>,
    given: FlagValues,
  ) => Promise<void>;
}

/** The program; parsing runs one of the commands. It throws CommanderError instead of exiting. */
export function program(version: string, commands: Commands): Command {
  const root = new Command('hwerr-exporter')
    .description('Prometheus exporter for the hardware errors recorded in kdump vmcores')
    .version(version, '--version')
    .exitOverride();
  const serve = root.command('serve', { isDefault: true });
  serve.description('watch the dump directories and serve metrics').exitOverride();
  for (const flag of Object.values(FLAGS)) serve.addOption(option(flag));
  serve.action(() => commands.serve(given(serve)));
  const check = root.command('check-config');
  check.description('validate flags, environment and web configuration').exitOverride();
  for (const flag of Object.values(FLAGS)) check.addOption(option(flag));
  check.action(() => commands.checkConfig(given(check)));
  // Without a command it serves, so its flags belong to the first --help that people read.
  root.addHelpText('after', () => `\n${serve.helpInformation()}`);
  root
    .command('decode')
    .description('decode dumps once and print what they say')
    .argument('<file...>', 'dump files')
    .option('--json', 'print one JSON object a line')
    .option('--btf', "read the layout of the counters from the dump's BTF in any case")
    .addOption(option(FLAGS.symbols))
    .exitOverride()
    .action(async (files: string[], options: { json?: true; btf?: true }, command: Command) => {
      const json = options.json === true;
      await commands.decode(files, { json, askBtf: options.btf === true }, given(command));
    });
  const crashes = root.command('crashes');
  crashes
    .description('print the crashes that the ledger knows; the daemon may be running')
    .option('--json', 'print one JSON object a line')
    .addOption(option(FLAGS.ledgerPath))
    .exitOverride()
    .action((options: { json?: true }) => commands.crashes(given(crashes), options.json === true));
  const repaired = root.command('repaired');
  repaired
    .description('acknowledge that a host was repaired; the daemon may be running')
    .option('--host <HOST>', 'the host; needed where the ledger knows several')
    .option('--note <TEXT>', 'what was done')
    .addOption(option(FLAGS.ledgerPath))
    .exitOverride()
    .action(async ({ host, note }: { host?: string; note?: string }) => {
      await commands.repaired(given(repaired), { host, note: note ?? '' });
    });
  const textfile = root.command('textfile');
  textfile
    .description("one pass over the dump directories, for node_exporter's textfile collector")
    .requiredOption('--out <FILE.prom>', 'file to write, atomically')
    .exitOverride()
    .action((options: { out: string }) => commands.textfile(given(textfile), options.out));
  for (const flag of Object.values(FLAGS)) {
    if (!flag.name.startsWith('web.')) textfile.addOption(option(flag));
  }
  return root;
}

function option(flag: Flag): Option {
  const value = flag.value === undefined ? '' : ` <${flag.value}>`;
  const notes = [
    ...(flag.repeatable ? ['repeatable'] : []),
    ...(flag.defaultValue === undefined ? [] : [`default: ${flag.defaultValue}`]),
    `env: ${environmentName(flag)}`,
  ];
  const result = new Option(`--${flag.name}${value}`, `${flag.help} (${notes.join(', ')})`);
  return flag.value === undefined ? result : result.argParser(collect);
}

function collect(text: string, before: string[] | undefined): string[] {
  return [...(before ?? []), text];
}

/** What was given on the command line, by flag. */
function given(command: Command): FlagValues {
  const values: Partial<Record<FlagKey, readonly string[]>> = {};
  for (const [key, flag] of Object.entries(FLAGS)) {
    const attribute = new Option(`--${flag.name}`).attributeName();
    const value = command.getOptionValue(attribute) as string[] | true | undefined;
    if (value !== undefined) values[key as FlagKey] = value === true ? ['true'] : value;
  }
  return values;
}
