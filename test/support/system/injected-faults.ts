// System calls of a process that fail or take long, by strace.

import { spawn, spawnSync } from 'node:child_process';

import { onTestFinished } from 'vitest';

import { exitOf } from '../daemon/program.ts';
import { eventually } from './eventually.ts';
import { needsTool } from './tools.ts';

export const strace = needsTool('strace');

/** Whether it may watch the process that it was started by. */
export function mayTrace(): boolean {
  const args = ['-qq', '-e', 'trace=fsync', '-o', '/dev/null', '-p', String(process.pid)];
  return spawnSync(strace.path, args, { timeout: 500 }).error !== undefined;
}

/**
 * From now on, until undone or the test is over, this happens to every such call of the process.
 *
 * @param calls separated by commas.
 * @param fault as strace's inject= takes it: `error=EAGAIN`, `delay_enter=1000000`.
 * @returns undoes it.
 */
export async function injectFault(
  pid: number,
  calls: string,
  fault: string,
): Promise<() => Promise<void>> {
  const args = ['-f', '-e', `trace=${calls}`, '-e', `inject=${calls}:${fault}`];
  const child = spawn(strace.path, [...args, '-o', '/dev/null', '-p', String(pid)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (piece: string) => (log += piece));
  const undo = async (): Promise<void> => {
    child.kill('SIGINT');
    await exitOf(child);
  };
  onTestFinished(undo);
  await eventually('strace is there', () => {
    if (child.exitCode !== null) throw new Error(`strace ended:\n${log}`);
    return log.includes('attached') || undefined;
  });
  return undo;
}
