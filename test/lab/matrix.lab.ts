// Every kernel × every format: a crash, of which its crash kernel writes several dumps, after errors that
// it survived; and one crash for each error that ends it. Each dump must decode to what QEMU read in the
// memory of the guest, and its log to the errors that were injected.

import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { verdictOf } from '../../src/triage.ts';
import { CATEGORIES, type CrashReport, isSevere } from '../../src/vmcore/index.ts';
import { tempDir } from '../support/system/temp-dir.ts';
import { type Evidence, inWords, keepDeath, keepEvidence } from './evidence.ts';
import { FORGED_LINES } from './forgery.ts';
import { type Counted, arrayAddress, countedBy, inject, newestLogTime } from './guest-errors.ts';
import type { Guest } from './guest.ts';
import { crash, dumped, startKdumpGuest } from './kdump-guest.ts';
import { decoded, knownOf, loggedBy, refreshFixture } from './known-crash.ts';
import { labKernel } from './lab-root.ts';
import type { HardwareError } from './machine.ts';
import { MACHINE } from './machines.ts';
import { RunRecord, updating } from './run-record.ts';

const KERNELS = (
  process.env['HWERR_LAB_KERNEL'] ?? '5.10 6.1 6.12 6.18 6.19 7.0 7.1 7.2 7.3'
).split(/[ ,]+/);
/** The console shows no more of a time. */
const CONSOLE_SECONDS = 1e-6;
/** Errors so long before a crash are suspect; all are in the lab. */
const WINDOW_SECONDS = 3600;

const ALL_FORMATS = [
  { name: 'zlib', makedumpfile: '-c -d 31', container: 'kdump', compression: ['zlib'] },
  { name: 'lzo', makedumpfile: '-l -d 31', container: 'kdump', compression: ['lzo'] },
  { name: 'zstd', makedumpfile: '-z -d 31', container: 'kdump', compression: ['zstd'] },
  { name: 'raw', makedumpfile: '-d 31', container: 'kdump', compression: [] },
  { name: 'elf', makedumpfile: '-E -d 31', container: 'elf', compression: [] },
  { name: 'flat-lzo', makedumpfile: '-F -l -d 31', container: 'kdump', compression: ['lzo'] },
  { name: 'copy', makedumpfile: 'copy', container: 'elf', compression: [] },
] as const;
const WANTED: readonly string[] =
  process.env['HWERR_LAB_FORMATS']?.split(/[ ,]+/) ?? MACHINE.formats;
const FORMATS = ALL_FORMATS.filter(({ name }) => WANTED.includes(name));

/** Errors of one kind. */
interface Row {
  readonly error: HardwareError;
  readonly counted: Evidence['injected'][number]['counted'];
  /** Seconds since boot of the kernel's last words before. */
  readonly since: number;
}

