import { describe, expect, it } from 'vitest';

import type { FoundFile } from '../../src/ingest/scan.ts';
import { GRACE_MS, Settling } from '../../src/ingest/settling.ts';

const SETTLE_MS = 2000;
const INCOMPLETE_AFTER_MS = 300_000;
const WALL_MS = 1_791_000_000_000;
const DIRECTORY = '/dumps';

function file(name: string, size = 1, mtimeMs = 0, root = DIRECTORY): FoundFile {
  const version = `${name}:${size}:${mtimeMs}`;
  return {
    root,
    path: `${DIRECTORY}/${name}`,
    size,
    mtimeMs,
    version,
    saved: undefined,
    isUnfinished: false,
  };
}

const unknown = (): undefined => undefined;

/** What a scan of the directory found, none of it known from an earlier run. */
function scanned(
  settling: Settling,
  files: readonly FoundFile[],
  nowMs: number,
): ReturnType<Settling['update']> {
  return settling.update(DIRECTORY, files, nowMs, unknown);
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

function names(ready: readonly FoundFile[]): string[] {
  return ready.map(({ path }) => path.slice(DIRECTORY.length + 1));
}

/** With a wall clock that stands still. */
function settlingOf(settleMs: number): Settling {
  return new Settling({ settleMs, incompleteAfterMs: INCOMPLETE_AFTER_MS, nowMs: () => WALL_MS });
}

describe('Settling', () => {
  it.each(CASES)('$title', ({ steps }) => {
    const settling = settlingOf(SETTLE_MS);
    for (const { atMs, sizes, due } of steps) {
      scanned(settling, found(sizes), atMs);
      expect(names(settling.takeReady(atMs, 16)), `at ${atMs} ms`).toEqual(due);
    }
  });

  it('gives the newest file first', () => {
    const settling = settlingOf(SETTLE_MS);
    scanned(settling, [file('old', 1, 10), file('new', 1, 30), file('mid', 1, 20)], 0);
    expect(names(settling.takeReady(SETTLE_MS, 16))).toEqual(['new', 'mid', 'old']);
  });

  it('counts a file as discovered once, however often it changes, and tells what vanished', () => {
    const settling = settlingOf(SETTLE_MS);
    const counts = [
      scanned(settling, [file('a'), file('b')], 0),
      scanned(settling, [file('a', 2), file('b')], 1),
      scanned(settling, [file('a', 2), file('c')], 2),
    ];
    expect(counts).toEqual([
      { discovered: 2, vanished: [] },
      { discovered: 0, vanished: [] },
      { discovered: 1, vanished: [file('b').path] },
    ]);
  });

  it('says when the next file of a root is due, and nothing of those that are or never will be', () => {
    const settling = settlingOf(SETTLE_MS);
    expect(settling.nextDueMs(DIRECTORY, 0)).toBeUndefined();
    scanned(settling, [file('a')], 100);
    scanned(settling, [file('a'), file('b')], 200);
    settling.update('/other', [{ ...file('c'), root: '/other' }], 50, unknown);
    expect(settling.nextDueMs(DIRECTORY, 2099)).toBe(2100);
    expect(settling.nextDueMs('/other', 0)).toBe(2050);
    // Due: the decoder takes it when it gets there, no scan has to look for it again.
    expect(settling.nextDueMs(DIRECTORY, 2100)).toBe(2200);
    expect(settling.nextDueMs(DIRECTORY, 2200)).toBeUndefined();
    expect(settling.readyCount(2199)).toBe(2);
    settling.takeReady(2200, 16);
    expect(settling.nextDueMs(DIRECTORY, 2100)).toBeUndefined();
    expect(settling.readyCount(2200)).toBe(0);
  });

  it('takes turns between roots, and of each gives the newest first, but not all at once', () => {
    const settling = settlingOf(SETTLE_MS);
    const many = Array.from({ length: 640 }, (_, i) => file(`many/${i}`, 1, i, '/many'));
    const few = [file('few/old', 1, 1, '/few'), file('few/new', 1, 2, '/few')];
    settling.update('/many', many, 0, unknown);
    settling.update('/few', few, 0, unknown);
    const first = names(settling.takeReady(SETTLE_MS, 3));
    expect(first.slice(0, 4)).toEqual(['many/639', 'few/new', 'many/638', 'few/old']);
    expect(first).toHaveLength(11); // a 64th of what is due
    scanned(settling, [file('newer', 1, 1000)], 100);
    expect(names(settling.takeReady(SETTLE_MS + 100, 2)).slice(0, 2)).toEqual([
      'newer',
      'many/630',
    ]);
  });

  it('takes turns between the directories of a root, whatever their dates say', () => {
    const settling = settlingOf(0);
    const hopeless = Array.from({ length: 18 }, (_, i) => file(`host-a/${i}`, 1, 1e15 + i));
    scanned(settling, [...hopeless, file('host-b/vmcore', 1, 1)], 0);
    expect(names(settling.takeReady(0, 1))).toEqual(['host-a/17']);
    const touched = hopeless.map((one) => ({ ...one, version: 'touched', mtimeMs: 2e15 }));
    scanned(settling, [...touched, file('host-b/vmcore', 1, 1)], 0);
    expect(names(settling.takeReady(0, 1))).toEqual(['host-b/vmcore']);
  });

  it('gives what was tried before only when nothing else is due', () => {
    const settling = settlingOf(0);
    const [slow, other] = [file('host-a/slow', 1, 3), file('host-a/other', 1, 1)];
    scanned(settling, [slow, other], 0);
    expect(names(settling.takeReady(0, 1))).toEqual(['host-a/slow']);
    settling.retryLater(slow, 0);
    expect(names(settling.takeReady(1e9, 1))).toEqual(['host-a/other']);
    expect(names(settling.takeReady(1e9, 1))).toEqual(['host-a/slow']);
  });

  it('gives again at once what was put back', () => {
    const settling = settlingOf(SETTLE_MS);
    scanned(settling, [file('a')], 0);
    const taken = settling.takeReady(SETTLE_MS, 1);
    settling.postpone(taken, SETTLE_MS, 0);
    expect(names(settling.takeReady(SETTLE_MS, 1))).toEqual(['a']);
  });

  it('takes what an earlier run made of a file, in that state, for its answer', () => {
    const settling = settlingOf(SETTLE_MS);
    const known = file('a');
    const verdictOf = ({ version }: FoundFile): 'complete' | undefined =>
      version === known.version ? 'complete' : undefined;
    settling.update(DIRECTORY, [known, file('b')], 0, verdictOf);
    expect(names(settling.takeReady(SETTLE_MS, 16))).toEqual(['b']);
    expect(settling.filesWithResult('complete')).toEqual([known]);
    settling.update(DIRECTORY, [file('a', 2), file('b')], 5000, verdictOf);
    expect(settling.filesWithResult('complete')).toEqual([]);
    expect(names(settling.takeReady(7000, 16))).toEqual(['a']);
  });

  it('has a file that broke off due once more, after the grace time', () => {
    const settling = settlingOf(SETTLE_MS);
    scanned(settling, [file('a')], 0);
    settling.takeReady(2000, 16);
    expect(settling.waitForRest(file('a'), 2100, 0)).toBe(true);
    expect(settling.isDueAgain(file('a'))).toBe(true);
    expect(settling.takeReady(62_099, 16)).toEqual([]);
    expect(names(settling.takeReady(62_100, 16))).toEqual(['a']);
    expect(settling.waitForRest(file('a'), 62_200, 0)).toBe(false);
  });

  it('does not wait for the rest of a file that was old when it was found', () => {
    const settling = settlingOf(SETTLE_MS);
    scanned(settling, [file('a')], 0);
    settling.takeReady(2000, 16);
    expect(settling.waitForRest(file('a'), 2100, GRACE_MS - 1)).toBe(true);
    expect(settling.waitForRest(file('a'), 2100, GRACE_MS)).toBe(false);
  });

  it('takes a file that goes on growing in its grace time for unfinished again', () => {
    const settling = settlingOf(SETTLE_MS);
    scanned(settling, [file('a')], 0);
    settling.takeReady(2000, 16);
    settling.waitForRest(file('a'), 2100, 0);
    scanned(settling, [file('a', 2)], 30_000);
    expect(settling.takeReady(32_000, 16)).toMatchObject([{ size: 2 }]);
    expect(settling.waitForRest(file('a', 2), 32_100, 0)).toBe(true);
  });

  it('tries a file that may recover, each time after twice as long, up to ten minutes', () => {
    const settling = settlingOf(SETTLE_MS);
    scanned(settling, [file('a')], 0);
    let nowMs = settling.nextDueMs(DIRECTORY, 0)!;
    const waits: number[] = [];
    for (let i = 0; i < 12; i++) {
      expect(names(settling.takeReady(nowMs, 16))).toEqual(['a']);
      settling.retryLater(file('a'), nowMs);
      const dueMs = settling.nextDueMs(DIRECTORY, nowMs)!;
      expect(settling.takeReady(dueMs - 1, 16)).toEqual([]);
      waits.push((dueMs - nowMs) / 1000);
      nowMs = dueMs;
    }
    expect(waits).toEqual([4, 8, 16, 32, 64, 128, 256, 512, 600, 600, 600, 600]);
    scanned(settling, [file('a', 2)], nowMs); // another state begins anew
    settling.takeReady(nowMs + SETTLE_MS, 16);
    settling.retryLater(file('a', 2), nowMs);
    expect(settling.nextDueMs(DIRECTORY, nowMs)).toBe(nowMs + 4000);
  });

  it('tries again within seconds also where files need not settle', () => {
    const settling = settlingOf(0);
    scanned(settling, [file('a')], 0);
    settling.takeReady(0, 16);
    settling.retryLater(file('a'), 0);
    expect(settling.nextDueMs(DIRECTORY, 0)).toBe(2000);
  });

  describe('where the kdump tool says how far it is', () => {
    const told = (saved: FoundFile['saved'], size = 1): FoundFile => ({
      ...file('vmcore', size),
      saved,
    });

    it('waits for its word for the grace time, for it may have died', () => {
      const settling = settlingOf(SETTLE_MS);
      scanned(settling, [told('writing')], 0);
      expect(settling.nextDueMs(DIRECTORY, 0)).toBe(GRACE_MS);
    });

    it('decodes at once when it is through', () => {
      const settling = settlingOf(SETTLE_MS);
      scanned(settling, [told('writing')], 0);
      scanned(settling, [told('written')], 500);
      expect(names(settling.takeReady(500, 16))).toEqual(['vmcore']);
    });

    it('has it settle when the file changed with it', () => {
      const settling = settlingOf(SETTLE_MS);
      scanned(settling, [told('writing')], 0);
      scanned(settling, [told('written', 2)], 500);
      expect(settling.takeReady(2499, 16)).toEqual([]);
      expect(names(settling.takeReady(2500, 16))).toEqual(['vmcore']);
    });

    it('waits for no rest when it is through, also when it said so during the decode', () => {
      const settling = settlingOf(SETTLE_MS);
      scanned(settling, [told('writing')], 0);
      const [file] = settling.takeReady(GRACE_MS, 16);
      scanned(settling, [told('written')], GRACE_MS + 10);
      expect(settling.waitForRest(file!, GRACE_MS + 20, 0)).toBe(false);
    });

    it('ends the wait for a rest when it says that there is none', () => {
      const settling = settlingOf(SETTLE_MS);
      scanned(settling, [told(undefined)], 0);
      settling.takeReady(SETTLE_MS, 16);
      expect(settling.waitForRest(told(undefined), SETTLE_MS, 0)).toBe(true);
      scanned(settling, [told('written')], 5000);
      expect(names(settling.takeReady(5000, 16))).toEqual(['vmcore']);
      expect(settling.waitForRest(told('written'), 5100, 0)).toBe(false);
    });

    it('decodes nothing again that has its answer', () => {
      const settling = settlingOf(SETTLE_MS);
      scanned(settling, [told('writing')], 0);
      settling.takeReady(GRACE_MS, 16);
      settling.done(told('writing'), 'incomplete');
      scanned(settling, [told('written')], GRACE_MS + 10);
      expect(settling.nextDueMs(DIRECTORY, 0)).toBeUndefined();
    });
  });

  it('ignores the answer about a file that changed while it was decoded', () => {
    const settling = settlingOf(SETTLE_MS);
    scanned(settling, [file('a')], 0);
    settling.takeReady(2000, 16);
    scanned(settling, [file('a', 2)], 2500);
    settling.done(file('a'), 'complete');
    expect(settling.filesWithResult('complete')).toEqual([]);
    expect(names(settling.takeReady(4500, 16))).toEqual(['a']);
  });

  it('ignores the answer about a file that vanished meanwhile', () => {
    const settling = settlingOf(SETTLE_MS);
    scanned(settling, [file('a')], 0);
    settling.takeReady(2000, 16);
    scanned(settling, [], 2500);
    settling.done(file('a'), 'complete');
    settling.waitForRest(file('a'), 2500, 0);
    settling.retryLater(file('a'), 2500);
    settling.settleAgain(file('a'), 2500);
    expect(settling.filesWithResult('complete')).toEqual([]);
    expect(settling.nextDueMs(DIRECTORY, 0)).toBeUndefined();
  });

  it('lists the files on disk by what they turned out to be', () => {
    const settling = settlingOf(SETTLE_MS);
    const [a, b, c] = [file('a'), file('b'), file('c')];
    scanned(settling, [a, b, c], 0);
    settling.takeReady(2000, 16);
    settling.done(a, 'complete');
    settling.done(b, 'incomplete');
    settling.done(c, 'failed');
    expect(settling.filesWithResult('complete')).toEqual([a]);
    expect(settling.filesWithResult('incomplete')).toEqual([b]);
    scanned(settling, [b, c], 3000);
    expect(settling.filesWithResult('complete')).toEqual([]);
  });

  it('forgets only what the same root no longer has, also where one lies in the other', () => {
    const settling = settlingOf(SETTLE_MS);
    const inner = file('host/1/2/3/4/vmcore', 1, 0, `${DIRECTORY}/host`);
    const outer = file('vmcore', 1, 1);
    const both = file('host/vmcore', 1, 2);
    scanned(settling, [outer, both], 0);
    const of = (root: string, ...files: FoundFile[]): unknown =>
      settling.update(
        root,
        files.map((one) => ({ ...one, root })),
        1000,
        unknown,
      );
    expect(of(`${DIRECTORY}/host`, inner, both)).toEqual({ discovered: 1, vanished: [] });
    expect(of(DIRECTORY, outer, both)).toEqual({ discovered: 0, vanished: [] });
    expect(names(settling.takeReady(3000, 16)).sort()).toEqual(
      ['vmcore', 'host/vmcore', 'host/1/2/3/4/vmcore'].sort(),
    );
    expect(of(`${DIRECTORY}/host`)).toEqual({ discovered: 0, vanished: [inner.path] });
    expect(of(DIRECTORY)).toEqual({ discovered: 0, vanished: [outer.path, both.path] });
    expect(settling.has(outer.path)).toBe(false);
  });
});

describe('a file whose name says that it is not complete', () => {
  const unfinished = (size: number, ageMs: number): FoundFile => ({
    ...file('vmcore-incomplete', size, WALL_MS - ageMs),
    isUnfinished: true,
  });

  it.each([
    ['new', 0, INCOMPLETE_AFTER_MS],
    ['a minute old', 60_000, INCOMPLETE_AFTER_MS - 60_000],
    ['old', 86_400_000, SETTLE_MS],
    ['dated 11 hours ahead', -39_600_000, SETTLE_MS],
  ])('is due after it lay still for long: %s', (_what, ageMs, dueMs) => {
    const settling = settlingOf(SETTLE_MS);
    scanned(settling, [unfinished(1, ageMs)], 0);
    expect(settling.takeReady(dueMs - 1, 16)).toEqual([]);
    expect(names(settling.takeReady(dueMs, 16))).toEqual(['vmcore-incomplete']);
  });

  it('is left alone while it grows, however old its date is', () => {
    const settling = settlingOf(SETTLE_MS);
    scanned(settling, [unfinished(1, 86_400_000)], 0);
    scanned(settling, [{ ...unfinished(2, 86_400_000), version: 'grown' }], 1000);
    expect(settling.takeReady(INCOMPLETE_AFTER_MS, 16)).toEqual([]);
    expect(settling.takeReady(1000 + INCOMPLETE_AFTER_MS, 16)).toHaveLength(1);
  });
});
