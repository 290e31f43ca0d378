// The built program (dist/), run as a process of its own, as its users run it.

import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

import { onTestFinished } from 'vitest';

import { AS_NOBODY } from '../system/as-nobody.ts';

export const MAIN: string = fileURLToPath(new URL('../../../dist/main.js', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

type Process = ChildProcessByStdio<null, Readable, Readable>;

/**
 * Start a script of Node inside a test, as a user; it does not outlive that.
 *
 * @param by a command that runs another one, which stays the same process.
 */
export function start(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  user: { readonly uid?: number; readonly gid?: number } = {},
  by: readonly string[] = [],
): Process {
  const [program, ...before] = [...by, process.execPath];
  const child = spawn(program, [...before, ...args], {
    ...user,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...withoutOurs(process.env), ...environment },
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exitOf(child);
  });
  return child;
}

/** The environment without settings of the exporter, and without what this machine has in pstore. */
export function withoutOurs(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const others = Object.entries(environment).filter(([name]) => !name.startsWith('HWERR_'));
  return { ...Object.fromEntries(others), HWERR_PSTORE_PATH: '' };
}

/** Run a script of Node to its end, inside a test. */
export async function runNode(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  user: { readonly uid?: number; readonly gid?: number } = {},
): Promise<Ended> {
  const child = start(args, environment, user);
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

/** The same as the user nobody, where we are root. */
export function runAsNobody(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  return runNode([MAIN, ...args], environment, AS_NOBODY);
}

/** The exit code; null when a signal ended it. */
export async function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
}
