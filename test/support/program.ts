// The built program (dist/), run as a process of its own, as its users run it.

import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

import { onTestFinished } from 'vitest';

import { eventually } from './eventually.ts';
import { tempDir } from './temp-dir.ts';

export const MAIN: string = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

type Process = ChildProcessByStdio<null, Readable, Readable>;

function start(args: readonly string[], environment: Readonly<Record<string, string>>): Process {
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...withoutOurs(process.env), ...environment },
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

/** The environment without settings of the exporter: they would change what is tested. */
function withoutOurs(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !name.startsWith('HWERR_')),
  );
}

/** Run a script of Node to its end, inside a test. */
export async function runNode(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const child = start(args, environment);
  const [stdout, stderr, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    exitOf(child),
  ]);
  return { code, stdout, stderr };
}

/** Run `hwerr-exporter ARGS...` to its end, inside a test. */
export function run(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  return runNode([MAIN, ...args], environment);
}

/** The exit code; null when a signal ended it. */
async function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
}

export interface Daemon {
  readonly url: string;
  readonly port: number;
  /** The dump directory it watches. */
  readonly directory: string;
  /** Everything logged so far. */
  readonly log: () => string;
  /** The body of /metrics. */
  readonly metrics: () => Promise<string>;
  /** Value of a series such as `hwerr_crashes_total`, labels and all; undefined when absent. */
  readonly value: (series: string) => Promise<number | undefined>;
  /** Sends the signal. @returns the exit code, when it has ended. */
  readonly stop: (signal: 'SIGTERM' | 'SIGINT') => Promise<number | null>;
}

/** The daemon on a port of its own, watching `directory`; it is killed when the test is over. */
export async function startDaemon(
  flags: readonly string[] = [],
  directory: string = tempDir(),
): Promise<Daemon> {
  const fixed = ['--kdump.path', directory, '--web.listen-address', '127.0.0.1:0'];
  const child = start([MAIN, ...fixed, ...flags], {});
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    log += piece;
  });
  const port = await eventually('the daemon listens', () => {
    if (child.exitCode !== null) throw new Error(`the daemon ended:\n${log}`);
    const match = /^(?=.*listening).*\bport"?[=:](\d+)/m.exec(log);
    return match === null ? undefined : Number(match[1]);
  });
  const url = `http://127.0.0.1:${port}`;
  const metrics = async (): Promise<string> => (await fetch(`${url}/metrics`)).text();
  return {
    url,
    port,
    directory,
    log: () => log,
    metrics,
    value: async (series) => valueIn(await metrics(), series),
    stop(signal): Promise<number | null> {
      child.kill(signal);
      return exitOf(child);
    },
  };
}

/** Value of a series in an exposition. */
export function valueIn(exposition: string, series: string): number | undefined {
  const line = exposition.split('\n').find((candidate) => candidate.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}
