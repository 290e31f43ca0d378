// One Debian machine crashes, and another collects its dump: over ssh, over NFS, and as a client of the crashing
// machine's own NFS server. The collector's exporter runs in central mode; Prometheus on the host scrapes it.

import { onTestFinished, describe, expect, it } from 'vitest';

import { Cleanup } from '../deploy/processes.ts';
import { type Prometheus, startPrometheus } from '../deploy/prometheus.ts';
import { eventually } from '../support/system/eventually.ts';
import { tempDir } from '../support/system/temp-dir.ts';
import { needsTool } from '../support/system/tools.ts';
import { alertsOf, inWords } from './alarm.ts';
import { bootedMachine } from './booted-machine.ts';
import { inject } from './guest-errors.ts';
import {
  ADDRESSES,
  type HostName,
  type LinkedMachines,
  linkedMachines,
} from './linked-machines.ts';
import { DUMP_MS, ERROR, TOLD, crash, doctor, isConfined } from './machine-crash.ts';
import { recordedCrash } from './recorded-crash.ts';
import { RunRecord } from './run-record.ts';

const EXPECTED = { ...TOLD, host: 'labhost', incomplete: false };
/** The disk may have to be made first. */
const LONGEST_MS = 3_000_000;

const KDUMP = '/etc/default/kdump-tools';
const EXPORTER = '/etc/default/hwerr-exporter';
const KEY = '/root/.ssh/kdump_id_rsa';
const SAMPLE = '/usr/lib/hwerr-exporter/lib/sample.vmcore.gz';

/** Changes with a restart. */
const PROCESS = 'systemctl show hwerr-exporter --property MainPID --property NRestarts';

const prometheus = needsTool('prometheus');

describe('an exporter in central mode, on a Debian machine', () => {
  it(
    'records the crash of a machine whose kdump-tools writes over ssh',
    async () => {
      const scene = await Scene.begin('ssh', 'kdump-tools writes over ssh');
      const { collector } = ADDRESSES;
      await scene.shell('collector', 'systemctl enable --now ssh; useradd --create-home kdump');
      await scene.shell('collector', 'chown kdump /var/crash');
      await scene.shell(
        'labhost',
        `mkdir -p -m 700 /root/.ssh; ssh-keygen -q -t rsa -N '' -f ${KEY}
        ssh-keyscan ${collector} >/root/.ssh/known_hosts 2>/dev/null`,
      );
      const key = await scene.machines.labhost.shell(`cat ${KEY}.pub`);
      await scene.machines.collector.shell(
        `install -d -o kdump -m 700 ~kdump/.ssh; echo '${key}' >~kdump/.ssh/authorized_keys`,
      );
      await scene.shell(
        'labhost',
        `echo SSH=kdump@${collector} >>${KDUMP}; export HOME=/root; kdump-config propagate; kdump-config show; sync`,
      );
      await scene.start('/var/crash');
      await scene.crash();
      await scene.recorded();
      await scene.end();
    },
    LONGEST_MS,
  );

  it(
    'records the crash of a machine whose kdump-tools writes to an NFS server that reboots meanwhile',
    async () => {
      const scene = await Scene.begin('nfs', 'kdump-tools writes to the NFS server, which reboots');
      const { labhost, collector } = ADDRESSES;
      await scene.shell(
        'collector',
        `install -d -o nobody -g nogroup /export/crash
        echo '/export/crash ${labhost}(rw,root_squash,sync,no_subtree_check)' >/etc/exports
        systemctl enable --now nfs-server; exportfs -v
        echo '/export/crash/{,**} r,' >>/etc/apparmor.d/local/hwerr-exporter
        apparmor_parser -r /etc/apparmor.d/hwerr-exporter`,
      );
      // By default kdump-tools gives up after some minutes; beside much other work a boot may take longer.
      await scene.shell(
        'labhost',
        `printf 'NFS=${collector}:/export/crash\\nNFS_TIMEO=3000\\n' >>${KDUMP}; sync`,
      );
      await scene.start('/export/crash');
      const { machines } = scene;
      await scene.crash(async () => {
        await scene.shell(
          'collector',
          'until ls -l /export/crash/*/dump-incomplete 2>/dev/null; do sleep 0.1; done',
        );
        await machines.collector.execute('system_reset', {});
        scene.record.tell('collector: reset');
        await machines.collector.booted();
        await scene.shell('collector', 'systemctl is-system-running --wait || systemctl --failed');
      });
      await scene.recorded();
      await scene.end();
    },
    LONGEST_MS,
  );

  it(
    'records the crash of the NFS server whose export it watches, and says what is wrong meanwhile',
    async () => {
      const scene = await Scene.begin(
        'nfs-client',
        "the collector watches the crashing machine's export",
      );
      const { labhost, collector } = ADDRESSES;
      const mount = `mount -t nfs -o ro ${labhost}:/var/crash /var/crash`;
      await scene.shell(
        'labhost',
        `echo '/var/crash ${collector}(ro,root_squash,sync,no_subtree_check)' >/etc/exports
        systemctl start nfs-server; exportfs -v`,
      );
      await scene.shell('collector', `${mount}; findmnt /var/crash`);
      await scene.start('/var/crash');
      const running = await scene.shell('collector', PROCESS);

      await scene.shell('labhost', `install -D -m 600 ${SAMPLE} /var/crash/old/vmcore`);
      await scene.journal('vmcore: EACCES');
      await doctor(scene.machines.collector, scene.record);
      await scene.shell(
        'labhost',
        'chgrp hwerr-exporter /var/crash/old/vmcore; chmod 640 /var/crash/old/vmcore; sync',
      );
      await scene.journal('dump decoded.*old/vmcore');

      // The machine boots faster than a scan takes long: its server starts when that was seen.
      await scene.crash(
        async () => {
          await scene.journal('scanning the dump directory takes long');
          await doctor(scene.machines.collector, scene.record);
        },
        () => scene.shell('labhost', 'systemctl start nfs-server'),
      );
      await scene.recorded();

      await scene.shell(
        'labhost',
        'cp -a /var/crash /var/crash.new; rm -r /var/crash; mv /var/crash.new /var/crash; exportfs -f',
      );
      await scene.journal('cannot scan the dump directory');
      await doctor(scene.machines.collector, scene.record);
      await scene.shell('collector', `umount /var/crash; ${mount}`);
      await scene.journal('the dump directory can be scanned again');
      expect(await scene.shell('collector', PROCESS)).toBe(running);
      await scene.recorded();
      await scene.end();
    },
    LONGEST_MS,
  );
});

