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
    expect(pass.progress).toBe('running');
    pass.looked('/other', []);
    expect(pass.progress).toBe('over');
  });

  it.each([
    ['vanished', []],
    ['changed', [file('a', '2')]],
  ])('does not wait for a file that %s', (_what, found) => {
    const pass = new FirstPass(['/crash']);
    pass.looked('/crash', [file('a')]);
    expect(pass.progress).toBe('running');
    pass.looked('/crash', found);
    expect(pass.progress).toBe('over');
  });

  it('does not wait for what is being written, nor for what came later', () => {
    const pass = new FirstPass(['/crash', '/other']);
    pass.looked('/crash', [file('a', '1', 'writing'), file('b')]);
    pass.looked('/other', []);
    pass.looked('/crash', [file('b'), file('c')]);
    pass.answered('b');
    expect(pass.progress).toBe('over');
    pass.looked('/crash', [file('d')]);
    expect(pass.progress).toBe('over');
  });

  it('is partial while only roots are left that do not answer, and waits for what they have then', () => {
    const pass = new FirstPass(['/crash', '/other']);
    pass.isSilent('/crash');
    expect(pass.progress).toBe('running');
    pass.looked('/other', []);
    expect(pass.progress).toBe('partial');
    pass.looked('/crash', [file('a')]);
    expect(pass.progress).toBe('running');
    pass.answered('a');
    expect(pass.progress).toBe('over');
  });

  it('does not wait for the files of a root that stops answering', () => {
    const pass = new FirstPass(['/crash']);
    pass.looked('/crash', [file('a'), file('b')]);
    pass.answered('a');
    pass.isSilent('/crash');
    expect(pass.progress).toBe('partial');
    pass.looked('/crash', [file('b')]);
    expect(pass.progress).toBe('running');
  });

  it('that is over stays so', () => {
    const pass = new FirstPass(['/crash']);
    pass.looked('/crash', []);
    pass.isSilent('/crash');
    expect(pass.progress).toBe('over');
  });
});
