import { describe, expect, it } from 'vitest';

import { readLive } from '../../src/vmcore/index.ts';
import { ByteWriter } from '../support/builders/bytes.ts';
import { kcoreOf } from '../support/builders/kcore-builder.ts';
import { BOOT_ID_TEXT, RELEASE, kernel, withMemory } from '../support/builders/kernel-builder.ts';
import { linkedSymbols, systemMapFile, systemMapText } from '../support/dumps/symbol-files.ts';
import { thrownBy } from '../support/system/thrown.ts';

const BUILT = kernel();
const COUNTED = {
  kernelRelease: RELEASE,
  bootId: BOOT_ID_TEXT,
  hwerr: {
    kind: 'present',
    categories: [
      { category: 'cpu', count: 1, lastErrorTimestampSeconds: 1_790_000_001 },
      { category: 'memory', count: 0, lastErrorTimestampSeconds: null },
      { category: 'pci', count: 3, lastErrorTimestampSeconds: 1_790_000_003 },
      { category: 'cxl', count: 0, lastErrorTimestampSeconds: null },
      { category: 'others', count: 5, lastErrorTimestampSeconds: 1_790_000_005 },
    ],
  },
};

describe('readLive', () => {
  it.each(['x86_64', 'arm64', 's390x', 'i386'] as const)('reads the counters of %s', (machine) => {
    expect(readLive(kcoreOf(kernel({ machine })))).toEqual(COUNTED);
  });

  it('says that a kernel keeps no counters', () => {
    const old = kernel({ arrayName: null, logFunction: false });
    expect(readLive(kcoreOf(old)).hwerr).toEqual({
      kind: 'absent',
      reason: 'kernel_without_hwerr',
    });
  });

  it('asks symbol files where the kernel keeps no data symbols', () => {
    const bare = kernel({ arrayName: null });
    const text = systemMapText(linkedSymbols(bare));
    const symbolFiles = () => [systemMapFile(text)];
    expect(readLive(kcoreOf(bare)).hwerr).toMatchObject({ reason: 'symbol_not_found' });
    expect(readLive(kcoreOf(bare), { symbolFiles }).hwerr).toEqual(COUNTED.hwerr);
  });

  it('searches no memory for a kernel that does not tell of itself', () => {
    const silent = kcoreOf(BUILT, { note: false });
    expect(thrownBy(() => readLive(silent))).toMatchObject({ reason: 'no_vmcoreinfo' });
    expect(silent.reads()).toBeLessThan(10);
  });

  it('believes no zeros: where nothing is mapped is no kernel', () => {
    const empty = kcoreOf({ ...BUILT, image: new Uint8Array(BUILT.image.length) });
    expect(thrownBy(() => readLive(empty))).toMatchObject({ reason: 'corrupt' });
  });

  it('knows its kernel by its symbols where a module has written over the release', () => {
    const release = new ByteWriter().text('6.1').toBytes();
    const other = withMemory(BUILT, BUILT.at('utsname') + 134n, release);
    expect(readLive(kcoreOf(other)).hwerr).toEqual(COUNTED.hwerr);
  });

  it('gives a reason where the kernel is in no segment', () => {
    const without = kcoreOf(BUILT, { withoutImage: true });
    expect(readLive(without).hwerr).toEqual({ kind: 'absent', reason: 'page_excluded' });
  });
});
