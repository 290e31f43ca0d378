// Every committed dump of a real kernel decodes to what is known of it from elsewhere.

import { readFileSync, readdirSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import {
  type CrashReport,
  type DecodeOptions,
  bytesSource,
  decodeVmcore,
} from '../../src/vmcore/index.ts';
import { decodeCounted } from '../support/dumps/decode-cost.ts';
import { fixture, fixtureReport, fixtureSymbols } from '../support/dumps/fixtures.ts';

const REPORT = '.report.json';
/**
 * Pages that a search by name may decompress, of the thousand or so with names; a count, no time: 64,
 * and the page tables on the way to the kernel's own copy of VMCOREINFO.
 */
const SEARCH_PAGES = 68;
/** Kernels before 6.2 have their names in no order: all are read. */
const WALK_PAGES = 300;
const UNORDERED = /^6\.[01]\./;
/** Of a whole log of some 500 records. */
const LOG_PAGES = 45;

const names = readdirSync(fixture('.'))
  .filter((name) => name.endsWith(REPORT))
  .map((name) => name.slice(0, -REPORT.length));

describe.each(names)('%s', (name) => {
  const { withSymbols, ...known } = fixtureReport(name);
  const decode = (options: DecodeOptions = {}): CrashReport =>
    decodeVmcore(bytesSource(readFileSync(fixture(name))), options);
  const maxPages =
    SEARCH_PAGES +
    (UNORDERED.test(known.kernelRelease ?? '') ? WALK_PAGES : 0) +
    (known.log === undefined ? 0 : LOG_PAGES);
  const { report, cost } = decodeCounted(bytesSource(readFileSync(fixture(name))));

  it('decodes to what is known of it', () => {
    expect(report).toMatchObject(known);
    expect(report.warnings).toEqual([]);
  });

  it.runIf(withSymbols !== undefined)('says more with the symbols of its kernel', () => {
    const symbolFiles = fixtureSymbols();
    const told = decode({ symbolFiles: () => symbolFiles });
    expect(told).toMatchObject(withSymbols ?? {});
    const others = symbolFiles.length - 1;
    const rejected = told.warnings.filter((warning) => warning.endsWith(': is not of this kernel'));
    expect(rejected).toHaveLength(others);
  });

  it(`takes at most ${maxPages} pages`, () => {
    expect(cost.pages).toBeLessThanOrEqual(maxPages);
  });
});
