// Every committed dump of a real kernel decodes to what is known of it from elsewhere.

import { readFileSync, readdirSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { bytesSource, decodeVmcore } from '../../src/vmcore/index.ts';
import { fixture, fixtureReport } from '../support/fixtures.ts';

const REPORT = '.report.json';
/** Pages that a search by name may decompress, of the thousand or so with names; a count, no time. */
const MAX_PAGES = 64;

const names = readdirSync(fixture('.'))
  .filter((name) => name.endsWith(REPORT))
  .map((name) => name.slice(0, -REPORT.length));

describe.each(names)('%s', (name) => {
  const report = decodeVmcore(bytesSource(readFileSync(fixture(name))));

  it('decodes to what is known of it', () => {
    expect(report).toMatchObject(fixtureReport(name));
    expect(report.warnings).toEqual([]);
  });

  it(`takes at most ${MAX_PAGES} pages`, () => {
    expect(report.debug.pages).toBeLessThanOrEqual(MAX_PAGES);
  });
});
