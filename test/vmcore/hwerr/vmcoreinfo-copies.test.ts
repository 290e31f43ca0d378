import { describe, expect, it } from 'vitest';

import {
  vmcoreinfoCopies,
  whyUnwrittenBeside,
} from '../../../src/vmcore/hwerr/vmcoreinfo-copies.ts';
import { DEFAULT_LIMITS } from '../../../src/vmcore/limits.ts';
import { type BuiltKernel, kernel } from '../../support/builders/kernel-builder.ts';
import { memoryOf, openedKernel } from '../../support/builders/memory-dump.ts';
import type { SparseMemory } from '../../support/builders/sparse-memory.ts';

const KEPT = kernel({ editNote: (text) => `${text}COPY=1\n` });

function copiesIn(built: BuiltKernel, memory: SparseMemory = memoryOf(built)): string[] {
  const opened = openedKernel(built, memory);
  return vmcoreinfoCopies(opened.kernel, opened.kallsyms, DEFAULT_LIMITS).map(({ text }) => text);
}

describe('copies of VMCOREINFO', () => {
  it.each(['x86_64', 'arm64', 's390x', 'i386'] as const)(
    "are the kernel's own note of %s",
    (machine) => {
      const built = kernel({ machine, editNote: (text) => `${text}COPY=1\n` });
      expect(copiesIn(built)).toEqual([`${built.vmcoreinfo}COPY=1\n`]);
    },
  );

  it.each([
    ['the kernel keeps no note', kernel(), memoryOf(kernel())],
    ['its page is not in the dump', KEPT, memoryOf(KEPT).drop(KEPT.at('note'))],
    ['the note is of another kernel', kernel({ editNote: (text) => text.replace('7.3', '7.4') })],
  ])('are none where %s', (_, built, memory = memoryOf(built)) => {
    expect(copiesIn(built, memory)).toEqual([]);
  });
});

describe('what lies beside the array', () => {
  /** What is said of the array when so many bytes from its start on are zero. */
  function whyWithout(built: BuiltKernel, bytes: number): string | undefined {
    const memory = memoryOf(built).write(built.at('array'), new Uint8Array(bytes));
    const { kernel: opened, kallsyms } = openedKernel(built, memory);
    return whyUnwrittenBeside(opened, kallsyms, kallsyms.find('hwerr_data')!.address);
  }

  it.each(['x86_64', 'arm64', 's390x', 'i386'] as const)(
    'was written in a kernel of %s',
    (machine) => {
      const built = kernel({ machine, editNote: (text) => text });
      expect(whyWithout(built, 80)).toBeUndefined();
      expect(whyWithout(built, 128)).toMatch(/^vmcoreinfo_note beside it is 0, .* never written$/);
    },
  );

  it('says nothing where the kernel has no such variable', () => {
    expect(whyWithout(kernel(), 512)).toBeUndefined();
  });
});
