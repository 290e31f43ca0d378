/**
 * Forms that makedumpfile makes of real dumps: each says the same as what it was made of. Not here:
 * -E, which Debian's 1.7.2 refuses for a kdump file (the fixture *.elf was made with it), and
 * -p and -z, for which it is not built: it stores the pages as they are then.
 */
import { execFileSync } from 'node:child_process';
import { openSync, closeSync, readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';

import { expect, it } from 'vitest';

import { decodeFile } from '../../src/decode/decode-file.ts';
import { openFileSource } from '../../src/decode/file-source.ts';
import { type CrashReport, decodeVmcore } from '../../src/vmcore/index.ts';
import { fixture } from '../support/dumps/fixtures.ts';
import { sharedVmcores } from '../support/dumps/shared-vmcores.ts';
import { tempDir } from '../support/system/temp-dir.ts';
import { needsTool } from '../support/system/tools.ts';

const makedumpfile = needsTool('makedumpfile');
const shared = sharedVmcores();

/** Runs it on an input and gives its output to a file, where it writes a stream. */
function run(args: readonly string[], from?: string, to?: string): void {
  const input = from === undefined ? 'ignore' : openSync(from, 'r');
  const output = to === undefined ? 'ignore' : openSync(to, 'w');
  try {
    execFileSync(makedumpfile.path, args, {
      stdio: [input, output, 'ignore'],
    });
  } finally {
    for (const fd of [input, output]) if (typeof fd === 'number') closeSync(fd);
  }
}

/** Read afresh: decodeFile would remember the kernel and not look for its symbols a second time. */
function decoded(path: string): CrashReport {
  const source = openFileSource(path, undefined);
  try {
    return decodeVmcore(source);
  } finally {
    source.close();
  }
}

/** What does not depend on the form that the dump came in. */
function said(report: CrashReport): Partial<CrashReport> {
  const { container, flattened, compression, ...rest } = report;
  return rest;
}

/** The forms of a whole dump: what to run, and what the decoder says of the form itself. */
const FORMS: readonly {
  readonly args: readonly string[];
  readonly flattened?: true;
  readonly compression: CrashReport['compression'];
}[] = [
  { args: ['-c'], compression: ['zlib'] },
  { args: ['-l'], compression: ['lzo'] },
  { args: [], compression: [] },
  { args: ['-F', '-c'], flattened: true, compression: ['zlib'] },
  { args: ['-F', '-l'], flattened: true, compression: ['lzo'] },
  { args: ['-F'], flattened: true, compression: [] },
];

const WHOLE = 'x86_64-7.3.4-whole.zlib';
const LEVEL = ['-d', '31'];

makedumpfile.describe(`forms of ${WHOLE}${shared ? '' : ' [needs ../shared]'}`, () => {
  const whole = join(shared ?? '', WHOLE);

  it.skipIf(!shared).each(FORMS)(
    'makedumpfile $args: the same answer',
    ({ args, flattened, compression }) => {
      const made = join(tempDir(), 'made');
      if (flattened) run([...args, ...LEVEL, whole], undefined, made);
      else run([...args, ...LEVEL, whole, made]);
      const report = decoded(made);
      expect(said(report)).toEqual(said(decoded(whole)));
      expect(report).toMatchObject({
        container: 'kdump',
        flattened: flattened ?? false,
        compression,
      });
    },
  );

  it.skipIf(!shared)(
    'makedumpfile --split and --reassemble: one dump, from any part, and whole again',
    async () => {
      const folder = tempDir();
      const parts = ['c', 'a', 'b'].map((name) => join(folder, `part-${name}`));
      run(['--split', '-l', ...LEVEL, whole, ...parts]);
      const want = said(decoded(whole));
      for (const part of parts) {
        const outcome = await decodeFile(part, { symbolPaths: [] });
        if (outcome.kind !== 'report') throw new Error(JSON.stringify(outcome));
        expect(outcome.parts).toHaveLength(3);
        expect(said(outcome.report)).toEqual(want);
      }
      const again = join(folder, 'again');
      run(['--reassemble', ...parts, again]);
      expect(said(decoded(again))).toEqual(want);
    },
  );

  it.skipIf(!shared)('makedumpfile --dump-dmesg: the same panic line', () => {
    const log = join(tempDir(), 'log');
    run(['--dump-dmesg', whole, log]);
    const lines = readFileSync(log, 'utf8').split('\n');
    const panic = lines.find((line) => line.includes('Kernel panic - not syncing'));
    expect(decoded(whole).panicMessage).toBe(panic?.replace(/^\[ *\d+\.\d+\] /, ''));
    expect(panic).toBeDefined();
  });
});

const flat = [
  ...readdirSync(fixture('.')).map(fixture),
  ...(shared ? readdirSync(shared).map((name) => join(shared, name)) : []),
].filter((path) => /\.flat-[a-z]+$/.test(path));

makedumpfile.describe('makedumpfile -R of flattened files', () => {
  it('there are some', () => {
    expect(flat.length).toBeGreaterThan(3);
  });

  it.each(flat.map((path) => [basename(path), path] as const))('%s: the same answer', (_, path) => {
    const plain = join(tempDir(), 'plain');
    run(['-R', plain], path);
    const [was, is] = [decoded(path), decoded(plain)];
    expect(said(is)).toEqual(said(was));
    expect([was.flattened, is.flattened]).toEqual([true, false]);
    expect(is.compression).toEqual(was.compression);
  });
});
