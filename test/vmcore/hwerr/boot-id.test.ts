import { describe, expect, it } from 'vitest';

import { readBootId } from '../../../src/vmcore/hwerr/boot-id.ts';
import { BOOT_ID_TEXT, kernel } from '../../support/kernel-builder.ts';
import { memoryOf, openedKernel } from '../../support/memory-dump.ts';
import { thrownBy } from '../../support/thrown.ts';

describe('readBootId', () => {
  it('gives the boot id as /proc/sys/kernel/random/boot_id prints it', () => {
    const { kernel: opened, kallsyms } = openedKernel(kernel());
    expect(readBootId(opened, kallsyms)).toBe(BOOT_ID_TEXT);
  });

  it('gives undefined when nobody asked for it and it is all zeros', () => {
    const { kernel: opened, kallsyms } = openedKernel(kernel({ bootId: new Uint8Array(16) }));
    expect(readBootId(opened, kallsyms)).toBeUndefined();
  });

  it('gives undefined when its symbol is not there', () => {
    const { kernel: opened } = openedKernel(kernel());
    const { kallsyms } = openedKernel(kernel({ bootIdName: null }));
    expect(readBootId(opened, kallsyms)).toBeUndefined();
  });

  it('throws PageMissing when its page is not in the dump', () => {
    const built = kernel();
    const memory = memoryOf(built).drop(built.at('bootId'));
    const { kernel: opened, kallsyms } = openedKernel(built, memory);
    expect(thrownBy(() => readBootId(opened, kallsyms)).reason).toBe('page_excluded');
  });
});
