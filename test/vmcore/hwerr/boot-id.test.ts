import { describe, expect, it } from 'vitest';

import { bootIdAddress, readBootId } from '../../../src/vmcore/hwerr/boot-id.ts';
import { BOOT_ID_TEXT, type KernelRecipe, kernel } from '../../support/builders/kernel-builder.ts';
import { memoryOf, openedKernel } from '../../support/builders/memory-dump.ts';
import { thrownBy } from '../../support/system/thrown.ts';

function read(recipe: KernelRecipe = {}): string | undefined {
  const { kernel: opened, kallsyms } = openedKernel(kernel(recipe));
  const address = bootIdAddress(kallsyms);
  return address && readBootId(opened, address);
}

describe('readBootId', () => {
  it('gives the boot id as /proc/sys/kernel/random/boot_id prints it', () => {
    expect(read()).toBe(BOOT_ID_TEXT);
    expect(read({ machine: 's390x' })).toBe(BOOT_ID_TEXT);
  });

  it('gives undefined when nobody asked for it and it is all zeros', () => {
    expect(read({ bootId: new Uint8Array(16) })).toBeUndefined();
  });

  it.each([
    ['another version', 6, 0x16],
    ['no version', 6, 0x06],
    ['another variant', 8, 0xc0],
  ])('throws Corrupt when it is a UUID of %s', (_, at, byte) => {
    const bootId = Uint8Array.from({ length: 16 }, (_, i) => (i === 6 ? 0x46 : 0xa0 + i));
    bootId[at] = byte;
    expect(thrownBy(() => read({ bootId }))).toMatchObject({ tag: 'Corrupt', at: 'sysctl_bootid' });
  });

  it.each(['.llvm.1234567890', '.lto_priv.0'])(
    'finds it under the name that LTO gave it: %s',
    (suffix) => {
      expect(read({ bootIdName: `sysctl_bootid${suffix}` })).toBe(BOOT_ID_TEXT);
    },
  );

  it('has no address when its symbol is not there', () => {
    expect(read({ bootIdName: null })).toBeUndefined();
  });

  it('throws PageMissing when its page is not in the dump', () => {
    const built = kernel();
    const memory = memoryOf(built).drop(built.at('bootId'));
    const { kernel: opened, kallsyms } = openedKernel(built, memory);
    const address = bootIdAddress(kallsyms)!;
    expect(thrownBy(() => readBootId(opened, address)).reason).toBe('page_excluded');
  });
});
