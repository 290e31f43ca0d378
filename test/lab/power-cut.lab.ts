// The power goes, again and again, while the exporter of a whole Debian machine records crashes: what a scrape
// showed is never gone after it, and in the end every crash is counted once. HWERR_LAB_CUTS says how often,
// HWERR_LAB_FILE_SYSTEM on what.

import { describe, expect, it } from 'vitest';

import { type FileSystem, PowerCuts } from './power-cuts.ts';
import { RunRecord } from './run-record.ts';

const CUTS = Number(process.env['HWERR_LAB_CUTS'] ?? 5);
const FILE_SYSTEM = (process.env['HWERR_LAB_FILE_SYSTEM'] ?? 'ext4') as FileSystem;
/** The planted mistake is found by one of so many. */
const PLANTED_CUTS = 10;
/** The disk may have to be made first. */
const START_MS = 1_200_000;
const CUT_MS = 300_000;

const PLANTED =
  "sed -i 's/synchronous = FULL/synchronous = NORMAL/' /usr/lib/hwerr-exporter/lib/*.js";

describe(`power cuts of a Debian machine, ${FILE_SYSTEM}`, () => {
  it(
    `take nothing that was shown, and let every crash be counted once, in ${CUTS}`,
    async () => {
      const record = recordOf(`${CUTS} power cuts`);
      const cuts = await PowerCuts.begin({ record, fileSystem: FILE_SYSTEM, most: CUTS });
      for (let cut = 0; cut < CUTS; cut++) await cuts.next();
      await cuts.end();
      record.keepAnother(`machine-power-cuts-${FILE_SYSTEM}`);
    },
    START_MS + CUTS * CUT_MS,
  );

  it(
    'find a ledger that does not wait for the disk',
    async () => {
      const record = recordOf('power cuts with a mistake planted');
      record.tell(`in the guest: ${PLANTED}`);
      const cuts = await PowerCuts.begin({
        ...{ record, fileSystem: FILE_SYSTEM, most: PLANTED_CUTS, prepare: PLANTED },
      });
      const found = await (async (): Promise<unknown> => {
        for (let cut = 0; cut < PLANTED_CUTS; cut++) await cuts.next();
        return undefined;
      })().catch((error: unknown) => error);
      record.tell(`found: ${String(found)}`);
      expect(String(found)).toContain('was shown before');
      record.keep(`machine-power-cuts-${FILE_SYSTEM}-planted`);
    },
    START_MS + PLANTED_CUTS * CUT_MS,
  );
});

function recordOf(what: string): RunRecord {
  return new RunRecord(
    `npm run lab:cuts: ${what}, Debian machine, ${FILE_SYSTEM}, QEMU without KVM`,
    '',
  );
}
