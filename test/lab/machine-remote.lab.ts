// A Debian machine whose kdump-tools sends its dump to another, the collector, which runs the exporter in central
// mode: by ssh; and by NFS, where the exporter reads the dumps over NFS too, and the server goes away meanwhile.

import { describe, expect, it } from 'vitest';

import { samplesIn } from '../support/daemon/running-daemon.ts';
import { eventually } from '../support/system/eventually.ts';
import { tempDir } from '../support/system/temp-dir.ts';
import { bootedMachine, goOn } from './booted-machine.ts';
import { inject } from './guest-errors.ts';
import { DUMP_MS, crash } from './machine-crash.ts';
import { MACHINE } from './machines.ts';
import { recordedCrash } from './recorded-crash.ts';
import { RunRecord } from './run-record.ts';
import { CABLE_NET, type WholeMachine } from './whole-machine.ts';

/** One that is more than corrected. */
const ERROR = MACHINE.errors.find(({ name }) => name === 'PCIe error')!;
const COLLECTOR = `${CABLE_NET}.1`;
const SETTINGS = '/etc/default/kdump-tools';
/** A name for its dumps that tells machines apart. */
const BY_NAME = `echo HOSTTAG=hostname >>${SETTINGS}`;
/** The disk may have to be made first. */
const LONGEST_MS = 2_400_000;
const RECORDED = {
  host: 'labhost',
  incomplete: false,
  panicMessage: 'Kernel panic - not syncing: sysrq triggered crash',
  verdict: { error: { category: 'pci', severity: 'recoverable', part: '0000:00:1c.0' } },
};

describe('a Debian machine whose dumps go to another', () => {
  it(
    'by ssh: the collector tells of its panic',
    async () => {
      const record = new RunRecord(
        'npm run lab:remote: dumps by ssh, two Debian machines, QEMU without KVM',
        '',
      );
      const { machine, collector } = await twoMachines(record);
      await tell(
        record,
        collector,
        'systemctl start ssh; echo HWERR_MODE=central >>/etc/default/hwerr-exporter; systemctl start hwerr-exporter',
      );
      const key = await machine.shell(
        'mkdir -p -m 700 /root/.ssh; ssh-keygen -q -t rsa -N "" -f /root/.ssh/kdump_id_rsa; cat /root/.ssh/kdump_id_rsa.pub',
      );
      await collector.shell(
        `mkdir -p -m 700 /root/.ssh; echo '${key.trim()}' >/root/.ssh/authorized_keys`,
      );
      await tell(
        record,
        machine,
        `ssh-keyscan ${COLLECTOR} >/root/.ssh/known_hosts; echo 'SSH="root@${COLLECTOR}"' >>${SETTINGS}; ${BY_NAME}
         ssh -i /root/.ssh/kdump_id_rsa root@${COLLECTOR} hostname`,
      );
      await inject(machine, ERROR);
      await crash(machine, 2);
      expect(machine.console()).toContain(`saved vmcore in root@${COLLECTOR}:/var/crash/labhost-`);
      await tell(record, collector, 'find /var/crash -type f -printf "%p %s %m %u\\n"');
      await hasOne(collector, record);
      record.keep('machine-ssh');
    },
    LONGEST_MS,
  );

  it(
    'by NFS: an exporter that mounts them tells of its panic, and goes on when the server was away',
    async () => {
      const record = new RunRecord(
        'npm run lab:remote: dumps by NFS, two Debian machines, QEMU without KVM',
        '',
      );
      const { machine, collector } = await twoMachines(record);
      await tell(
        record,
        collector,
        `chown nobody:nogroup /var/crash; systemctl enable --quiet nfs-server
         echo '/var/crash ${CABLE_NET}.0/24(rw,sync,root_squash,no_subtree_check)' >/etc/exports
         systemctl start nfs-server; exportfs -v; sync`,
      );
      await tell(record, machine, `echo 'NFS="${COLLECTOR}:/var/crash"' >>${SETTINGS}; ${BY_NAME}`);
      await inject(machine, ERROR);
      await crash(machine, 2);
      expect(machine.console()).toContain(`saved vmcore in /var/crash/labhost-`);
      await tell(
        record,
        machine,
        `mkdir -p /export/crash; mount -t nfs -o ro,hard ${COLLECTOR}:/var/crash /export/crash
         printf 'HWERR_MODE=central\\nHWERR_KDUMP_PATH=/export/crash\\nHWERR_KDUMP_RESCAN=5s\\n' >>/etc/default/hwerr-exporter
         mkdir -p /etc/apparmor.d/local; echo '/export/crash/{,**} r,' >/etc/apparmor.d/local/hwerr-exporter
         apparmor_parser --replace /etc/apparmor.d/hwerr-exporter; systemctl restart hwerr-exporter
         ls -lnR /export/crash`,
      );
      await hasOne(machine, record);

      await collector.monitor('system_reset');
      record.tell('the server is reset');
      await eventually(
        'the exporter says that it cannot look',
        async () => {
          return (
            (await metrics(machine)).get('hwerr_directory_up{directory="/export/crash"}') === 0 ||
            undefined
          );
        },
        DUMP_MS,
      );
      record.tell(`meanwhile: ${(await crashes(machine)).length} crash`);
      expect(await crashes(machine)).toHaveLength(1);
      await collector.booted();
      record.tell('the server is back');
      await eventually(
        'the exporter looks again',
        async () => {
          return (
            (await metrics(machine)).get('hwerr_directory_up{directory="/export/crash"}') === 1 ||
            undefined
          );
        },
        DUMP_MS,
      );
      await tell(
        record,
        collector,
        `mv /var/crash/labhost-* /var/crash/moved; install -d /var/crash/other
         install -m 644 /usr/lib/hwerr-exporter/lib/sample.vmcore.gz /var/crash/other/dump.gz`,
      );
      await eventually(
        'the other is told of',
        async () => {
          return (await crashes(machine)).length === 2 || undefined;
        },
        DUMP_MS,
      );
      record.tell('a dump moved on the server, and one more: two crashes');
      record.tell(await machine.shell('journalctl --unit hwerr-exporter --no-pager --output cat'));
      expect(machine.console()).not.toMatch(/apparmor="DENIED".*profile="hwerr-exporter"/);
      record.keep('machine-nfs');
    },
    LONGEST_MS,
  );
});