/** Two machines, and the host's Prometheus that scrapes the collector. */
class Scene {
  readonly machines: LinkedMachines;
  readonly record: RunRecord;
  readonly #server: Prometheus;
  readonly #name: string;

  private constructor(
    name: string,
    machines: LinkedMachines,
    record: RunRecord,
    server: Prometheus,
  ) {
    this.#name = name;
    this.machines = machines;
    this.record = record;
    this.#server = server;
  }

  static async begin(name: string, what: string): Promise<Scene> {
    const folder = tempDir();
    const record = new RunRecord(
      `npm run lab:network: ${what}, two Debian machines, QEMU without KVM`,
      folder,
    );
    const machines = await linkedMachines(await bootedMachine(record), folder);
    const cleanup = new Cleanup();
    onTestFinished(() => cleanup.run());
    const daemon = new URL(machines.collector.url).host;
    const config = 'prometheus-central.yml';
    const server = await startPrometheus(prometheus.path, { daemon, config }, cleanup);
    return new Scene(name, machines, record, server);
  }

  /** What an administrator does. */
  async shell(host: HostName, command: string): Promise<string> {
    const answer = await this.machines[host].shell(`set -e; ${command}`);
    this.record.tell(`${host}# ${command}\n${answer}`);
    return answer;
  }

  /** The exporter of the collector. */
  async start(directory: string): Promise<void> {
    await this.shell(
      'collector',
      `printf 'HWERR_MODE=central\\nHWERR_KDUMP_PATH=${directory}\\n' >>${EXPORTER}
      systemctl start hwerr-exporter; sync`,
    );
    await this.#counted('hwerr_hosts_tracked', 0);
    expect(await doctor(this.machines.collector, this.record)).toContain('exit code 0\n');
  }

  /** Waits until the exporter has logged this. */
  async journal(pattern: string): Promise<void> {
    const log = 'journalctl --unit hwerr-exporter --no-pager --output cat';
    await this.shell('collector', `until ${log} | grep '${pattern}'; do sleep 1; done`);
  }

  /** labhost, after an error. @param meanwhile while it saves its dump. @param then when it has booted again. */
  async crash(
    meanwhile: () => Promise<unknown> = () => Promise.resolve(),
    then: () => Promise<unknown> = () => Promise.resolve(),
  ): Promise<void> {
    const { labhost } = this.machines;
    await inject(labhost, ERROR);
    this.record.tell(`labhost: injected ${ERROR.times} ${ERROR.name}s`);
    await Promise.all([crash(labhost, 2), meanwhile()]);
    this.record.tell('labhost: crashed and booted again');
    await then();
    const said = labhost.console().matchAll(/^\[ *[\d.]+\] kdump-tools\[\d+\]: .*$/gm);
    this.record.tell([...said].join('\n'));
    await this.shell(
      'collector',
      'find $(sed -n s/^HWERR_KDUMP_PATH=//p ' + EXPORTER + ') -type f -printf "%p %s %m %u\\n"',
    );
  }

  /** The one crash of labhost. */
  async recorded(): Promise<void> {
    const { url } = this.machines.collector;
    const recorded = await recordedCrash(url, DUMP_MS, '?host=labhost');
    this.record.tell(`the exporter: ${recorded.verdict.text}\n${JSON.stringify(recorded)}`);
    expect(recorded).toMatchObject(EXPECTED);
  }

  /** Prometheus has the crash, and AppArmor has let the exporter do all of this. */
  async end(): Promise<void> {
    const { collector } = this.machines;
    await this.#counted('hwerr_crashes_total{instance="labhost"}', 1);
    for (const name of ['HwerrKernelCrashed', 'HwerrLoggedErrorBeforeCrash']) {
      const ours = await eventually(`${name} is about labhost`, async () =>
        (await alertsOf(this.#server, name, 1)).find(
          ({ labels }) => labels['instance'] === 'labhost',
        ),
      );
      this.record.tell(inWords(ours));
    }
    expect(await doctor(collector, this.record)).toContain('exit code 0\n');
    await this.shell('collector', 'journalctl --unit hwerr-exporter --no-pager --output cat');
    await isConfined(collector);
    this.record.keep(`machine-network-${this.#name}`);
  }

  /** Prometheus has scraped that value. */
  async #counted(expression: string, value: number): Promise<void> {
    await eventually(`${expression} is ${value}`, async () => {
      const [series, ...others] = await this.#server.query(expression);
      return (series?.points[0]?.[1] === value && others.length === 0) || undefined;
    });
    this.record.tell(`${expression} ${value}`);
  }
}
