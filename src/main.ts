#!/usr/bin/env node
// The process: arguments, signals, exit codes. 0 is success, 1 a failure, 2 a wrong command line.

import { setFlagsFromString } from 'node:v8';
import { CommanderError } from 'commander';
import type { App } from './app.ts';
import { program } from './cli/program.ts';
import { ConfigError, readConfig } from './config.ts';
import { messageOf } from './failure.ts';
import { VERSION } from './version.ts';

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;

// What only one command needs is imported by it: decoding one dump takes less time than the server.
const commands = program(VERSION, {
  async serve(given): Promise<void> {
    // Else requests that nobody reads the answers of let it grow to 128 MiB, and it never shrinks.
    setFlagsFromString('--semi-space-growth-factor=1');
    const config = readConfig(given, process.env);
    const { createLogger } = await import('./log.ts');
    const log = createLogger(config.logLevel, config.logFormat, (line) =>
      process.stderr.write(line),
    );
    const { startApp } = await import('./app.ts');
    // Signals may come as soon as it listens, or sooner.
    const running: { app?: App } = {};
    process.on('SIGHUP', () => {
      log.info('reloading', { signal: 'SIGHUP' });
      running.app?.reload();
    });
    const ending = new Promise<string>((resolve) => {
      process.once('SIGTERM', resolve);
      process.once('SIGINT', resolve);
    });
    const app = await startApp(config, VERSION, log);
    running.app = app;
    log.info('stopping', { signal: await ending });
    await app.close();
  },
  async checkConfig(given): Promise<void> {
    const { checkConfigCommand } = await import('./cli/check-config.ts');
    process.exitCode = checkConfigCommand(given, process.env, (text) => process.stdout.write(text));
  },
  async crashes(given, json): Promise<void> {
    const { ledgerPath } = readConfig(given, process.env);
    const { crashesCommand } = await import('./cli/crashes.ts');
    await crashesCommand(ledgerPath, json, (text) => process.stdout.write(text));
  },
  async textfile(given, out): Promise<void> {
    const config = readConfig(given, process.env);
    const { createLogger } = await import('./log.ts');
    const log = createLogger(config.logLevel, config.logFormat, (line) =>
      process.stderr.write(line),
    );
    const { passOnce } = await import('./app.ts');
    const { writeTextfile } = await import('./cli/textfile.ts');
    writeTextfile(out, await passOnce(config, VERSION, log));
  },
  async decode(files, options, given): Promise<void> {
    const { symbolPaths } = readConfig(given, process.env);
    const { decodeCommand } = await import('./cli/decode.ts');
    process.exitCode = await decodeCommand(files, { ...options, symbolPaths }, (text) =>
      process.stdout.write(text),
    );
  },
});

// Whoever reads our output may have seen enough: `decode FILE... | head` is no failure to report.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
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