/** Each has the other on its cable. */
async function twoMachines(
  record: RunRecord,
): Promise<Record<'machine' | 'collector', WholeMachine>> {
  const [here, there] = [tempDir(), tempDir()];
  const booted = await bootedMachine(record);
  const collector = await goOn(booted, there);
  await collector.connect(`${there}/cable`, 1);
  const machine = await goOn(booted, here);
  await machine.connect(`${there}/cable`, 2);
  await collector.shell('hostnamectl set-hostname collector');
  await tell(record, machine, `until ip -brief address | grep ${CABLE_NET}.2; do sleep 1; done`);
  return { machine, collector };
}

async function tell(record: RunRecord, machine: WholeMachine, command: string): Promise<void> {
  record.tell(`# ${command}\n${await machine.shell(command)}`);
}

async function hasOne(machine: WholeMachine, record: RunRecord): Promise<void> {
  const recorded = await recordedCrash(machine.url, DUMP_MS);
  record.tell(`the exporter: ${recorded.verdict.text}\n${JSON.stringify(recorded)}`);
  expect(recorded).toMatchObject(RECORDED);
  const probed = await fetch(`${machine.url}/probe?target=labhost`);
  expect(samplesIn(await probed.text()).get('hwerr_crashes_total')).toBe(1);
}

async function metrics(machine: WholeMachine): Promise<ReadonlyMap<string, number>> {
  return samplesIn(await (await fetch(`${machine.url}/metrics`)).text());
}

async function crashes(machine: WholeMachine): Promise<readonly unknown[]> {
  const answer = await fetch(`${machine.url}/api/v1/crashes`);
  return ((await answer.json()) as { crashes: unknown[] }).crashes;
}
