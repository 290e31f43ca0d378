import { spawn } from 'node:child_process';
import {
  copyFileSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import { decodeFile } from '../../src/decode/decode-file.ts';
import { openFileSource } from '../../src/decode/file-source.ts';
import { exitOf } from '../support/daemon/program.ts';
import { eventually } from '../support/system/eventually.ts';
import { writeSlowDump, fixture, fixtureReport } from '../support/dumps/fixtures.ts';
import { tempDir } from '../support/system/temp-dir.ts';

const OPTIONS = { symbolPaths: [] };
const DUMP = 'x86_64-7.3.4.zlib';

describe('decodeFile', () => {
  it('gives the report of a dump', async () => {
    expect(await decodeFile(fixture(DUMP), OPTIONS)).toMatchObject({
      kind: 'report',
      report: fixtureReport(DUMP),
    });
  });

  it('gives plain data, which crosses threads as it is', async () => {
    const outcome = await decodeFile(fixture(DUMP), OPTIONS);
    expect(structuredClone(outcome)).toEqual(outcome);
    expect(JSON.parse(JSON.stringify(outcome))).toEqual(outcome);
  });

  it.each([
    ['text', 'hello, world', 'not_a_dump'],
    ['nothing', '', 'truncated'],
    ['a gzip file that was cut', '\x1f\x8b\b', 'truncated'],
    ['a bzip2 file', 'BZh91AY&SY', 'unsupported_compression'],
  ])('gives the reason why %s is no report', async (_what, content, reason) => {
    const path = join(tempDir(), 'vmcore');
    writeFileSync(path, content, 'latin1');
    expect(await decodeFile(path, OPTIONS)).toMatchObject({ kind: 'failure', failure: { reason } });
  });

  it('gives truncated for a dump cut in its tables', async () => {
    const path = join(tempDir(), 'vmcore');
    writeFileSync(path, readFileSync(fixture(DUMP)).subarray(0, 8192));
    expect(await decodeFile(path, OPTIONS)).toMatchObject({
      kind: 'failure',
      failure: { reason: 'truncated' },
    });
  });

  it('gives gone for a file that is not there: dumps are pruned', async () => {
    expect(await decodeFile(join(tempDir(), 'vmcore'), OPTIONS)).toEqual({ kind: 'gone' });
  });

  it('follows links only where no directory is said to hold it', async () => {
    const directory = tempDir();
    const link = join(directory, 'link');
    symlinkSync(fixture(DUMP), link);
    expect(await decodeFile(link, { ...OPTIONS, root: directory })).toMatchObject({
      kind: 'failure',
      failure: { reason: 'io' },
    });
    expect(await decodeFile(link, OPTIONS)).toMatchObject({ kind: 'report' });
    const dangling = join(directory, 'dangling');
    symlinkSync(join(directory, 'gone'), dangling);
    expect(await decodeFile(dangling, OPTIONS)).toEqual({ kind: 'gone' });
  });

  it('gives changed for a file that is written to while it is read', async () => {
    const path = join(tempDir(), 'vmcore');
    writeSlowDump(path, 1);
    const sizeBefore = statSync(path).size;
    const writer = spawn('sh', ['-c', 'while :; do printf x >> "$0"; done', path]);
    onTestFinished(async () => {
      writer.kill('SIGKILL');
      await exitOf(writer);
    });
    await eventually('it is written to', () => statSync(path).size > sizeBefore || undefined);
    expect(await decodeFile(path, OPTIONS)).toEqual({ kind: 'changed' });
  });

  it('closes the file, whatever became of it', async () => {
    const directory = tempDir();
    const broken = join(directory, 'broken');
    writeFileSync(broken, 'hello');
    const good = join(directory, 'good');
    copyFileSync(fixture('x86_64-7.3.4.lzo'), good);
    const stillOpen = openFileSource(good, directory);
    expect(openFilesBelow(directory)).toEqual([good]);
    stillOpen.close();
    for (const path of [broken, good, directory, join(directory, 'gone')]) {
      await decodeFile(path, OPTIONS);
    }
    expect(openFilesBelow(directory)).toEqual([]);
  });
});

function openFilesBelow(directory: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    const target = linkTarget(`/proc/self/fd/${fd}`);
    return target?.startsWith(directory) ? [target] : [];
  });
}

/** undefined for the descriptor that the listing itself had open. */
function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