describe.each(KERNELS)(`Linux %s ${MACHINE.name}`, (version) => {
  const kernel = labKernel(version);
  const name = `${MACHINE.name}-${version}`;
  const title = `npm run lab:matrix: Linux ${version} ${MACHINE.name}, QEMU without KVM`;

  it('counts and logs what it does, and every dump of its crash says so', async () => {
    const folder = tempDir();
    const record = new RunRecord(title, folder);
    record.tell(`boots ${kernel.release}`);
    const formats = FORMATS.map(({ name, makedumpfile }) => `${name} ${makedumpfile}`).join('\n');
    const { guest, crashes } = await startKdumpGuest({
      ...{ kernel, folder, kdump: 'every-format', exporter: false },
      settings: { FORMATS: formats },
    });
    record.tell('up, with a crash kernel loaded');

    const address = await arrayAddress(guest);
    const counted = (): Promise<Counted | undefined> =>
      address === undefined ? Promise.resolve(undefined) : countedBy(guest, address);
    const rows: Row[] = [];
    for (const error of MACHINE.errors) {
      const before = await counted();
      const since = newestLogTime(guest);
      await inject(guest, error);
      const grown = growth(before, await counted());
      rows.push({ error, counted: grown, since });
      record.tell(`injected ${error.times} × ${error.what}: ${JSON.stringify(grown)}`);
      const { category, times } = error;
      const want = category === undefined ? {} : { [category]: times };
      expect(grown).toEqual(address === undefined ? 'no hwerr_data' : want);
    }
    const truth = await counted();
    record.tell(`hwerr_data by QEMU's monitor: ${JSON.stringify(truth)}`);
    const known = await knownOf(guest, truth);
    const debian = await debianVersion(guest);

    const crashed = await crash(guest);
    record.tell('crashed; the crash kernel wrote its dumps');
    const files = FORMATS.map(({ name }) => join(crashes, name));
    const crashTimeSeconds = crashTimeIn(readFileSync(files[0]!));
    expect(crashTimeSeconds).toBeGreaterThanOrEqual(crashed.from);
    expect(crashTimeSeconds).toBeLessThanOrEqual(crashed.to);

    const reports = decoded(files);
    const injected = rows.map((row, i) => {
      const events = eventsOf(reports[0]!, row.since, rows[i + 1]?.since);
      const { what, times } = row.error;
      record.tell(`in the log, ${times} × ${what}: ${events.map(inWords).join('; ') || 'nothing'}`);
      return { what, times, counted: row.counted, logged: events.map(inWords) };
    });
    record.tell(`verdict: ${JSON.stringify(verdictOf(reports[0]!, WINDOW_SECONDS))}`);
    const hardwareEvents = rows.flatMap(({ error }) => loggedBy(error, kernel.release));
    const panicked = { panicMessage: 'Kernel panic - not syncing: sysrq triggered crash' };
    const logged = {
      ...panicked,
      log: { source: 'ring', forgeable: false, foreign: FORGED_LINES.length, truncated: false },
      ...{ hardwareEvents, crash: { type: 'sysrq', cause: null } },
    };
    for (const [i, { name, makedumpfile, container, compression }] of FORMATS.entries()) {
      const report = {
        ...{ container, flattened: name.startsWith('flat-'), compression: [...compression] },
        ...{ ...known, crashTimeSeconds, ...logged },
      };
      expect(reports[i], name).toMatchObject({ ...report, warnings: [] });
      expect(verdictOf(reports[i]!, WINDOW_SECONDS), name).toMatchObject(
        verdictAfter(rows, kernel.release, truth !== undefined),
      );
      record.tell(`${commandOf(makedumpfile)}: ${statSync(files[i]!).size} bytes, says the same`);
      if (updating()) refreshFixture(`${kernel.release} ${name}`, files[i]!, report);
    }
    record.keep(`${name}-matrix`);
    const dumps = FORMATS.map(({ makedumpfile }, i) => ({
      ...{ makedumpfile, bytes: statSync(files[i]!).size },
    }));
    const { seconds } = record;
    const { release } = kernel;
    const evidence = { kernel: release, debian, arch: MACHINE.name, injected, dumps, seconds };
    if (updating()) keepEvidence(name, evidence);
  });

  it.each(MACHINE.deaths)('dies of a $name, and its dump names it', async (death) => {
    const folder = tempDir();
    const record = new RunRecord(`${title}: ${death.name}`, folder);
    record.tell(`boots ${kernel.release}`);
    const { makedumpfile, ...format } = FORMATS[0]!;
    const { guest, crashes } = await startKdumpGuest({
      ...{ kernel, folder, kdump: 'every-format', exporter: false },
      settings: { FORMATS: `dump ${makedumpfile}` },
    });
    const counted = (await arrayAddress(guest)) !== undefined;
    const known = await knownOf(guest, counted ? noneCounted() : undefined);
    await death.inject(guest);
    record.tell(`injected ${death.what}`);
    await dumped(guest);
    record.tell('crashed; the crash kernel wrote its dump');

    const file = join(crashes, 'dump');
    const [report] = decoded([file]);
    const { crash: facts, panicMessage } = report!;
    const verdict = verdictOf(report!, WINDOW_SECONDS);
    record.tell(`${panicMessage ?? 'no panic line'}: ${JSON.stringify(facts?.cause)}`);
    record.tell(`verdict: ${JSON.stringify(verdict)}`);
    expect(panicMessage).toMatch(death.panic);
    const wanted = {
      ...{ container: format.container, flattened: false, compression: [...format.compression] },
      ...{ ...known, panicMessage, crashTimeSeconds: crashTimeIn(readFileSync(file)) },
      log: { source: 'ring', forgeable: false, foreign: 0, truncated: false },
      hardwareEvents: death.events(kernel.release),
      crash: { type: death.type, machineCheckTaint: facts?.machineCheckTaint, cause: death.cause },
    };
    expect(report).toMatchObject({ ...wanted, warnings: [] });
    const { category, severity } = death.cause;
    expect(verdict).toMatchObject({ kind: 'hardware_panic', error: { category, severity } });
    record.keep(`${name}-${death.name.replaceAll(' ', '-')}`);
    if (!updating()) return;
    refreshFixture(`${kernel.release} ${death.name}`, file, wanted);
    keepDeath(name, {
      ...{ what: death.what, panic: panicMessage!, cause: inWords(facts!.cause!) },
      seconds: record.seconds,
    });
  });
});

function commandOf(makedumpfile: string): string {
  return makedumpfile === 'copy' ? 'a copy' : `makedumpfile ${makedumpfile}`;
}

function eventsOf(
  { hardwareEvents }: CrashReport,
  since: number,
  until = Infinity,
): CrashReport['hardwareEvents'] {
  const [from, to] = [since + CONSOLE_SECONDS, until + CONSOLE_SECONDS];
  return hardwareEvents.filter(({ time }) => (time ?? 0) > from && (time ?? 0) <= to);
}

/** Of a sysrq crash after them: what was forged after the last changes nothing. */
function verdictAfter(rows: readonly Row[], release: string, isCounted: boolean): object {
  const errors = rows.flatMap(({ error }) =>
    loggedBy(error, release).map((event) => ({ ...error, event })),
  );
  const last = errors.findLast(({ event }) => isSevere(event))!;
  const kind = isCounted && last.category !== undefined ? 'suspect' : 'logged_suspect';
  const { category, severity } = last.event;
  return { kind, error: { category, severity } };
}

/** Of a kernel that lives: what it has of a machine without errors. */
function noneCounted(): Counted {
  return Object.fromEntries(CATEGORIES.map((category) => [category, [0, 0] as const]));
}

/** Its package, as the kernel says at boot: `5.10.223-1`. */
async function debianVersion(guest: Guest): Promise<string> {
  const version = await guest.shell('uname -v');
  return /Debian (\S+)/.exec(version)?.[1] ?? version.trim();
}

/** By how much each category grew, of those that did. */
function growth(
  before: Counted | undefined,
  after: Counted | undefined,
): Record<string, number> | 'no hwerr_data' {
  if (before === undefined || after === undefined) return 'no hwerr_data';
  const grown = CATEGORIES.map((one) => [one, after[one]![0] - before[one]![0]] as const);
  return Object.fromEntries(grown.filter(([, count]) => count !== 0));
}

/** By the text of VMCOREINFO, wherever it is in the file. */
function crashTimeIn(file: Buffer): number {
  return Number(/CRASHTIME=(\d+)\n/.exec(file.toString('latin1', 0, 1 << 20))?.[1]);
}
