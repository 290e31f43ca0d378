import { describe, expect, it } from 'vitest';

import { bytesSource } from '../../../src/vmcore/bytes/source.ts';
import { readElfFields } from '../../../src/vmcore/elf/elf-header.ts';
import { readSections } from '../../../src/vmcore/elf/sections.ts';
import { BYTE_ORDERS, orderName } from '../../support/builders/bytes.ts';
import { vmlinuxFile } from '../../support/builders/vmlinux-builder.ts';
import { thrownBy } from '../../support/system/thrown.ts';

describe.each(BYTE_ORDERS.map((order) => [orderName(order), order] as const))(
  'readSections, %s',
  (_, order) => {
    const bytes = vmlinuxFile({ order, symbols: [], buildId: 'aabb' });
    const { sections } = readElfFields(bytesSource(bytes));

    it('reads type, place, size and link of each', () => {
      const [none, note, strings, symbols] = readSections(bytesSource(bytes), order, sections);
      const first = order.wordBits === 64 ? 64n : 52n;
      expect(none).toEqual({ type: 0, offset: first, size: 0n, link: 0 });
      expect(note).toMatchObject({ type: 7, offset: first });
      expect(strings).toMatchObject({ type: 3, size: 1n });
      expect(symbols).toMatchObject({ type: 2, link: 2 });
    });

    it('throws Corrupt (truncated) when the file ends before them', () => {
      const cut = bytesSource(bytes.subarray(0, -1));
      expect(thrownBy(() => readSections(cut, order, sections)).reason).toBe('truncated');
    });
  },
);
