// The whole story on a real kernel: it survives hardware errors, shows them live, crashes; kdump writes
// the dump into the directory that the exporter watches, and Prometheus raises the alarm.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { describe, expect, it, onTestFinished } from 'vitest';

import { CATEGORIES, type HardwareEvent, partName } from '../../src/vmcore/index.ts';
import { eventually } from '../support/system/eventually.ts';
import { type Daemon, startDaemon } from '../support/daemon/running-daemon.ts';
import { tempDir } from '../support/system/temp-dir.ts';
import { needsTool } from '../support/system/tools.ts';
import { alertsOf, inWords, startAlarm } from './alarm.ts';
import {
  type Between,
  type Counted,
  arrayAddress,
  countedBy,
  countsOf,
  expectedCounts,
  inject,
  lastSevere,
  listed,
  loggedAt,
} from './guest-errors.ts';
import type { Guest, SharingGuest } from './guest.ts';
import { crash, startKdumpGuest } from './kdump-guest.ts';
import { labKernel } from './lab-root.ts';
import type { HardwareError } from './machine.ts';
import { MACHINE } from './machines.ts';
import { recordedCrash } from './recorded-crash.ts';
import { RunRecord } from './run-record.ts';

const KERNEL = process.env['HWERR_LAB_KERNEL'] ?? '7.3';
const LAYOUT = process.env['HWERR_LAB_LAYOUT'] ?? (MACHINE.makedumpfile ? 'rhel' : 'copy');
const MAKEDUMPFILE = process.env['HWERR_LAB_MAKEDUMPFILE'] ?? '-l -d 31';
const KDUMP = LAYOUT === 'copy' ? LAYOUT : `${LAYOUT}, makedumpfile ${MAKEDUMPFILE}`;
const TITLE = `npm run lab: Linux ${KERNEL} ${MACHINE.name}, ${KDUMP}, QEMU without KVM`;

/** From before the array: 6.19 brought it. */
const OLD = /^([0-5]|6\.([0-9]|1[0-8])\b)/.test(KERNEL);

/** Between lines of the log that are of one event. */
const LOG_SECONDS = 1;
const GUEST_PORT = 10_048;

const prometheus = needsTool('prometheus');

