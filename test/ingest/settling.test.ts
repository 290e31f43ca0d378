import { describe, expect, it } from 'vitest';

import type { FoundFile } from '../../src/ingest/scan.ts';
import { Settling } from '../../src/ingest/settling.ts';

const SETTLE_MS = 2000;
const DIRECTORY = '/dumps';

function file(name: string, size = 1, mtimeMs = 0): FoundFile {
  return { path: `${DIRECTORY}/${name}`, size, mtimeMs, version: `${name}:${size}:${mtimeMs}` };
}

/** What a scan at that time finds, as sizes by name; and which files are due then. */
interface Step {
  readonly atMs: number;
  readonly sizes: Readonly<Record<string, number>>;
  readonly due: readonly string[];
}

const CASES: readonly { readonly title: string; readonly steps: readonly Step[] }[] = [
  {
    title: 'a file is due when it was still for the settle time, and once only',
    steps: [
      { atMs: 0, sizes: { a: 1 }, due: [] },
      { atMs: 1999, sizes: { a: 1 }, due: [] },
      { atMs: 2000, sizes: { a: 1 }, due: ['a'] },
      { atMs: 9000, sizes: { a: 1 }, due: [] },
    ],
  },
  {
    title: 'a file that grows begins anew every time',
    steps: [
      { atMs: 0, sizes: { a: 1 }, due: [] },
      { atMs: 1500, sizes: { a: 2 }, due: [] },
      { atMs: 3000, sizes: { a: 3 }, due: [] },
      { atMs: 4999, sizes: { a: 3 }, due: [] },
      { atMs: 5000, sizes: { a: 3 }, due: ['a'] },
    ],
  },
  {
    title: 'a file that changes after it was due is due again',
    steps: [
      { atMs: 0, sizes: { a: 1 }, due: [] },
      { atMs: 2000, sizes: { a: 1 }, due: ['a'] },
      { atMs: 3000, sizes: { a: 2 }, due: [] },
      { atMs: 5000, sizes: { a: 2 }, due: ['a'] },
    ],
  },
  {
    title: 'files settle on their own',
    steps: [
      { atMs: 0, sizes: { a: 1 }, due: [] },
      { atMs: 1000, sizes: { a: 1, b: 1 }, due: [] },
      { atMs: 2000, sizes: { a: 1, b: 1 }, due: ['a'] },
      { atMs: 3000, sizes: { a: 1, b: 1 }, due: ['b'] },
    ],
  },
  {
    title: 'a file that vanishes is forgotten, and new when it comes back',
    steps: [
      { atMs: 0, sizes: { a: 1 }, due: [] },
      { atMs: 1000, sizes: {}, due: [] },
      { atMs: 2000, sizes: { a: 1 }, due: [] },
      { atMs: 4000, sizes: { a: 1 }, due: ['a'] },
    ],
  },
];

function found(sizes: Readonly<Record<string, number>>): FoundFile[] {
  return Object.entries(sizes).map(([name, size]) => file(name, size));
}

function names(ready: readonly { readonly file: FoundFile }[]): string[] {
  return ready.map(({ file: { path } }) => path.slice(DIRECTORY.length + 1));
}

