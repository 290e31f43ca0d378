// The settings of the service: those of the unit's EnvironmentFile= override this process's environment.

import { readFileSync } from 'node:fs';
import {
  type Config,
  ConfigError,
  FLAG_KEYS,
  type FlagValues,
  readConfig,
  unknownVariables,
} from '../config.ts';
import { messageOf } from '../failure.ts';
import { parseEnvFile } from './env-file.ts';
import { type Finding, problem } from './finding.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The settings with which the exporter would run as a service. */
export interface UnitConfig {
  /** undefined if it would not start; a finding says why. */
  readonly config: Config | undefined;
  /** Invalid settings, and settings without an effect. */
  readonly findings: readonly Finding[];
}

/**
 * Reads the settings and checks them.
 *
 * @param given flags of the command line.
 * @param file path of EnvironmentFile=; undefined: only the environment.
 */
export function unitConfig(
  given: FlagValues,
  file: string | undefined,
  environment: Environment,
): UnitConfig {
  const findings: Finding[] = [];
  try {
    const { variables, ignored } = parseEnvFile(file === undefined ? '' : textOf(file));
    const all = { ...environment, ...variables };
    findings.push(
      ...ignored.map((line) =>
        problem(`${file ?? ''}:${line}: is no assignment, want NAME=VALUE; systemd ignores it`),
      ),
      ...unknownVariables(all).map((name) => problem(`${name}: sets nothing; is it mistyped?`)),
    );
    return { config: readConfig(FLAG_KEYS, given, all), findings };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { config: undefined, findings: [...findings, problem(error.message)] };
  }
}

/** @throws ConfigError when the file cannot be read. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError(`--env-file: ${file}: ${messageOf(error)}`);
  }
}
