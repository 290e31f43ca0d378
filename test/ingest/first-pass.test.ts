import { describe, expect, it } from 'vitest';

import { FirstPass } from '../../src/ingest/first-pass.ts';
import type { FoundFile } from '../../src/ingest/scan.ts';

function file(path: string, version = '1', saved?: 'writing'): FoundFile {
  return { root: '/crash', path, size: 1, mtimeMs: 0, version, saved, isUnfinished: false };
}

describe('FirstPass', () => {
  it('is over when every root was looked at and every file of that look was answered', () => {
    const pass = new FirstPass(['/crash', '/other']);
    pass.looked('/crash', [file('a'), file('b')]);
    pass.answered('a');
    pass.answered('b');
    expect(pass.isOver).toBe(false);
    pass.looked('/other', []);
    expect(pass.isOver).toBe(true);
  });

  it.each([
    ['vanished', []],
    ['changed', [file('a', '2')]],
  ])('does not wait for a file that %s', (_what, found) => {
    const pass = new FirstPass(['/crash']);
    pass.looked('/crash', [file('a')]);
    expect(pass.isOver).toBe(false);
    pass.looked('/crash', found);
    expect(pass.isOver).toBe(true);
  });

  it('does not wait for what is being written, nor for what came later', () => {
    const pass = new FirstPass(['/crash', '/other']);
    pass.looked('/crash', [file('a', '1', 'writing'), file('b')]);
    pass.looked('/other', []);
    pass.looked('/crash', [file('b'), file('c')]);
    pass.answered('b');
    expect(pass.isOver).toBe(true);
    pass.looked('/crash', [file('d')]);
    expect(pass.isOver).toBe(true);
  });
});
