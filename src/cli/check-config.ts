// hwerr-exporter check-config: would the daemon start and work with these flags and files?

import { FLAGS, type FlagValues } from '../config.ts';
import { type Finding, ok, printFindings } from './finding.ts';
import { checkDirectory, checkLedger, checkWebConfig } from './path-checks.ts';
import { unitConfig } from './settings.ts';
import type { Terminal } from './terminal.ts';

/**
 * Prints a line per check; a problem names the flag, or the file, line and key.
 *
 * @param envFile path of the unit's EnvironmentFile=; undefined: none.
 * @returns the exit code: 0, or 1 if something is wrong.
 */
export async function checkConfigCommand(
  given: FlagValues,
  envFile: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
  terminal: Terminal,
): Promise<0 | 1> {
  const findings = checks(given, envFile, environment);
  return (await printFindings(findings, terminal)) ? 0 : 1;
}

async function* checks(
  given: FlagValues,
  envFile: string | undefined,
  own: Readonly<Record<string, string | undefined>>,
): AsyncGenerator<Finding> {
  const { config, findings } = unitConfig(given, envFile, own);
  yield* findings;
  if (config === undefined) return;
  yield ok('flags and variables: good');
  const { webConfigFile } = config;
  if (webConfigFile !== undefined) yield checkWebConfig(webConfigFile);
  for (const path of config.directories) yield checkDirectory(path, FLAGS.directories.name);
  for (const path of config.symbolPaths) yield checkDirectory(path, FLAGS.symbolPaths.name);
  yield await checkLedger(config);
}
