// Panics of a whole Debian machine that do not go as the defaults of kdump-tools have it: a dump that is packed, a
// disk that is full, no kdump but pstore, and both. The exporter must tell of each, and once.

import { isDeepStrictEqual } from 'node:util';

import { describe, expect, it } from 'vitest';

import { eventually } from '../support/system/eventually.ts';
import type { Prometheus } from '../support/daemon/prometheus.ts';
import { tempDir } from '../support/system/temp-dir.ts';
import { needsTool } from '../support/system/tools.ts';
import { alertsOf, inWords, startAlarm } from './alarm.ts';
import { bootedMachine, goOn } from './booted-machine.ts';
import { type Between, inject } from './guest-errors.ts';
import { DUMP_MS, ERROR, TOLD, crash, doctor, isConfined } from './machine-crash.ts';
import { type RecordedCrash, recordedCrash } from './recorded-crash.ts';
import { RunRecord } from './run-record.ts';
import { SURVIVING_BYTES, type WholeMachine } from './whole-machine.ts';

const DATED = { ...TOLD, crashTimeSeconds: expect.any(Number) as number };
const SUSPECTED = ['HwerrKernelCrashed', 'HwerrLoggedErrorBeforeCrash'];
/** What a full disk still has for a dump, which has some 28 MiB. */
const LEFT_MIB = 10;
/** The disk may have to be made first. */
const LONGEST_MS = 2_400_000;

const SETTINGS = '/etc/default/kdump-tools';
/** As an administrator has it, on a machine with memory that survives a reset: a BAR of QEMU's ivshmem. */
const RAMOOPS = `
for card in /sys/bus/pci/devices/*; do
  [ "$(<$card/device)" = 0x1110 ] && address=$(sed -n '3s/ .*//p' $card/resource)
done
echo options ramoops mem_address=$address mem_size=${SURVIVING_BYTES} record_size=131072 >/etc/modprobe.d/ramoops.conf
echo ramoops >/etc/modules-load.d/ramoops.conf
modprobe ramoops
cat /etc/modprobe.d/ramoops.conf; ls -ld /sys/fs/pstore`;

/** ext4 gives no file all that it calls free: the rest is filled by writing. */
const FILL = `
sync
fallocate -l $(($(stat -f -c '%f * %S' /) - 64 * 1048576)) /filler
cat /dev/zero >/filler-of-the-rest || true
truncate -s -${LEFT_MIB}M /filler-of-the-rest
sync; df -h /`;

const prometheus = needsTool('prometheus');

describe('a Debian machine', () => {
  it(
    'tells of a panic whose dump kdump-tools has packed',
    async () => {
      const scene = await Scene.begin('compressed', 'KDUMP_COMPRESSION=gzip');
      await scene.shell(`sed -i 's/^#KDUMP_COMPRESSION=.*/KDUMP_COMPRESSION=gzip/' ${SETTINGS}`);
      await scene.crash(2);
      expect(await scene.files()).toMatch(/\/dump\.\d{12}\.gz /);
      await scene.recorded({ ...DATED, incomplete: false });
      await scene.end(SUSPECTED);
    },
    LONGEST_MS,
  );

  it(
    'tells of a panic whose dump found the disk full, once there is room',
    async () => {
      const scene = await Scene.begin('full-disk', `a disk with ${LEFT_MIB} MiB left`);
      await scene.shell('echo HWERR_KDUMP_INCOMPLETE_AFTER=30s >>/etc/default/hwerr-exporter');
      await scene.shell(FILL);
      await scene.crash(2);
      expect(await scene.files()).toMatch(/-incomplete /);
      // systemd makes its private /tmp and /dev on that disk, so the unit does not start either.
      const said = await doctor(scene.machine, scene.record);
      expect(said).toContain('no space left on device');
      expect(said).toContain('no exporter answers');
      await scene.shell('rm /filler*');
      // The log is that of dmesg.STAMP beside it.
      const log = { source: 'text', forgeable: true };
      await scene.recorded({ ...DATED, incomplete: true, log });
      await scene.end(['HwerrKernelCrashed']);
    },
    LONGEST_MS,
  );

  it(
    'tells of a panic without kdump by what pstore has',
    async () => {
      const scene = await Scene.begin('pstore', 'no kdump, ramoops');
      await scene.shell(`sed -i s/^USE_KDUMP=.*/USE_KDUMP=0/ ${SETTINGS}; kdump-config unload`);
      await scene.shell(RAMOOPS);
      await scene.shell('sysctl kernel.panic=1');
      await scene.crash(1);
      await scene.files();
      // The record has the time of the crash; what systemd-pstore moves it to has not.
      const hwerr = { kind: 'absent', reason: 'pstore' };
      await scene.recorded({ ...TOLD, hwerr, crashTimeSeconds: null });
      await scene.end(SUSPECTED);
    },
    LONGEST_MS,
  );

  it(
    'tells once of a panic of which there are a dump and records in pstore',
    async () => {
      const scene = await Scene.begin('dump-and-pstore', 'kdump and ramoops');
      await scene.shell(RAMOOPS);
      await scene.shell('echo 1 >/sys/module/kernel/parameters/crash_kexec_post_notifiers');
      await scene.crash(2);
      expect(await scene.files()).toMatch(/\/dump\.\d{12} /);
      await eventually('record and dump are one crash', async () => {
        const { dumps } = await recordedCrash(scene.machine.url, DUMP_MS);
        return dumps.length > 1 || undefined;
      });
      await scene.recorded({ ...DATED, incomplete: false });
      await scene.end(SUSPECTED);
    },
    LONGEST_MS,
  );
});

