#!/usr/bin/env node
// The process: arguments, signals, exit codes. 0 is success, 1 a failure, 2 a wrong command line.

import { CommanderError } from 'commander';
import { crashesCommand } from './cli/crashes.ts';
import { decodeCommand } from './cli/decode.ts';
import { program } from './cli/program.ts';
import { writeTextfile } from './cli/textfile.ts';
import { ConfigError, readConfig } from './config.ts';
import { messageOf } from './failure.ts';
import { createLogger } from './log.ts';
import { VERSION } from './version.ts';

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;

const commands = program(VERSION, {
  async serve(given): Promise<void> {
    const config = readConfig(given, process.env);
    const log = createLogger(config.logLevel, config.logFormat, (line) =>
      process.stderr.write(line),
    );
    // Imported here: decoding one dump needs neither the server nor the watcher.
    const { startApp } = await import('./app.ts');
    const app = await startApp(config, VERSION, log);
    const signal = await new Promise<string>((resolve) => {
      process.once('SIGTERM', resolve);
      process.once('SIGINT', resolve);
    });
    log.info('stopping', { signal });
    await app.close();
  },
  async crashes(given, json): Promise<void> {
    const { ledgerPath } = readConfig(given, process.env);
    await crashesCommand(ledgerPath, json, (text) => process.stdout.write(text));
  },
  async textfile(given, out): Promise<void> {
    const config = readConfig(given, process.env);
    const log = createLogger(config.logLevel, config.logFormat, (line) =>
      process.stderr.write(line),
    );
    const { passOnce } = await import('./app.ts');
    writeTextfile(out, await passOnce(config, VERSION, log));
  },
  decode(files, json): void {
    process.exitCode = decodeCommand(files, json, (text) => process.stdout.write(text));
  },
});

try {
  await commands.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE;
  } else if (error instanceof ConfigError) {
    process.stderr.write(`hwerr-exporter: ${error.message}\n`);
    process.exitCode = EXIT_USAGE;
  } else {
    process.stderr.write(`hwerr-exporter: ${messageOf(error)}\n`);
    process.exitCode = EXIT_FAILURE;
  }
}
