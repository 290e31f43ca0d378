// The settings of the service: what its unit gives it in a file, over the environment of this process.

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

/** What the exporter would run with as a service. */
export interface UnitConfig {
  /** undefined: it would not start, and a finding says why. */
  readonly config: Config | undefined;
  /** What is wrong with the settings, or has no effect in them. */
  readonly findings: readonly Finding[];
}

/**
 * @param given on the command line.
 * @param file of EnvironmentFile=; undefined: the environment alone.
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
