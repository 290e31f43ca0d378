// What is known of a crash of the lab without asking the decoder, and the fixtures that are made of it.

import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

import { expect } from 'vitest';

import { CATEGORIES, type CrashReport } from '../../src/vmcore/index.ts';
import { MAIN } from '../support/daemon/program.ts';
import { fixture } from '../support/dumps/fixtures.ts';
import type { KnownReport } from '../support/dumps/known-answers.ts';
import { LAB_RECIPES, make } from '../support/dumps/trim/recipes.ts';
import type { Counted } from './guest-errors.ts';
import type { Guest } from './guest.ts';
import type { HardwareError, LoggedError } from './machine.ts';
import { MACHINE } from './machines.ts';

/** Kernels before v6.0 do not say in their dumps where kallsyms is, by which the boot id is found. */
const NAMES_NO_SYMBOLS = /^[2-5]\./;
/** What a dump says of which the log was taken away: not known beforehand. */
const NOTHING_OF_ITS_LOG = {
  ...{ panicMessage: undefined, log: undefined, hardwareEvents: undefined, crash: undefined },
};

/** What every report of its crash must say, by the guest itself. */
export async function knownOf(guest: Guest, truth: Counted | undefined): Promise<KnownReport> {
  const release = (await guest.shell('uname -r')).trim();
  const notes = await guest.shell('od -An -v -tx1 /sys/kernel/notes');
  // Not in every kernel's list are its variables: CONFIG_KALLSYMS_ALL.
  const listed = await guest.shell("grep -c ' sysctl_bootid$' /proc/kallsyms");
  const [, buildId = ''] = /474e5500([\da-f]{40})/.exec(notes.replaceAll(/\s/g, '')) ?? [];
  return {
    arch: MACHINE.name,
    kernelRelease: release,
    buildId,
    nodename: (await guest.shell('hostname')).trim(),
    bootId:
      NAMES_NO_SYMBOLS.test(release) || listed.trim() === '0'
        ? null
        : (await guest.shell('cat /proc/sys/kernel/random/boot_id')).trim(),
    vmcoreinfo: 'note',
    incomplete: false,
    hwerr:
      truth === undefined ? { kind: 'absent', reason: 'kernel_without_hwerr' } : presentOf(truth),
  };
}

/** What its report must say of the counters. */
export function presentOf(counted: Counted): CrashReport['hwerr'] {
  const categories = CATEGORIES.map((category) => {
    const [count, time] = counted[category] ?? [0, 0];
    return { category, count, lastErrorTimestampSeconds: time === 0 ? null : time };
  });
  return { kind: 'present', categories };
}

/** What its log is to say of all errors of a kind. */
export function loggedBy(error: HardwareError, release: string): LoggedError[] {
  return Array.from(
    { length: error.times },
    (_, number) => error.event(number, release) ?? [],
  ).flat();
}

export function decoded(files: readonly string[]): CrashReport[] {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [MAIN, 'decode', '--json', ...files],
    { encoding: 'utf8', maxBuffer: 1 << 26 },
  );
  expect(status, `${stderr}\n${stdout}`).toBe(0);
  const reports = stdout.trimEnd().split('\n');
  expect(reports).toHaveLength(files.length);
  return reports.map((line) => JSON.parse(line) as CrashReport);
}

/** Where a recipe is of that crash and format. */
export function refreshFixture(of: string, dump: string, report: object): void {
  const recipe = LAB_RECIPES.find((one) => one.of === of);
  if (recipe === undefined) return;
  writeFileSync(fixture(recipe.file), make(recipe, readFileSync(dump)));
  const known = recipe.keep === 'whole-log' ? report : { ...report, ...NOTHING_OF_ITS_LOG };
  writeFileSync(`${fixture(recipe.file)}.report.json`, `${JSON.stringify(known, null, 2)}\n`);
}