describe(`Linux ${KERNEL} ${MACHINE.name}, ${KDUMP}`, () => {
  it.runIf(OLD)('keeps no counters, and its log tells of the error before the crash', async () => {
    const folder = tempDir();
    const record = new RunRecord(TITLE, folder);
    const { guest, crashes } = await boot(folder, record);
    const daemon = await startExporter(folder, crashes, '--node.name=labhost');
    const server = await startAlarm(prometheus.path, folder, daemon.port);
    expect(await arrayAddress(guest)).toBeUndefined();
    for (const error of MACHINE.errors) await inject(guest, error);
    record.tell(`injected ${listed(MACHINE.errors)}`);
    await expect(startLiveExporter(guest)).rejects.toThrow('does not count hardware errors');
    expect(await liveMetrics(guest)).toBe('');
    record.tell('this boot: the exporter in the guest has no counters, and says why');
    await crash(guest);
    record.tell(`crashed; the crash kernel wrote ${dumpIn(crashes)}`);
    const recorded = await recordedCrash(daemon.url);
    record.tell(`the exporter: ${recorded.verdict.text}\n${JSON.stringify(recorded)}`);
    expect(recorded).toMatchObject({
      hwerr: { kind: 'absent', reason: 'kernel_without_hwerr' },
      panicMessage: 'Kernel panic - not syncing: sysrq triggered crash',
    });
    const error = lastSevere(labKernel(KERNEL).release);
    const part = partName(error.part as HardwareEvent['part']);
    const { category, severity } = error;
    expect(recorded.verdict).toMatchObject({
      kind: 'logged_suspect',
      error: { category, severity, part },
    });
    const exposed = await daemon.metrics();
    expect(exposed).toContain('hwerr_crashes_total 1\n');
    expect(exposed).toContain('hwerr_dumps_without_hwerr_data_total 1\n');
    const [alert] = await alertsOf(server, 'HwerrLoggedErrorBeforeCrash', 1);
    record.tell(inWords(alert!));
    expect(alert!.annotations['summary']).toBe(
      `labhost crashed shortly after a hardware error in its log (${category})`,
    );
    expect(alert!.annotations['description']).toContain(
      `has a hardware error of category ${category} at ${part} shortly before`,
    );
    record.keep(`${MACHINE.name}-${KERNEL}-${LAYOUT}`);
  });

  it.skipIf(OLD)(
    'survives errors, shows them live, crashes, and leaves a dump that says the same',
    async () => {
      const folder = tempDir();
      const record = new RunRecord(TITLE, folder);
      const { guest, crashes } = await boot(folder, record);
      const daemon = await startExporter(folder, crashes, '--node.name=labhost');
      const server = await startAlarm(prometheus.path, folder, daemon.port);

      const address = (await arrayAddress(guest)) ?? '';
      expect(address).toMatch(/^f/);
      // At once: what is forged later looks the same.
      const lastOnes = new Map<string, Between & { readonly logged: number }>();
      const injectOne = async (error: HardwareError, times = error.times): Promise<void> => {
        const time = await inject(guest, error, times);
        const logged = loggedAt(guest, error.logged);
        if (error.category !== undefined) lastOnes.set(error.category, { ...time, logged });
      };
      for (const error of MACHINE.errors) await injectOne(error);
      record.tell(`injected ${listed(MACHINE.errors)}`);
      let truth = await countedBy(guest, address);
      record.tell(`hwerr_data by QEMU's monitor:\n${table(truth)}`);
      expect(countsOf(truth)).toEqual(expectedCounts(MACHINE.errors));

      await startLiveExporter(guest);
      record.tell(`this boot, by the exporter in the guest:\n${await liveMetrics(guest)}`);
      expect(live(await liveMetrics(guest))).toEqual(truth);
      const last = MACHINE.errors.findLast((error) => error.category !== undefined)!;
      const category = last.category!;
      await injectOne(last, 1);
      truth = await countedBy(guest, address);
      expect(truth[category]?.[0]).toBe(expectedCounts(MACHINE.errors)[category]! + 1);
      await eventually(
        'the live view sees one more error',
        async () =>
          live(await liveMetrics(guest))[category]?.[0] === truth[category]?.[0] || undefined,
        60_000,
      );
      expect(live(await liveMetrics(guest))).toEqual(truth);
      const post = await guest.shell(`wget -qO- http://127.0.0.1:${GUEST_PORT}/metrics`);
      for (const one of CATEGORIES) {
        expect(post).toContain(`hwerr_recoverable_errors_total{category="${one}"} 0\n`);
      }
      record.tell(
        `one more ${last.name}: the live view has it, the post-mortem counters have none`,
      );

      const crashed = await crash(guest);
      record.tell(`crashed; the crash kernel wrote ${dumpIn(crashes)}`);
      const recorded = await recordedCrash(daemon.url);
      record.tell(`the exporter: ${recorded.verdict.text}\n${JSON.stringify(recorded)}`);
      const counted = Object.fromEntries(
        (recorded.hwerr.categories ?? []).map((one) => [
          one.category,
          [one.count, one.lastErrorTimestampSeconds ?? 0],
        ]),
      );
      expect(counted).toEqual(truth);
      for (const [one, { from, to }] of lastOnes) {
        expect(counted[one]![1], one).toBeGreaterThanOrEqual(from);
        expect(counted[one]![1], one).toBeLessThanOrEqual(to);
      }
      expect(recorded).toMatchObject({
        host: 'labhost',
        kernelRelease: labKernel(KERNEL).release,
        panicMessage: 'Kernel panic - not syncing: sysrq triggered crash',
        incomplete: false,
        verdict: {
          kind: lastSevere(labKernel(KERNEL).release).counted ? 'suspect' : 'logged_suspect',
          error: { category: lastSevere(labKernel(KERNEL).release).category },
        },
      });
      expect(recorded.crashTimeSeconds).toBeGreaterThanOrEqual(crashed.from);
      expect(recorded.crashTimeSeconds).toBeLessThanOrEqual(crashed.to);

      const exposed = await daemon.metrics();
      for (const [one, [count]] of Object.entries(truth)) {
        expect(exposed).toContain(`hwerr_recoverable_errors_total{category="${one}"} ${count}\n`);
      }
      const lead = `hwerr_last_crash_error_lead_seconds\\{category="${category}"\\} (\\S+)$`;
      const [, leadSeconds] = new RegExp(`^${lead}`, 'm').exec(exposed) ?? [];
      const panicked = loggedAt(guest, /sysrq: Trigger a crash/);
      const elapsed = panicked - lastOnes.get(category)!.logged;
      expect(Math.abs(Number(leadSeconds) - elapsed)).toBeLessThan(LOG_SECONDS);
      expect(exposed).toContain('hwerr_dumps_present{state="incomplete"} 0\n');
      expect(exposed).not.toMatch(/hwerr_dump_decode_failures_total\{.*\} [1-9]/);

      const suspects = CATEGORIES.filter((one) => truth[one]![0] > 0);
      const firing = await alertsOf(server, 'HwerrHardwareErrorBeforeCrash', suspects.length);
      for (const suspect of suspects) {
        const alert = firing.find(({ labels }) => labels['category'] === suspect);
        record.tell(inWords(alert!));
        expect(alert!.annotations['summary']).toBe(
          `labhost crashed shortly after a hardware error (${suspect})`,
        );
        expect(alert!.annotations['description']).toContain(
          `Errors of this category since boot: ${truth[suspect]![0]}.`,
        );
      }
      record.keep(`${MACHINE.name}-${KERNEL}-${LAYOUT}`);
    },
  );
});

