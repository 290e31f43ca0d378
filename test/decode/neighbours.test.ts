// A decode depends on its own dump and the operator's symbol files: no dump speaks for another.

import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import { versionOf } from '../../src/decode/file-source.ts';
import { type Hwerr, bytesSource, decodeVmcore } from '../../src/vmcore/index.ts';
import { elfDumpOf, kdumpOf, kernel } from '../support/builders/kernel-builder.ts';
import { realDecoder } from '../support/daemon/running-ingest.ts';
import { sharedVmcores } from '../support/dumps/shared-vmcores.ts';
import { tempDir } from '../support/system/temp-dir.ts';

/** What the worker says of the counters in each file, one after the other in one thread. */
async function decodeInOrder(paths: readonly string[]): Promise<(Hwerr | undefined)[]> {
  const decoder = realDecoder();
  onTestFinished(() => decoder.close());
  const answers: (Hwerr | undefined)[] = [];
  for (const path of paths) {
    const file = { path, root: dirname(path), version: versionOf(statSync(path)) };
    const outcome = await decoder.decode(file);
    answers.push(outcome.kind === 'report' ? outcome.report.hwerr : undefined);
  }
  return answers;
}

const HONEST = kernel({ logFunction: false });
/** The same VMCOREINFO, of a kernel that seems to keep no counters: the array is called otherwise. */
const SILENT = kernel({ logFunction: false, arrayName: 'hwerr_datb' });
/** The same again, with a name that is the array's on other bytes. */
const ELSEWHERE = kernel({ logFunction: false, arrayName: 'base', bootIdName: 'hwerr_data' });

describe('an honest dump', () => {
  it('has hostile neighbours of the same VMCOREINFO', () => {
    expect(SILENT.vmcoreinfo).toBe(HONEST.vmcoreinfo);
    expect(decodeVmcore(bytesSource(elfDumpOf(SILENT))).hwerr.kind).toBe('unreadable');
  });

  it.each([
    ['hides the array', SILENT],
    ['names other bytes', ELSEWHERE],
  ])('says its own counters after one that %s, in one worker', async (_what, hostile) => {
    const directory = tempDir();
    const files = [
      ['1.hostile', elfDumpOf(hostile)],
      ['2.hostile', kdumpOf(hostile).bytes],
      ['3.honest', kdumpOf(HONEST).bytes],
      ['4.honest', elfDumpOf(HONEST)],
    ] as const;
    const paths = files.map(([name, bytes]) => {
      const path = join(directory, name);
      writeFileSync(path, bytes);
      return path;
    });
    const alone = decodeVmcore(bytesSource(elfDumpOf(HONEST))).hwerr;
    expect(alone.kind).toBe('present');
    const [, , kdump, elf] = await decodeInOrder(paths);
    expect([kdump, elf]).toEqual([alone, alone]);
  });

  const shared = sharedVmcores();
  const folder = join(shared ?? '', '../cases/one-dump-speaks-for-another');
  const given = shared !== undefined && existsSync(folder);
  it.runIf(given)('says so in the case that was found [needs ../shared/cases]', async () => {
    const honest = join(folder, '2-honest.vmcore');
    const alone = decodeVmcore(bytesSource(readFileSync(honest))).hwerr;
    const [, after] = await decodeInOrder([join(folder, '1-hostile.vmcore'), honest]);
    expect(after).toEqual(alone);
    expect(after).toMatchObject({ categories: [{}, {}, { count: 7 }, {}, { count: 10 }] });
  });
});
