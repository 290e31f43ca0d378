import { describe, expect, it } from 'vitest';

import { Findings, type Found } from '../../../src/vmcore/evidence/finding.ts';
import { merge } from '../../../src/vmcore/evidence/merge.ts';

type Given = Found & { readonly time: number; readonly caller?: string };

/** Kinds of the findings of each error. */
function merged(...given: readonly Given[]): string[][] {
  const findings = new Findings();
  for (const { time, caller = null, ...found } of given) {
    findings.open({ time, caller, level: null, device: null, text: '' }, found);
  }
  return merge(findings.all, 4096).map((group) => group.map(({ kind }) => kind).sort());
}

const mce = { kind: 'mce', source: 'mce' } as const;
const edac = { kind: 'edac', source: 'edac', category: 'memory' } as const;
const page = (frame: number): Pick<Given, 'place'> => ({
  place: { physicalAddress: BigInt(frame) * 4096n },
});

describe('merge', () => {
  it('takes what waits once for one event only', () => {
    expect(merged({ ...mce, time: 1 }, { ...edac, time: 1.01 }, { ...edac, time: 1.02 })).toEqual([
      ['edac', 'mce'],
      ['edac'],
    ]);
  });

  it('takes the newest that fits: of the same caller, and of the same page where both name one', () => {
    expect(
      merged(
        { ...mce, time: 1, caller: 'T1' },
        { ...mce, time: 1, caller: 'T2' },
        { ...edac, time: 1.01, caller: 'T1' },
      ),
    ).toEqual([['edac', 'mce'], ['mce']]);
    expect(merged({ ...mce, time: 1, ...page(5) }, { ...edac, time: 1.01, ...page(6) })).toEqual([
      ['mce'],
      ['edac'],
    ]);
  });

  it('bridges findings that only a third one joins', () => {
    expect(
      merged(
        { kind: 'announcement', source: 'mce', time: 1 },
        { kind: 'cper', source: 'ghes', category: 'memory', link: 'ghes 1', time: 1.5, ...page(5) },
        { kind: 'consumption', source: 'mce', time: 2, ...page(5) },
        { kind: 'memory-failure', source: 'memory-failure', time: 3, ...page(5) },
      ),
    ).toEqual([['announcement', 'consumption', 'cper', 'memory-failure']]);
  });

  it('joins nothing across a clock that went back: that is another boot', () => {
    expect(merged({ ...mce, time: 5000, ...page(5) }, { ...edac, time: 1, ...page(5) })).toEqual([
      ['mce'],
      ['edac'],
    ]);
  });
});
