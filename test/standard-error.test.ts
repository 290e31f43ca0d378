// The log may be lost, the daemon may not: a program whose standard error cannot be written goes on.

import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

import { expect, it, onTestFinished } from 'vitest';

import { mayMount } from './support/system/mounts.ts';
import { smallDisk } from './support/system/small-disk.ts';

/** Logs each line of its input, answers it with a dot, and ends with it. */
const PROGRAM = `
  import { createInterface } from 'node:readline';
  import { standardError } from ${JSON.stringify(new URL('../dist/standard-error.js', import.meta.url).href)};
  const write = standardError();
  for await (const line of createInterface({ input: process.stdin })) {
    write(line.repeat(1000) + '\\n');
    process.stdout.write('.');
  }
  process.exit(0);
`;

interface Started {
  readonly program: ChildProcess & { readonly stdin: Writable; readonly stdout: Readable };
  /** Have it log `line`; resolves when it has answered. */
  readonly say: (line: string) => Promise<void>;
  /** End its input. The exit code. */
  readonly end: () => Promise<number | null>;
}

function started(stderr: 'pipe' | number): Started {
  const stdio: StdioOptions = ['pipe', 'pipe', stderr];
  const args = ['--input-type=module', '--eval', PROGRAM];
  const program = spawn(process.execPath, args, { stdio }) as unknown as Started['program'];
  const exit = once(program, 'exit') as Promise<[number | null]>;
  onTestFinished(() => void program.kill('SIGKILL'));
  return {
    program,
    async say(line): Promise<void> {
      const answer = once(program.stdout, 'data');
      program.stdin.write(`${line}\n`);
      await Promise.race([
        answer,
        exit.then(([code]) => {
          throw new Error(`ended with code ${code}`);
        }),
      ]);
    },
    async end(): Promise<number | null> {
      program.stdin.end();
      return (await exit)[0];
    },
  };
}

it('goes on, and ends as asked, when the reader of its log is gone', async () => {
  const { program, say, end } = started('pipe');
  program.stderr!.destroy();
  for (let i = 0; i < 20; i++) await say('a');
  expect(await end()).toBe(0);
});

it('goes on, and ends as asked, when the reader of its log hangs', async () => {
  const { say, end } = started('pipe');
  for (let i = 0; i < 2000; i++) await say('a'); // 2 MB, a pipe holds 64 KiB
  expect(await end()).toBe(0);
});

it('says how many lines a reader that came back has missed', async () => {
  const { program, say, end } = started('pipe');
  for (let i = 0; i < 3000; i++) await say('a');
  let log = '';
  program.stderr!.on('data', (piece: Buffer) => {
    log += piece.toString();
  });
  while (!/hwerr-exporter: \d+ lines of the log were lost\n/.test(log)) await say('b');
  expect(await end()).toBe(0);
});

it.skipIf(!mayMount())('writes again when a full disk has room again', async () => {
  const disk = smallDisk();
  const log = join(disk.path, 'log');
  const { say, end } = started(openSync(log, 'a'));
  await say('a');
  disk.fill();
  for (let i = 0; i < 20; i++) await say('b');
  disk.empty();
  await say('c');
  expect(await end()).toBe(0);
  const lines = readFileSync(log, 'utf8').split('\n');
  expect(lines[0]).toBe('a'.repeat(1000));
  expect(lines.at(-2)).toBe('c'.repeat(1000));
  expect(lines.at(-3)).toMatch(/hwerr-exporter: \d+ lines of the log were lost$/);
});