async function boot(
  folder: string,
  record: RunRecord,
): Promise<{ guest: SharingGuest; crashes: string }> {
  const kernel = labKernel(KERNEL);
  record.tell(`boots ${kernel.release}`);
  const settings = { MAKEDUMPFILE };
  const started = await startKdumpGuest({
    kernel,
    folder,
    kdump: LAYOUT,
    settings,
    exporter: true,
  });
  record.tell('up, with a crash kernel loaded');
  return started;
}

async function startExporter(
  folder: string,
  crashes: string,
  ...flags: readonly string[]
): Promise<Daemon> {
  const daemon = await startDaemon([
    `--kdump.path=${crashes}`,
    `--ledger.path=${join(folder, 'ledger')}`,
    ...flags,
  ]);
  onTestFinished(() => daemon.stop().then(() => undefined));
  return daemon;
}

async function startLiveExporter(guest: Guest): Promise<void> {
  await guest.shell(
    `/node/node /app/dist/main.js --live.kcore --live.interval=2s --kdump.path=/tmp ` +
      `--ledger.path=/tmp/ledger --web.listen-address=127.0.0.1:${GUEST_PORT} >/tmp/log 2>&1 &`,
  );
  await eventually(
    'the exporter in the guest has read this boot',
    async () => {
      const log = await guest.shell('cat /tmp/log');
      if (log.includes('cannot be read')) throw new Error(log);
      await sleep(2000);
      return log.includes('reading the counters of the running kernel') || undefined;
    },
    300_000,
  );
}

async function liveMetrics(guest: Guest): Promise<string> {
  const answer = await guest.shell(
    `wget -qO- http://127.0.0.1:${GUEST_PORT}/metrics | grep '^hwerr_live'`,
  );
  return answer.trimEnd();
}

function live(metrics: string): Counted {
  const value = (name: string, category: string): number =>
    Number(
      new RegExp(`^hwerr_live_${name}\\{category="${category}"\\} (\\d+)$`, 'm').exec(metrics)?.[1],
    );
  return Object.fromEntries(
    CATEGORIES.map((category) => [
      category,
      [
        value('recoverable_errors_total', category),
        value('last_error_timestamp_seconds', category),
      ] as const,
    ]),
  );
}

function dumpIn(crashes: string): string {
  return readdirSync(crashes, { recursive: true, encoding: 'utf8' }).sort().join(' ');
}

function table(counted: Counted): string {
  return Object.entries(counted)
    .map(([category, [count, seconds]]) => `  ${category} ${count} ${seconds}`)
    .join('\n');
}
