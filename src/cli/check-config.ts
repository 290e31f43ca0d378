// hwerr-exporter check-config: would the daemon start with these flags and files?

import {
  ConfigError,
  FLAG_KEYS,
  type FlagValues,
  readConfig,
  unknownVariables,
} from '../config.ts';
import { WebConfigError } from '../webconfig/parse.ts';
import { loadWebConfig } from '../webconfig/web-config.ts';

/**
 * @param print takes a piece of standard output.
 * @returns the exit code: 0, or 1 with what is wrong printed: flag, or file, line and key.
 */
export function checkConfigCommand(
  given: FlagValues,
  environment: Readonly<Record<string, string | undefined>>,
  print: (text: string) => void,
): 0 | 1 {
  try {
    const { webConfigFile } = readConfig(FLAG_KEYS, given, environment);
    for (const name of unknownVariables(environment)) print(`${name}: sets nothing\n`);
    print('flags: good\n');
    if (webConfigFile !== undefined) {
      loadWebConfig(webConfigFile);
      print(`${webConfigFile}: good\n`);
    }
    return 0;
  } catch (error) {
    if (!(error instanceof ConfigError || error instanceof WebConfigError)) throw error;
    print(`${error.message}\n`);
    return 1;
  }
}
