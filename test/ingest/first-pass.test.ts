import { describe, expect, it } from 'vitest';

import { FirstPass } from '../../src/ingest/first-pass.ts';
import type { FoundFile } from '../../src/ingest/scan.ts';

function file(path: string, version = '1', saved?: 'writing'): FoundFile {
  return { root: '/crash', path, size: 1, mtimeMs: 0, version, saved, isUnfinished: false };
}

describe('FirstPass', () => {
  it('is over when every root was looked at and every file of that look was answered', () => {
    const pass = new FirstPass(['/crash', '/other']);
    pass.scanned('/crash', [file('a'), file('b')]);
    pass.tried('a');
    pass.tried('b');
    expect(pass.progress).toBe('running');
    pass.scanned('/other', []);
    expect(pass.progress).toBe('over');
  });

  it.each([
    ['vanished', []],
    ['changed', [file('a', '2')]],
  ])('does not wait for a file that %s', (_what, found) => {
    const pass = new FirstPass(['/crash']);
    pass.scanned('/crash', [file('a')]);
    expect(pass.progress).toBe('running');
    pass.scanned('/crash', found);
    expect(pass.progress).toBe('over');
  });

  it('does not wait for what is being written, nor for what came later', () => {
    const pass = new FirstPass(['/crash', '/other']);
    pass.scanned('/crash', [file('a', '1', 'writing'), file('b')]);
    pass.scanned('/other', []);
    pass.scanned('/crash', [file('b'), file('c')]);
    pass.tried('b');
    expect(pass.progress).toBe('over');
    pass.scanned('/crash', [file('d')]);
    expect(pass.progress).toBe('over');
  });

  it('is partial while only roots are left that do not answer, and waits for what they have then', () => {
    const pass = new FirstPass(['/crash', '/other']);
    pass.unresponsive('/crash');
    expect(pass.progress).toBe('running');
    pass.scanned('/other', []);
    expect(pass.progress).toBe('partial');
    pass.scanned('/crash', [file('a')]);
    expect(pass.progress).toBe('running');
    pass.tried('a');
    expect(pass.progress).toBe('over');
  });

  it('does not wait for the files of a root that stops answering', () => {
    const pass = new FirstPass(['/crash']);
    pass.scanned('/crash', [file('a'), file('b')]);
    pass.tried('a');
    pass.unresponsive('/crash');
    expect(pass.progress).toBe('partial');
    pass.scanned('/crash', [file('b')]);
    expect(pass.progress).toBe('running');
  });

  it('that is over stays so', () => {
    const pass = new FirstPass(['/crash']);
    pass.scanned('/crash', []);
    pass.unresponsive('/crash');
    expect(pass.progress).toBe('over');
  });
});
