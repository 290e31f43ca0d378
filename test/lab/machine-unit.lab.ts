// What the unit and its pages offer, under the systemd of a Debian machine: one boot, one list of checks. Each is a
// script for the guest, and what it must say at its end.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { codeBlocks } from '../deploy/markdown.ts';
import { ROOT } from '../deploy/processes.ts';
import { tempDir } from '../support/system/temp-dir.ts';
import { bootedMachine, goOn } from './booted-machine.ts';
import { RunRecord } from './run-record.ts';

/** The disk may have to be made first. */
const LONGEST_MS = 2_400_000;
const IDLE_SECONDS = 120;
const DROP_INS = '/etc/systemd/system/hwerr-exporter.service.d';

/** Of a page: what it says to put into `systemctl edit hwerr-exporter`. */
function dropIn(page: string, setting: string): string {
  const blocks = codeBlocks(readFileSync(join(ROOT, 'deploy/docs', page), 'utf8'), 'ini');
  const block = blocks.find((text) => text.includes(setting));
  if (block === undefined) throw new Error(`${page} has no drop-in with ${setting}`);
  return block;
}

/** For every script: each ends within a time of its own, or says what did not come. */
const PRELUDE = `
set -u
get() { exec 3<>/dev/tcp/127.0.0.1/$1 && printf 'GET %s HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' "$2" >&3 && cat <&3; }
shows() { get 10048 /metrics 2>/dev/null | grep -qx "$1"; }
eventually() { for i in {1..300}; do "$@" && return; sleep 1; done; echo "not within 300 s: $*"; exit 1; }
property() { systemctl show hwerr-exporter --property "$1" --value; }
edit() { mkdir -p ${DROP_INS}; cat >${DROP_INS}/lab.conf; systemctl daemon-reload; systemctl restart hwerr-exporter; }
revert() { rm ${DROP_INS}/lab.conf; systemctl daemon-reload; systemctl restart hwerr-exporter; }
journal() { journalctl --unit hwerr-exporter --no-pager --output cat "$@"; }
score() { systemd-analyze security hwerr-exporter --no-pager | tail -n 1; }
counts() { eventually shows 'hwerr_crashes_total 1'; echo 'counts its crash'; }
`;

interface Check {
  readonly what: string;
  readonly script: string;
  readonly says: RegExp;
}