describe('Settling', () => {
  it.each(CASES)('$title', ({ steps }) => {
    const settling = new Settling(SETTLE_MS);
    for (const { atMs, sizes, due } of steps) {
      settling.update(DIRECTORY, found(sizes), atMs);
      expect(names(settling.takeReady(atMs)), `at ${atMs} ms`).toEqual(due);
    }
  });

  it('gives the newest file first', () => {
    const settling = new Settling(SETTLE_MS);
    settling.update(DIRECTORY, [file('old', 1, 10), file('new', 1, 30), file('mid', 1, 20)], 0);
    expect(names(settling.takeReady(SETTLE_MS))).toEqual(['new', 'mid', 'old']);
  });

  it('counts a file as discovered once, however often it changes', () => {
    const settling = new Settling(SETTLE_MS);
    expect(settling.update(DIRECTORY, [file('a'), file('b')], 0)).toBe(2);
    expect(settling.update(DIRECTORY, [file('a', 2), file('b')], 1)).toBe(0);
    expect(settling.update(DIRECTORY, [file('a', 2), file('c')], 2)).toBe(1);
  });

  it('says when the next file is due, and nothing when none is settling', () => {
    const settling = new Settling(SETTLE_MS);
    expect(settling.nextDueMs()).toBeUndefined();
    settling.update(DIRECTORY, [file('a')], 100);
    settling.update(DIRECTORY, [file('a'), file('b')], 200);
    expect(settling.nextDueMs()).toBe(2100);
    settling.takeReady(2100);
    expect(settling.nextDueMs()).toBe(2200);
    settling.takeReady(2200);
    expect(settling.nextDueMs()).toBeUndefined();
  });

  it('has a file that broke off due again after the grace time, as final', () => {
    const settling = new Settling(SETTLE_MS);
    settling.update(DIRECTORY, [file('a')], 0);
    expect(settling.takeReady(2000)).toMatchObject([{ final: false }]);
    settling.wait(file('a'), 60_000, 2100, true);
    expect(settling.takeReady(62_099)).toEqual([]);
    expect(settling.takeReady(62_100)).toMatchObject([{ final: true }]);
  });

  it('takes a file that goes on growing in its grace time for unfinished again', () => {
    const settling = new Settling(SETTLE_MS);
    settling.update(DIRECTORY, [file('a')], 0);
    settling.takeReady(2000);
    settling.wait(file('a'), 60_000, 2100, true);
    settling.update(DIRECTORY, [file('a', 2)], 30_000);
    expect(settling.takeReady(32_000)).toMatchObject([{ file: { size: 2 }, final: false }]);
  });

  it('ignores the answer about a file that changed while it was decoded', () => {
    const settling = new Settling(SETTLE_MS);
    settling.update(DIRECTORY, [file('a')], 0);
    settling.takeReady(2000);
    settling.update(DIRECTORY, [file('a', 2)], 2500);
    settling.done(file('a'), 'complete');
    expect(settling.filesThatAre('complete')).toEqual([]);
    expect(names(settling.takeReady(4500))).toEqual(['a']);
  });

  it('ignores the answer about a file that vanished meanwhile', () => {
    const settling = new Settling(SETTLE_MS);
    settling.update(DIRECTORY, [file('a')], 0);
    settling.takeReady(2000);
    settling.update(DIRECTORY, [], 2500);
    settling.done(file('a'), 'complete');
    settling.wait(file('a'), 1, 2500, false);
    expect(settling.filesThatAre('complete')).toEqual([]);
    expect(settling.nextDueMs()).toBeUndefined();
  });

  it('lists the files on disk by what they turned out to be', () => {
    const settling = new Settling(SETTLE_MS);
    const [a, b, c] = [file('a'), file('b'), file('c')];
    settling.update(DIRECTORY, [a, b, c], 0);
    settling.takeReady(2000);
    settling.done(a, 'complete');
    settling.done(b, 'incomplete');
    settling.done(c, 'failed');
    expect(settling.filesThatAre('complete')).toEqual([a]);
    expect(settling.filesThatAre('incomplete')).toEqual([b]);
    settling.update(DIRECTORY, [b, c], 3000);
    expect(settling.filesThatAre('complete')).toEqual([]);
  });

  it('forgets only what the same directory no longer has, also where one lies in the other', () => {
    const settling = new Settling(SETTLE_MS);
    const inner = { ...file('host/1/2/3/4/vmcore') };
    const outer = file('vmcore');
    settling.update(DIRECTORY, [outer], 0);
    settling.update(`${DIRECTORY}/host`, [inner], 0);
    settling.update(DIRECTORY, [outer], 1000); // too deep to be seen from here
    settling.update(`${DIRECTORY}/host`, [inner], 1000);
    expect(names(settling.takeReady(2000))).toEqual(['vmcore', 'host/1/2/3/4/vmcore']);
  });
});