/** A machine that has booted, and the host's Prometheus that scrapes it. */
class Scene {
  readonly machine: WholeMachine;
  readonly record: RunRecord;
  readonly #server: Prometheus;
  readonly #name: string;
  #crashed: Between = { from: NaN, to: NaN };

  private constructor(name: string, machine: WholeMachine, record: RunRecord, server: Prometheus) {
    this.#name = name;
    this.machine = machine;
    this.record = record;
    this.#server = server;
  }

  /** @param what is other than by default. */
  static async begin(name: string, what: string): Promise<Scene> {
    const folder = tempDir();
    const record = new RunRecord(
      `npm run lab:crashes: ${what}, Debian machine, QEMU without KVM`,
      folder,
    );
    const machine = await goOn(await bootedMachine(record), folder);
    const server = await startAlarm(prometheus.path, folder, Number(new URL(machine.url).port));
    return new Scene(name, machine, record, server);
  }

  /** What an administrator does. */
  async shell(command: string): Promise<void> {
    this.record.tell(`# ${command}\n${await this.machine.shell(`set -e; ${command}`)}`);
  }

  /** After an error, with the exporter running. @param kernels as of crash(). */
  async crash(kernels: 1 | 2): Promise<void> {
    const { machine, record } = this;
    await this.shell('systemctl start hwerr-exporter');
    await this.counted('hwerr_crashes_total', 0);
    await this.counted('hwerr_kexec_crash_loaded', kernels - 1);
    await inject(machine, ERROR);
    record.tell(`injected ${ERROR.times} ${ERROR.name}s`);
    this.#crashed = await crash(machine, kernels);
    record.tell('crashed and booted again');
  }

  /** Prometheus has scraped that value. */
  async counted(name: string, value: number): Promise<void> {
    await eventually(`${name} is ${value}`, async () => {
      return isDeepStrictEqual(await this.#server.query(name), { '': value }) || undefined;
    });
    this.record.tell(`${name} ${value}`);
  }

  /** What the crash has left, as a listing. */
  async files(): Promise<string> {
    const command =
      'find /var/crash /sys/fs/pstore /var/lib/systemd/pstore -type f -printf "%p %s %m %u\\n"';
    const found = await this.machine.shell(command);
    this.record.tell(found);
    return found;
  }

  /** The one crash, which must be so. */
  async recorded(expected: object): Promise<RecordedCrash> {
    const recorded = await recordedCrash(this.machine.url, DUMP_MS);
    this.record.tell(`the exporter: ${recorded.verdict.text}\n${JSON.stringify(recorded)}`);
    expect(recorded).toMatchObject({ host: 'labhost', ...expected });
    if (recorded.crashTimeSeconds !== null) {
      expect(recorded.crashTimeSeconds).toBeGreaterThanOrEqual(this.#crashed.from);
      expect(recorded.crashTimeSeconds).toBeLessThanOrEqual(this.#crashed.to);
    }
    return recorded;
  }

  async alert(name: string): Promise<void> {
    for (const firing of await alertsOf(this.#server, name, 1)) this.record.tell(inWords(firing));
  }

  /** The alarm is raised, and AppArmor has let the exporter do all of this. */
  async end(alerts: readonly string[]): Promise<void> {
    const { machine, record } = this;
    for (const name of alerts) await this.alert(name);
    await this.counted('hwerr_crashes_total', 1);
    await doctor(machine, record);
    record.tell(await machine.shell('journalctl --unit hwerr-exporter --no-pager --output cat'));
    await isConfined(machine);
    record.keep(`machine-${this.#name}`);
  }
}
