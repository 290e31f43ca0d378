// The layout of the array as BTF of real kernels has it: dumps with all of it are too big to commit.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { bytesSource, decodeVmcore } from '../../src/vmcore/index.ts';
import { sharedVmcores } from '../support/dumps/shared-vmcores.ts';

const DUMPS = ['x86_64-7.3.4-whole.zlib', 'x86_64-7.3.4-whole.flat-lzo', 'arm64-7.3.4.elf'];
const shared = sharedVmcores();

describe.skipIf(shared === undefined)('BTF of a real kernel [needs ../shared/vmcores]', () => {
  it.each(DUMPS)('describes the array of %s as it is known', (name) => {
    const source = bytesSource(readFileSync(join(shared ?? '', name)));
    const [known, described] = [false, true].map((askBtf) => decodeVmcore(source, { askBtf }));
    expect(known).toMatchObject({ layoutSource: 'builtin', hwerr: { kind: 'present' } });
    expect(described).toMatchObject({ layoutSource: 'btf', hwerr: known!.hwerr, warnings: [] });
  });
});