const CHECKS: readonly Check[] = [
  {
    what: 'reads a dump of root alone, confined by AppArmor',
    script: `install -d /var/crash/202611290000
      install -m 600 /usr/lib/hwerr-exporter/lib/sample.vmcore.gz /var/crash/202611290000/dump.202611290000.gz
      systemctl start hwerr-exporter; counts; cat /proc/$(property MainPID)/attr/current; score`,
    says: /counts its crash\nhwerr-exporter \(enforce\)\n.*: 1\.5 OK/,
  },
  {
    what: `takes little when nothing happens, in ${IDLE_SECONDS} s with a scrape every 15 s`,
    script: `cd /sys/fs/cgroup/system.slice/hwerr-exporter.service; sleep 30
      used() { sed -n 's/^usage_usec //p' cpu.stat; }
      before=$(used); for i in {1..${IDLE_SECONDS / 15}}; do get 10048 /metrics >/dev/null; sleep 15; done
      echo "CPU $(( ($(used) - before) / 1000 )) ms, memory $(( $(<memory.current) >> 20 )) MiB, tasks $(<pids.current)"
      grep -E '^(anon|file) ' memory.stat`,
    says: /CPU \d+ ms, memory \d+ MiB/,
  },
  {
    what: 'reload: reads its web configuration again, and goes on',
    script: `mkdir -p /etc/hwerr-exporter; web=/etc/hwerr-exporter/web.yml
      header() { printf 'http_server_config:\\n  headers:\\n    X-Frame-Options: %s\\n' "$1" >$web; }
      header deny; echo HWERR_WEB_CONFIG_FILE=$web >>/etc/default/hwerr-exporter
      systemctl restart hwerr-exporter; counts; pid=$(property MainPID)
      header sameorigin; systemctl reload hwerr-exporter; echo "exit code $?"
      is_new() { get 10048 / | grep -qi '^x-frame-options: sameorigin'; }
      eventually is_new; [ "$pid" = "$(property MainPID)" ] && echo 'the same process'; journal | grep reloading
      sed -i /WEB_CONFIG/d /etc/default/hwerr-exporter; systemctl restart hwerr-exporter`,
    says: /exit code 0\nthe same process\n.*msg=reloading signal=SIGHUP/,
  },
  {
    what: 'journald killed, its files rotated and thrown away: the log goes on',
    script: `journalctl --rotate --quiet; journalctl --vacuum-files=1 --quiet
      systemctl kill --signal=KILL systemd-journald; counts
      again() { systemctl reload hwerr-exporter; sleep 1; journal --since=-2s | grep reloading; }
      eventually again; property NRestarts`,
    says: /msg=reloading signal=SIGHUP\n0\n$/,
  },
  {
    what: 'killed: comes back, with its crash',
    script:
      'kill -KILL $(property MainPID); eventually shows "hwerr_crashes_total 1"; counts; property NRestarts',
    says: /counts its crash\n1\n$/,
  },
  {
    what: 'more memory than it may have: is killed for it, again and again, and comes back when it may have more',
    script: `printf '[Service]\\nMemoryMax=12M\\n' | edit
      killed() { [ "$(property Result)" = oom-kill ] || [ "$(property NRestarts)" -gt 1 ]; }
      eventually killed; journal | grep -m 1 oom-kill; revert; counts`,
    says: /oom-kill.*\n(.*\n)*counts its crash\n$/,
  },
  {
    what: 'a setting that is wrong: says so, and comes back by itself when it is right',
    script: `echo HWERR_LOG_LEVEL=loud >>/etc/default/hwerr-exporter; systemctl restart hwerr-exporter
      failed() { [ "$(property NRestarts)" -gt 1 ]; }; eventually failed; journal --lines=20 | grep -m 1 loud
      sed -i /LOG_LEVEL=loud/d /etc/default/hwerr-exporter; counts`,
    says: /loud.*\ncounts its crash\n$/,
  },
  {
    what: 'a socket of systemd: a request starts it, without a network of its own',
    script: `echo HWERR_WEB_SYSTEMD_SOCKET=true >>/etc/default/hwerr-exporter; systemctl stop hwerr-exporter
      edit <<'EOF'
${dropIn('security.md', 'PrivateNetwork')}EOF
      systemctl stop hwerr-exporter; systemctl start hwerr-exporter.socket; systemctl is-active hwerr-exporter
      counts; systemctl is-active hwerr-exporter; score
      systemctl stop hwerr-exporter.socket hwerr-exporter; sed -i /SYSTEMD_SOCKET/d /etc/default/hwerr-exporter; revert`,
    says: /(inactive|failed)\ncounts its crash\nactive\n/,
  },
  {
    what: 'the live view, by its drop-in',
    script: `echo HWERR_LIVE_KCORE=true >>/etc/default/hwerr-exporter
      edit <<'EOF'
${dropIn('install.md', 'CAP_SYS_RAWIO')}EOF
      counts; score; uname -r; get 10048 /metrics | grep ^hwerr_live; journal --lines=5 | grep -i live
      sed -i /LIVE_KCORE/d /etc/default/hwerr-exporter; revert`,
    says: /counts its crash\n.*: 2\.1 OK/,
  },
  {
    what: 'the textfile timer instead of the daemon: Node Exporter has the crash',
    script: `systemctl stop hwerr-exporter
      chgrp hwerr-exporter /var/lib/prometheus/node-exporter; chmod g+w /var/lib/prometheus/node-exporter
      systemctl start hwerr-exporter-textfile.timer prometheus-node-exporter
      has() { get 9100 /metrics 2>/dev/null | grep -x "hwerr_crashes_total 1"; }; eventually has
      ls -l /var/lib/prometheus/node-exporter/hwerr.prom; systemctl list-timers --no-pager hwerr-exporter-textfile.timer
      systemctl show hwerr-exporter-textfile --property Result
      systemctl stop hwerr-exporter-textfile.timer; systemctl start hwerr-exporter; counts`,
    says: /hwerr_crashes_total 1\n(.*\n)*Result=success\ncounts its crash\n$/,
  },
];

describe('the units of a Debian machine', () => {
  it(
    'do what their pages say, and AppArmor lets them',
    async () => {
      const folder = tempDir();
      const record = new RunRecord('npm run lab:unit: Debian machine, QEMU without KVM', folder);
      const machine = await goOn(await bootedMachine(record), folder);
      for (const { what, script, says } of CHECKS) {
        const said = await machine.shell(`${PRELUDE}\n${script}`);
        record.tell(`${what}\n${said}`);
        expect.soft(said, what).toMatch(says);
      }
      expect(machine.console()).not.toMatch(/apparmor="DENIED".*profile="hwerr-exporter"/);
      record.keep('machine-unit');
    },
    LONGEST_MS,
  );
});
