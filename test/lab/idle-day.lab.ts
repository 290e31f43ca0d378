// A day on which nothing happens, on a Debian machine whose clock runs ahead: while the machine is idle, its time
// jumps to its next timer. The exporter is scraped every minute; its cgroup says what it took.

import { expect, it } from 'vitest';

import { machineImage } from './machine-image.ts';
import { RunRecord } from './run-record.ts';
import { startMachine } from './whole-machine.ts';
import { tempDir } from '../support/system/temp-dir.ts';

const HOURS = Number(process.env['HWERR_LAB_HOURS'] ?? 24);
/** Of the host. The disk may have to be made first. */
const START_MS = 1_800_000;
const HOUR_MS = 600_000;
/** The first hours fill its caches and those of V8. */
const SETTLED_HOUR = 3;
/** After them, its anonymous memory may be higher by no more: V8's heap grows and shrinks by 10 MiB. */
const RISE_MIB = 16;
/** And all of its memory not at all, but for pages that the kernel counts late. */
const PEAK_RISE_MIB = 4;

const START = `
install -d /var/crash/202611290000
install -m 600 /usr/lib/hwerr-exporter/lib/sample.vmcore.gz /var/crash/202611290000/dump.202611290000.gz
systemctl start hwerr-exporter`;

/** Ends after an hour of the machine. The first scrape of an hour is left out of its CPU time: it waits for START. */
const HOUR = `
get() { exec 3<>/dev/tcp/127.0.0.1/10048 && printf 'GET /metrics HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3 && cat <&3; }
used() { sed -n 's/^usage_usec //p' cpu.stat; }
cd /sys/fs/cgroup/system.slice/hwerr-exporter.service
until get 2>/dev/null | grep -qx 'hwerr_crashes_total 1'; do sleep 1; done
before=$(used); began=$(date +%s)
for i in {1..60}; do sleep 60; get >/dev/null; done
sed -n 's/^anon //p' memory.stat
cat memory.current memory.peak
echo $(( $(used) - before )) $(( $(date +%s) - began ))`;

interface Hour {
  readonly anonMib: number;
  readonly memoryMib: number;
  readonly peakMib: number;
  readonly cpuMsPerMinute: number;
}

it(
  `an idle day of ${HOURS} hours takes little, and no more with every hour`,
  async () => {
    const record = new RunRecord(
      `npm run lab:idle: ${HOURS} hours of a Debian machine, QEMU without KVM, 1 ns for each instruction`,
      '',
    );
    const image = machineImage();
    const machine = await startMachine({
      ...{ image, disk: image.disk, folder: tempDir(), runsAhead: true },
    });
    await machine.booted();
    expect(await machine.shell('systemctl is-system-running --wait')).toBe('running\n');
    expect(await machine.shell(START)).toBe('');
    const hours: Hour[] = [];
    for (let hour = 1; hour <= HOURS; hour++) {
      const passed = hourIn(await machine.shell(HOUR));
      hours.push(passed);
      const { anonMib, memoryMib, peakMib, cpuMsPerMinute } = passed;
      record.tell(
        `hour ${hour}: ${cpuMsPerMinute.toFixed(1)} ms of CPU a minute, ${memoryMib.toFixed(1)} MiB, ` +
          `of which ${anonMib.toFixed(1)} MiB anonymous; at most ${peakMib.toFixed(1)} MiB`,
      );
    }
    const settled = hours[Math.min(SETTLED_HOUR, HOURS) - 1]!;
    const last = hours.at(-1)!;
    expect(last.anonMib - settled.anonMib).toBeLessThan(RISE_MIB);
    expect(last.peakMib - settled.peakMib).toBeLessThan(PEAK_RISE_MIB);
    record.keep('machine-idle-day');
  },
  START_MS + HOURS * HOUR_MS,
);

function hourIn(said: string): Hour {
  const [anon, current, peak, cpuUs, seconds] = said.trim().split(/\s+/).map(Number);
  if (!(seconds! >= 3600)) throw new Error(`no hour: ${said}`);
  const mib = (bytes: number): number => bytes / 2 ** 20;
  return {
    anonMib: mib(anon!),
    memoryMib: mib(current!),
    peakMib: mib(peak!),
    cpuMsPerMinute: cpuUs! / 1000 / (seconds! / 60),
  };
}
