// Every kernel × every format: one boot and one crash a kernel, of which its crash kernel writes several
// dumps. Each must decode to what QEMU read in the memory of the guest.

import { execFileSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { CATEGORIES } from '../../src/vmcore/index.ts';
import { fixture } from '../support/dumps/fixtures.ts';
import type { KnownReport } from '../support/dumps/known-answers.ts';
import { MAIN } from '../support/daemon/program.ts';
import { tempDir } from '../support/system/temp-dir.ts';
import { LAB_RECIPES, make } from '../support/dumps/trim/recipes.ts';
import { type Evidence, keepEvidence } from './evidence.ts';
import { type Counted, arrayAddress, countedBy, inject, loggedSeconds } from './guest-errors.ts';
import type { Guest } from './guest.ts';
import { crash, startKdumpGuest } from './kdump-guest.ts';
import { labKernel } from './lab-root.ts';
import { MACHINE } from './machines.ts';
import { RunRecord, updating } from './run-record.ts';

const KERNELS = (process.env['HWERR_LAB_KERNEL'] ?? '6.18 6.19 7.0 7.1 7.2 7.3').split(/[ ,]+/);
/** A second for each of the two clocks to end, and one for the work between them. */
const CLOCKS_SECONDS = 3;

const MAKEDUMPFILE_FORMATS = [
  { name: 'zlib', makedumpfile: '-c -d 31', container: 'kdump', compression: ['zlib'] },
  { name: 'lzo', makedumpfile: '-l -d 31', container: 'kdump', compression: ['lzo'] },
  { name: 'zstd', makedumpfile: '-z -d 31', container: 'kdump', compression: ['zstd'] },
  { name: 'raw', makedumpfile: '-d 31', container: 'kdump', compression: [] },
  { name: 'elf', makedumpfile: '-E -d 31', container: 'elf', compression: [] },
  { name: 'flat-lzo', makedumpfile: '-F -l -d 31', container: 'kdump', compression: ['lzo'] },
] as const;
const FORMATS = MACHINE.makedumpfile
  ? MAKEDUMPFILE_FORMATS
  : ([{ name: 'elf', makedumpfile: 'cp', container: 'elf', compression: [] }] as const);

describe.each(KERNELS)(`Linux %s ${MACHINE.name}`, (version) => {
  it('counts what it counts, and every dump of its crash says so', async () => {
    const folder = tempDir();
    const kernel = labKernel(version);
    const title = `npm run lab:matrix: Linux ${version} ${MACHINE.name}, QEMU without KVM`;
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
    const injected: Evidence['injected'][number][] = [];
    for (const error of MACHINE.errors) {
      const before = await counted();
      await inject(guest, error);
      const grown = growth(before, await counted());
      injected.push({ what: error.what, times: error.times, counted: grown });
      record.tell(`injected ${error.times} × ${error.what}: ${JSON.stringify(grown)}`);
      const { category, times } = error;
      const want = category === undefined ? {} : { [category]: times };
      expect(grown).toEqual(address === undefined ? 'no hwerr_data' : want);
    }
    const truth = await counted();
    record.tell(`hwerr_data by QEMU's monitor: ${JSON.stringify(truth)}`);
    const known = await knownOf(guest, truth);

    await crash(guest);
    record.tell('crashed; the crash kernel wrote its dumps');
    const panicSeconds = loggedSeconds(guest, /sysrq: Trigger a crash/);
    const files = FORMATS.map(({ name }) => join(crashes, name));
    const crashTimeSeconds = crashTimeIn(readFileSync(files[0]!));
    expect(Math.abs(crashTimeSeconds - panicSeconds)).toBeLessThan(CLOCKS_SECONDS);

    const decoded = execFileSync(process.execPath, [MAIN, 'decode', '--json', ...files], {
      encoding: 'utf8',
    });
    const reports = decoded.trimEnd().split('\n');
    expect(reports).toHaveLength(FORMATS.length);
    for (const [i, { name, makedumpfile, container, compression }] of FORMATS.entries()) {
      const report: KnownReport = {
        ...{ container, flattened: name.startsWith('flat-'), compression: [...compression] },
        ...{ ...known, crashTimeSeconds },
      };
      expect(JSON.parse(reports[i]!), name).toMatchObject({ ...report, warnings: [] });
      const command = makedumpfile === 'cp' ? 'cp' : `makedumpfile ${makedumpfile}`;
      record.tell(`${command}: ${statSync(files[i]!).size} bytes, says the same`);
      if (updating()) refreshFixture(kernel.release, name, files[i]!, report);
    }
    const name = `${MACHINE.name}-${version}`;
    record.keep(`${name}-matrix`);
    const dumps = FORMATS.map(({ makedumpfile }, i) => ({
      ...{ makedumpfile, bytes: statSync(files[i]!).size },
    }));
    const { seconds } = record;
    const evidence = { kernel: kernel.release, arch: MACHINE.name, injected, dumps, seconds };
    if (updating()) keepEvidence(name, evidence);
  });
});

/** By how much each category grew, of those that did. */
function growth(
  before: Counted | undefined,
  after: Counted | undefined,
): Record<string, number> | 'no hwerr_data' {
  if (before === undefined || after === undefined) return 'no hwerr_data';
  const grown = CATEGORIES.map((one) => [one, after[one]![0] - before[one]![0]] as const);
  return Object.fromEntries(grown.filter(([, count]) => count !== 0));
}

/** What every report of its crash must say, by the guest itself. */
async function knownOf(guest: Guest, truth: Counted | undefined): Promise<KnownReport> {
  const notes = await guest.shell('od -An -v -tx1 /sys/kernel/notes');
  const [, buildId = ''] = /474e5500([\da-f]{40})/.exec(notes.replaceAll(/\s/g, '')) ?? [];
  const categories = CATEGORIES.map((category) => {
    const [count, time] = truth?.[category] ?? [0, 0];
    return { category, count, lastErrorTimestampSeconds: time === 0 ? null : time };
  });
  return {
    arch: MACHINE.name,
    kernelRelease: (await guest.shell('uname -r')).trim(),
    buildId,
    nodename: (await guest.shell('hostname')).trim(),
    bootId: (await guest.shell('cat /proc/sys/kernel/random/boot_id')).trim(),
    vmcoreinfo: 'note',
    incomplete: false,
    hwerr:
      truth === undefined
        ? { kind: 'absent', reason: 'kernel_without_hwerr' }
        : { kind: 'present', categories },
    panicMessage: 'Kernel panic - not syncing: sysrq triggered crash',
  };
}

/** By the text of VMCOREINFO, wherever it is in the file. */
function crashTimeIn(file: Buffer): number {
  return Number(/CRASHTIME=(\d+)\n/.exec(file.toString('latin1', 0, 1 << 20))?.[1]);
}

/** Where a recipe has that format of that kernel. The end of the log is kept by one of them alone. */
function refreshFixture(release: string, format: string, dump: string, report: KnownReport): void {
  const file = `${MACHINE.name}-${release.replace(/\+.*/, '')}.${format}`;
  const recipe = LAB_RECIPES.find((one) => one.file === file);
  if (recipe === undefined) return;
  writeFileSync(fixture(file), make(recipe, readFileSync(dump)));
  const { panicMessage: _, ...rest } = report;
  const known = recipe.keep === 'log' ? report : rest;
  writeFileSync(`${fixture(file)}.report.json`, `${JSON.stringify(known, null, 2)}\n`);
}
