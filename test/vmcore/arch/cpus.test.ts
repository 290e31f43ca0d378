import { describe, expect, it } from 'vitest';

import type { Architecture } from '../../../src/vmcore/arch/architecture.ts';
import { arm64 } from '../../../src/vmcore/arch/arm64.ts';
import { isMappedByCpus } from '../../../src/vmcore/arch/cpus.ts';
import { x86_64 } from '../../../src/vmcore/arch/x86_64.ts';
import { physAddr, virtAddr } from '../../../src/vmcore/bytes/units.ts';
import { Vmcoreinfo } from '../../../src/vmcore/container/vmcoreinfo.ts';
import { writePageTables } from '../../support/builders/page-tables.ts';
import { SparseMemory } from '../../support/builders/sparse-memory.ts';

const TEXT = 0xffffffff9b200000n;
const PLACE = 0x4000000n;
const ROOT = 0x10000n;
const USER = 1n << 12n;
const NO_FLUSH = 1n << 63n;
const PCID = 5n;

function isMapped(roots: readonly bigint[], place = PLACE, arch: Architecture = x86_64): unknown {
  const memory = new SparseMemory();
  writePageTables(memory, ROOT, TEXT, PLACE);
  memory.write(0x20000n, new Uint8Array(4096));
  const hints = { physBase: undefined, ramStart: undefined, mapped: [], cpuPageTables: roots };
  const dump = { vmcoreinfo: new Vmcoreinfo(''), hints, memory };
  return isMappedByCpus(dump, arch, virtAddr(TEXT), physAddr(place));
}

describe('the page tables of CPUs', () => {
  it.each([
    ['in the kernel', ROOT],
    ['in a process with a number of its own', ROOT | PCID | NO_FLUSH],
    ['in user code, with page-table isolation', ROOT | USER | PCID],
  ])('map the kernel that one of them ran %s', (_, root) => {
    expect(isMapped([root])).toBe(true);
    expect(isMapped([0x20000n, root])).toBe(true);
  });

  it('do not map a kernel that lies elsewhere, or nowhere', () => {
    expect(isMapped([ROOT], PLACE + 0x200000n)).toBe(false);
    expect(isMapped([0x20000n])).toBe(false);
  });

  it.each([
    ['the dump does not say which', isMapped([])],
    ['they are not in the dump', isMapped([0x900000n])],
    ['some of them are not in the dump', isMapped([0x20000n, 0x900000n])],
    ['nobody notes them, as on arm64', isMapped([ROOT], PLACE, arm64)],
  ])('say nothing where %s', (_, answer) => {
    expect(answer).toBeUndefined();
  });
});
