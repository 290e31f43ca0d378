// When a kernel crashed, where its memory has a copy of what VMCOREINFO says of it.

import { describe, expect, it } from 'vitest';

import { type CrashReport, bytesSource, decodeVmcore } from '../../src/vmcore/index.ts';
import {
  CRASH_TIME,
  type KernelRecipe,
  elfDumpOf,
  kernel,
} from '../support/builders/kernel-builder.ts';

/** Later than the newest error that the kernel counted, 5 s before it crashed. */
const RECENT = CRASH_TIME - 4;
const BEFORE = CRASH_TIME - 10_000;
const AFTER = CRASH_TIME + 10_000;

const withTime =
  (time: number | string | undefined) =>
  (text: string): string =>
    text.replace(/^CRASHTIME=.*\n/m, time === undefined ? '' : `CRASHTIME=${time}\n`);

/** A dump whose note has one time, and whose memory has another. */
function reportOf(
  note: number | string | undefined,
  copy: number | string | undefined,
  recipe: KernelRecipe = {},
): CrashReport {
  const built = kernel({ ...recipe, editNote: withTime(copy) });
  return decodeVmcore(bytesSource(elfDumpOf(built, { note: withTime(note)(built.vmcoreinfo) })));
}

describe('the time of the crash', () => {
  it.each([
    ['both copies have it', CRASH_TIME, CRASH_TIME],
    ["only the dump's note has it", CRASH_TIME, undefined],
    ["only the kernel's own note has it", undefined, CRASH_TIME],
  ])('is as it stands where %s', (_, note, copy) => {
    const { crashTimeSeconds, warnings } = reportOf(note, copy);
    expect(crashTimeSeconds).toBe(CRASH_TIME);
    expect(warnings).toEqual([]);
  });

  it.each([
    ["the dump's note", BEFORE, CRASH_TIME],
    ["the kernel's own note", CRASH_TIME, BEFORE],
  ])('is not the one before the newest error, of %s', (_, note, copy) => {
    const { crashTimeSeconds, warnings } = reportOf(note, copy);
    expect(crashTimeSeconds).toBe(CRASH_TIME);
    expect(warnings).toEqual([
      `CRASHTIME: copies of VMCOREINFO have ${note} and ${copy}: took ${CRASH_TIME}`,
    ]);
  });

  it('is not the one before the last time of day in the log', () => {
    const line = `audit: type=2000 audit(${CRASH_TIME - 1}.500:1): state=initialized`;
    const { crashTimeSeconds } = reportOf(RECENT, CRASH_TIME, { log: { records: [line] } });
    expect(crashTimeSeconds).toBe(CRASH_TIME);
  });

  it.each([
    ['both may be right', CRASH_TIME, AFTER],
    ['both are before the newest error', BEFORE, BEFORE - 1],
  ])('is not known where copies differ and %s', (_, note, copy) => {
    const { crashTimeSeconds, warnings } = reportOf(note, copy);
    expect(crashTimeSeconds).toBeNull();
    expect(warnings).toEqual([
      `CRASHTIME: copies of VMCOREINFO have ${note} and ${copy}: nothing says which is right`,
    ]);
  });

  it('is warned of where the only one is before the newest error', () => {
    const { crashTimeSeconds, warnings } = reportOf(BEFORE, undefined);
    expect(crashTimeSeconds).toBe(BEFORE);
    expect(warnings).toEqual([
      `CRASHTIME: ${BEFORE} is before an error that was counted at ${CRASH_TIME - 5}`,
    ]);
  });

  it('is warned of where both copies have one before the last time of day in the log', () => {
    const line = `audit: type=2000 audit(${CRASH_TIME + 60}.500:1): state=initialized`;
    const { crashTimeSeconds, warnings } = reportOf(CRASH_TIME, CRASH_TIME, {
      log: { records: [line] },
    });
    expect(crashTimeSeconds).toBe(CRASH_TIME);
    expect(warnings).toEqual([
      `CRASHTIME: ${CRASH_TIME} is before ${CRASH_TIME + 60}, a time of day in the log`,
    ]);
  });

  it('is believed where the clock was set back after it was read from an RTC that keeps local time', () => {
    const records = [
      `rtc_cmos 00:02: setting system clock to 2026-09-21T16:13:20 UTC (${CRASH_TIME + 7150})`,
      `audit: type=1404 audit(${CRASH_TIME - 10}.123:2): enforcing=1 old_enforcing=0`,
    ];
    const { crashTimeSeconds, warnings } = reportOf(CRASH_TIME, CRASH_TIME, { log: { records } });
    expect([crashTimeSeconds, warnings]).toEqual([CRASH_TIME, []]);
  });

  it.each([
    ['is not that of a text of an earlier boot', undefined, null, BEFORE],
    [
      "is that of the kernel's own note, whatever an earlier boot left",
      CRASH_TIME,
      CRASH_TIME,
      BEFORE,
    ],
    ["is that of the kernel's own note, whatever somebody planted", CRASH_TIME, CRASH_TIME, AFTER],
  ])('%s', (_, own, time, other) => {
    const built = kernel({ editVmcoreinfo: withTime(undefined), editNote: withTime(own) });
    const left = new Uint8Array(4096);
    left.set(Buffer.from(`${built.vmcoreinfo}CRASHTIME=${other}\n`));
    const segments = [
      { physical: 0x10000n, bytes: left },
      { physical: built.physical, bytes: built.image },
    ];
    const dump = elfDumpOf(built, { note: false, segments });
    const { crashTimeSeconds, warnings } = decodeVmcore(bytesSource(dump));
    expect(crashTimeSeconds).toBe(time);
    const doubt = `CRASHTIME: ${other} is in a text that is not the kernel's own: of an earlier boot`;
    expect(warnings).toEqual(own === undefined ? [doubt] : []);
  });

  it('is that of the copy, with a warning, where the note has none that can be read', () => {
    const { crashTimeSeconds, warnings } = reportOf('17x0000010', CRASH_TIME);
    expect(crashTimeSeconds).toBe(CRASH_TIME);
    expect(warnings).toEqual(['CRASHTIME: 17x0000010 is no time of a crash']);
  });

  it('is that of the note, with a warning, where the copy has none that can be read', () => {
    const { crashTimeSeconds, warnings } = reportOf(CRASH_TIME, '17x0000010');
    expect(crashTimeSeconds).toBe(CRASH_TIME);
    expect(warnings).toEqual(['CRASHTIME: 17x0000010 is no time of a crash']);
  });

  it('rests on no copy of another release', () => {
    const built = kernel({
      editNote: (text) => text.replace('7.3.4', '7.3.5').replace('10\n', '11\n'),
    });
    const { crashTimeSeconds, warnings } = decodeVmcore(bytesSource(elfDumpOf(built)));
    expect(crashTimeSeconds).toBe(CRASH_TIME);
    expect(warnings).toEqual([]);
  });
});
