// The settings of the service: what its unit gives it in a file, over the environment of this process.

import { readFileSync } from 'node:fs';
import { ConfigError, unknownVariables } from '../config.ts';
import { messageOf } from '../failure.ts';
import { parseEnvFile } from './env-file.ts';
import { type Finding, problem } from './finding.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What the exporter would run with as a service. */
export interface UnitSettings {
  readonly environment: Environment;
  /** What in them has no effect. */
  readonly findings: readonly Finding[];
}

/**
 * @param file of EnvironmentFile=; undefined: the environment alone.
 * @throws ConfigError when the file cannot be read.
 */
export function unitSettings(file: string | undefined, environment: Environment): UnitSettings {
  const { variables, ignored } = parseEnvFile(file === undefined ? '' : textOf(file));
  const all = { ...environment, ...variables };
  return {
    environment: all,
    findings: [
      ...ignored.map((line) =>
        problem(`${file ?? ''}:${line}: is no assignment, want NAME=VALUE; systemd ignores it`),
      ),
      ...unknownVariables(all).map((name) => problem(`${name}: sets nothing; is it mistyped?`)),
    ],
  };
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError(`--env-file: ${file}: ${messageOf(error)}`);
  }
}
