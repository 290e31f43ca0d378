import { describe, expect, it } from 'vitest';

import { reportTable as coloured } from '../../src/cli/report-table.ts';
import { shown } from '../../src/cli/shown.ts';
import type { AbsentReason, CrashReport } from '../../src/vmcore/index.ts';
import { CRASH_TIME, counted, crashReport } from '../support/dumps/crash-reports.ts';

const reportTable = (file: string, report: CrashReport): string =>
  coloured(file, report, 300, (_colour, text) => text);

/** The line that begins with this word. */
function line(report: Partial<CrashReport>, word: string): string | undefined {
  const lines = reportTable('FILE', crashReport(report)).split('\n');
  return lines.map((text) => text.trim()).find((text) => text.startsWith(`${word} `));
}

describe('reportTable', () => {
  it('begins with the verdict, in the colour of what it means', () => {
    const first = (report: Partial<CrashReport>, window: number): string | undefined =>
      coloured('FILE', crashReport(report), window, (colour, text) => `${colour}: ${text}`).split(
        '\n',
      )[0];
    const hwerr = counted({ pci: [7, CRASH_TIME - 9] });
    expect(first({ hwerr }, 300)).toBe('red: PCI error 9 s before the panic');
    expect(first({ hwerr }, 5)).toBe('yellow: Last hardware error 9 s before the panic (PCI)');
    expect(first({}, 300)).toMatch(/^green: No hardware error counted/);
  });

  it.each([
    [0, '0 s'],
    [9, '9 s'],
    [60, '1 min'],
    [252, '4 min 12 s'],
    [3600, '1 h'],
    [3605, '1 h'],
    [7380, '2 h 3 min'],
    [86_399, '23 h 59 min'],
    [86_400, '1 d'],
    [266_400, '3 d 2 h'],
    [-5, '5 s after it'],
  ])('says of an error %d s before the crash: %s', (lead, text) => {
    const hwerr = counted({ pci: [7, CRASH_TIME - lead] });
    expect(line({ hwerr }, 'pci')).toMatch(new RegExp(`^pci +7 +.* UTC +${text}$`));
  });

  it('says unknown for what is not in the dump', () => {
    const nothing = { nodename: null, bootId: null, crashTimeSeconds: null };
    const hwerr = counted({ cpu: [1, 1000] });
    expect(line(nothing, 'host')).toBe('host      unknown');
    expect(line(nothing, 'boot')).toBe('boot id   unknown');
    expect(line(nothing, 'crashed')).toBe('crashed   unknown: the dump has no CRASHTIME');
    expect(line({ ...nothing, hwerr }, 'cpu')).toBe(
      'cpu       1      1970-01-01 00:16:40 UTC  unknown',
    );
  });

  it('shows times that are no date as the number they are', () => {
    const seconds = Number.MAX_SAFE_INTEGER;
    expect(line({ crashTimeSeconds: seconds }, 'crashed')).toBe(
      'crashed   9007199254740991 s after 1970',
    );
  });

  it('shows the largest count and the time past 2^32 whole', () => {
    const hwerr = counted({ memory: [4_294_967_295, 4_294_967_296] });
    expect(line({ hwerr, crashTimeSeconds: 4_294_967_300 }, 'memory')).toBe(
      'memory    4294967295  2106-02-07 06:28:16 UTC  4 s',
    );
  });

  it.each<[Partial<CrashReport>, string]>([
    [{}, 'kdump, zlib'],
    [{ compression: [] }, 'kdump, not compressed'],
    [{ container: 'elf', flattened: true, compression: [] }, 'flattened elf, not compressed'],
    [{ compression: ['zlib', 'zstd'], incomplete: true }, 'kdump, zlib, zstd, incomplete'],
  ])('describes the dump %o', (report, text) => {
    expect(line(report, 'dump')).toBe(`dump      ${text}`);
  });

  it.each<AbsentReason>(['kernel_without_hwerr', 'symbol_not_found', 'page_excluded', 'page_lost'])(
    'has no table but a sentence for %s',
    (reason) => {
      const text = reportTable('FILE', crashReport({ hwerr: { kind: 'absent', reason } }));
      expect(text).toMatch(new RegExp(`\\n {2}no counters: .{20,} \\(${reason}\\)\\n`));
      expect(text).not.toContain('CATEGORY');
    },
  );

  it('adds the panic line and warnings', () => {
    const report = { panicMessage: 'Kernel panic - not syncing', warnings: ['odd', 'odder'] };
    expect(line(report, 'panic')).toBe('panic     Kernel panic - not syncing');
    expect(reportTable('FILE', crashReport(report))).toMatch(
      /\n {2}warning: odd\n {2}warning: odder\n\n$/,
    );
    expect(line({}, 'panic')).toBeUndefined();
  });

  it('lets no text of a dump reach the terminal as a command or another line', () => {
    const evil = 'a\x1b]0;b\x07\nhost good\x9b';
    const text = reportTable(
      evil,
      crashReport({ nodename: evil, kernelRelease: evil, panicMessage: evil, warnings: [evil] }),
    );
    const plain = reportTable('x', crashReport({ panicMessage: 'x', warnings: ['x'] }));
    expect(text.split('\n')).toHaveLength(plain.split('\n').length);
    expect(text.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
    expect(text).toContain(String.raw`  host      a\x1b]0;b\x07\x0ahost good\x9b`);
  });
});

describe('shown', () => {
  it.each([
    [null, 'unknown'],
    ['', ''],
    ['größe 漢字 🙂', 'größe 漢字 🙂'],
    ['\0\t\x7f', String.raw`\x00\x09\x7f`],
    ['\u202e\u2028\u{e0001}', String.raw`\u{202e}\u{2028}\u{e0001}`],
  ])('%j', (text, result) => {
    expect(shown(text)).toBe(result);
  });
});
