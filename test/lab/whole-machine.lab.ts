// The whole story on a whole machine: Debian with systemd boots, the unit of the package runs, hardware errors
// come, the kernel panics, kdump-tools saves the dump and starts the machine anew, the exporter tells of the
// crash, and Prometheus on the host raises the alarm.

import { isDeepStrictEqual } from 'node:util';

import { describe, expect, it } from 'vitest';

import { type HardwareEvent, partName } from '../../src/vmcore/index.ts';
import { eventually } from '../support/system/eventually.ts';
import { tempDir } from '../support/system/temp-dir.ts';
import { needsTool } from '../support/system/tools.ts';
import { alertsOf, inWords, startAlarm } from './alarm.ts';
import { expectedCounts, inject, lastSevere, listed } from './guest-errors.ts';
import { machineImage } from './machine-image.ts';
import { DUMP_MS, crash, doctor } from './machine-crash.ts';
import { MACHINE } from './machines.ts';
import { recordedCrash } from './recorded-crash.ts';
import { RunRecord } from './run-record.ts';
import { type WholeMachine, startMachine } from './whole-machine.ts';

/** 6.19 brought the array. */
const COUNTS = /^(6\.(19|[2-9]\d)|[7-9])\./;
/** With the disk to be made first. */
const LONGEST_MS = 2_400_000;
/** systemd-analyze security; test/deploy/systemd.test.ts has the same for the unit alone. */
const EXPOSURE = 1.5;

const prometheus = needsTool('prometheus');

describe('a Debian machine', () => {
  it(
    'tells after a panic what it had before it, by kdump-tools and the package as they come',
    async () => {
      const folder = tempDir();
      const image = machineImage();
      const record = new RunRecord(
        `npm run lab:machine: Debian ${image.suite}, kdump-tools, the exporter's .deb, QEMU without KVM`,
        folder,
      );
      record.tell('boots');
      const machine = await startMachine({ image, disk: image.disk, folder });
      await machine.booted();
      const server = await startAlarm(prometheus.path, folder, Number(new URL(machine.url).port));
      record.tell(`is up: ${await machine.shell('systemctl is-system-running --wait')}`);
      const release = (await machine.shell('uname -r')).trim();
      record.tell(
        `Linux ${release}\n${await machine.shell('systemctl --failed --no-pager; systemd-analyze')}`,
      );
      expect(await machine.shell('systemctl is-system-running')).toBe('running\n');
      record.tell(await machine.shell('systemctl status hwerr-exporter --no-pager --full'));
      expect(await machine.shell('systemctl is-active hwerr-exporter')).toBe('active\n');
      const security = await machine.shell(
        'systemd-analyze security hwerr-exporter --no-pager | tail -n 1',
      );
      record.tell(security);
      expect(
        Number(/Overall exposure level for .*: ([\d.]+)/.exec(security)?.[1]),
      ).toBeLessThanOrEqual(EXPOSURE);
      await eventually('Prometheus has scraped it', async () => {
        const found = await server.query('hwerr_crashes_total');
        return isDeepStrictEqual(found, { '': 0 }) || undefined;
      });
      await isWell(machine, record);

      for (const error of MACHINE.errors) await inject(machine, error);
      record.tell(`injected ${listed(MACHINE.errors)}`);
      const crashed = await crash(machine, 2);
      expect(machine.console()).toContain('saved vmcore in /var/crash/');
      record.tell('crashed, saved its dump, and booted again');
      record.tell(await machine.shell('find /var/crash -type f -printf "%p %s %m %u\\n"'));

      const recorded = await recordedCrash(machine.url, DUMP_MS);
      record.tell(`the exporter: ${recorded.verdict.text}\n${JSON.stringify(recorded)}`);
      const { category, severity, part, counted } = lastSevere(release);
      const named = partName(part as HardwareEvent['part']);
      expect(recorded).toMatchObject({
        host: 'labhost',
        kernelRelease: release,
        panicMessage: 'Kernel panic - not syncing: sysrq triggered crash',
        incomplete: false,
        verdict: { error: { category, severity, part: named } },
      });
      expect(recorded.crashTimeSeconds).toBeGreaterThanOrEqual(crashed.from);
      expect(recorded.crashTimeSeconds).toBeLessThanOrEqual(crashed.to);
      const counts = recorded.hwerr.categories?.map((one) => [one.category, one.count]);
      expect(counts && Object.fromEntries(counts)).toEqual(
        COUNTS.test(release) ? expectedCounts(MACHINE.errors) : undefined,
      );
      const name =
        COUNTS.test(release) && counted
          ? 'HwerrHardwareErrorBeforeCrash'
          : 'HwerrLoggedErrorBeforeCrash';
      for (const alert of ['HwerrKernelCrashed', name]) {
        for (const firing of await alertsOf(server, alert, 1)) record.tell(inWords(firing));
      }
      await isWell(machine, record);
      const journal = await machine.shell(
        'journalctl --unit hwerr-exporter --no-pager --output cat',
      );
      record.tell(`its journal:\n${journal}`);
      expect(journal).not.toMatch(/level=(warn|error)/);
      record.keep(`machine-${image.suite}`);
    },
    LONGEST_MS,
  );
});

/** By the exporter's own account. */
async function isWell(machine: WholeMachine, record: RunRecord): Promise<void> {
  expect(await doctor(machine, record)).toContain('exit code 0\n');
}
