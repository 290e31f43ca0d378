// The process: arguments, signals, exit codes. 0 is success, 1 a failure, 2 a wrong command line.

import { CommanderError } from 'commander';
import type { App } from './app.ts';
import { program, withCommand } from './cli/program.ts';
import {
  ConfigError,
  FLAG_KEYS,
  PASS_KEYS,
  type PassConfig,
  readConfig,
  unknownVariables,
} from './config.ts';
import { SCAN_LANES } from './ingest/lanes.ts';
import type { Logger } from './log.ts';
import { messageOf } from './failure.ts';
import { VERSION } from './version.ts';

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;
/** Default size of libuv's thread pool, which does file I/O. */
const FILE_THREADS = 4;
/**
 * Calls before V8 optimizes a function or compiles a regular expression, ten times its defaults: for one or two
 * dumps, compiling costs more time and memory than it saves.
 */
const OPTIMIZE_LATER = [
  '--regexp-tier-up-ticks=10',
  '--invocation-count-for-maglev=4000',
  '--invocation-count-for-maglev-osr=1000',
  '--invocation-count-for-turbofan=30000',
];
/** How long pending work may delay the end of the process. */
const END_MS = 1000;

const args = withCommand(process.argv.slice(2));
// Each command imports its own modules: decoding a dump takes less time than loading the server.
const commands = program(VERSION, args, {
  async serve(given): Promise<void> {
    const config = readConfig(FLAG_KEYS, given, process.env);
    // A directory on a hung mount blocks a thread for each lane of its scan.
    const threads = FILE_THREADS + SCAN_LANES * config.directories.length;
    process.env['UV_THREADPOOL_SIZE'] ??= String(threads);
    const log = await logger(config);
    const { startApp } = await import('./app.ts');
    const { setFlagsFromString } = await import('node:v8');
    // Without it V8's young generation grows to 128 MiB under many requests and never shrinks. Set after the
    // import, because V8 reuses compiled code only with the flags it was compiled with.
    setFlagsFromString('--optimize-for-size');
    // Signals may arrive before the app has started.
    const running: { app?: App } = {};
    process.on('SIGHUP', () => {
      log.info('reloading', { signal: 'SIGHUP' });
      running.app?.reload();
    });
    const ending = new Promise<NodeJS.Signals>((resolve) => {
      process.once('SIGTERM', resolve);
      process.once('SIGINT', resolve);
    });
    const app = await startApp(config, VERSION, log);
    running.app = app;
    const signal = await ending;
    log.info('stopping', { signal });
    await app.close();
    await end(signal);
  },
  async checkConfig(given, envFile): Promise<void> {
    const { checkConfigCommand } = await import('./cli/check-config.ts');
    const { processTerminal } = await import('./cli/terminal.ts');
    process.exitCode = await checkConfigCommand(given, envFile, process.env, processTerminal());
  },
  async doctor(given, envFile): Promise<void> {
    const { doctorCommand } = await import('./cli/doctor.ts');
    const { processTerminal } = await import('./cli/terminal.ts');
    process.exitCode = await doctorCommand(given, envFile, process.env, processTerminal());
  },
  async crashes(given, options): Promise<void> {
    const place = readConfig(['ledgerPath', 'ledgerUrl'], given, process.env);
    const { crashesCommand } = await import('./cli/crashes.ts');
    await crashesCommand(place, options, (text) => process.stdout.write(text));
  },
  async repaired(given, options): Promise<void> {
    const place = readConfig(['ledgerPath', 'ledgerUrl'], given, process.env);
    const { repairedCommand } = await import('./cli/repaired.ts');
    await repairedCommand(place, options, (text) => process.stdout.write(text));
  },
  async textfile(given, out): Promise<void> {
    const config = readConfig(PASS_KEYS, given, process.env);
    const log = await logger(config);
    const { passOnce } = await import('./app.ts');
    const { writeTextfile } = await import('./cli/textfile.ts');
    writeTextfile(out, await passOnce(config, VERSION, log));
  },
  async decode(files, { plainHttp, ...options }, given): Promise<void> {
    const keys = ['symbolPaths', 'excluded', 'suspectWindowMs', 'decodeTimeoutMs'] as const;
    const { suspectWindowMs, decodeTimeoutMs, ...config } = readConfig(keys, given, process.env);
    const remote = { timeoutMs: decodeTimeoutMs, plainHttp };
    const { decodeCommand } = await import('./cli/decode.ts');
    const { processTerminal } = await import('./cli/terminal.ts');
    const { setFlagsFromString } = await import('node:v8');
    // Set after the imports, because V8 reuses compiled code only with the flags it was compiled with.
    for (const flag of OPTIMIZE_LATER) setFlagsFromString(flag);
    process.exitCode = await decodeCommand(
      files,
      { ...options, ...config, suspectWindowSeconds: suspectWindowMs / 1000, remote },
      processTerminal(),
    );
  },
  async log(file, options): Promise<void> {
    const { logCommand } = await import('./cli/log.ts');
    await logCommand(file, options, (text) => process.stdout.write(text));
  },
});

/** Ends the process even if a reader of standard error, or a mount, hangs. */
async function end(signal: NodeJS.Signals): Promise<void> {
  const { setTimeout: sleep } = await import('node:timers/promises');
  // exit() waits for all threads, forever if one hangs in a system call.
  const isBusy = (): boolean =>
    process.getActiveResourcesInfo().some((name) => /^(FSReq|MessagePort)/.test(name));
  for (let waitedMs = 0; waitedMs < END_MS && isBusy(); waitedMs += 10) await sleep(10);
  if (isBusy()) process.kill(process.pid, signal);
  process.exit();
}

/** Returns a logger to standard error, after a warning for each unknown HWERR_ variable. */
async function logger({ logLevel, logFormat }: PassConfig): Promise<Logger> {
  const { createLogger } = await import('./log.ts');
  const { standardError } = await import('./standard-error.ts');
  const log = createLogger(logLevel, logFormat, standardError());
  for (const variable of unknownVariables(process.env)) {
    log.warn('unknown environment variable, ignored', { variable });
  }
  return log;
}

// A reader may close the pipe early: `decode FILE... | head` is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

// Nothing is left to do then. Without exit(), Node would take down its heap first, which costs 2 to 6 % of the CPU
// time of `decode`.
process.once('beforeExit', () => process.exit());

void run();

async function run(): Promise<void> {
  try {
    await commands.parseAsync(args, { from: 'user' });
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
}
