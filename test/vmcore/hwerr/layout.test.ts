import { expect, it } from 'vitest';

import { builtinLayout, layoutBytes } from '../../../src/vmcore/hwerr/layout.ts';

it.each([
  [8, { stride: 16, countOffset: 0, timestampOffset: 8 }, 80],
  [4, { stride: 12, countOffset: 0, timestampOffset: 4 }, 60],
] as const)(
  'the known layout where 64-bit integers are aligned to %i',
  (alignment, layout, bytes) => {
    const builtin = builtinLayout(alignment);
    expect(builtin).toMatchObject({ ...layout, source: 'builtin' });
    expect(builtin.categories).toEqual(['cpu', 'memory', 'pci', 'cxl', 'others']);
    expect(layoutBytes(builtin)).toBe(bytes);
  },
);
