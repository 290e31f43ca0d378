/**
 * doctor, as the built program answers. Its sample dump is made with
 * HWERR_UPDATE=1 npx vitest run --config test/vitest.config.ts test/cli/doctor.test.ts
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';

import { hashSync } from 'bcryptjs';
import { describe, expect, it, onTestFinished } from 'vitest';

import { kdumpOf, kernel } from '../support/builders/kernel-builder.ts';
import { openTestLedger } from '../support/daemon/ledgers.ts';
import { type Ended, MAIN, run, runAsNobody, withoutOurs } from '../support/daemon/program.ts';
import { freePort } from '../support/system/free-port.ts';
import { startDaemon } from '../support/daemon/running-daemon.ts';
import { fixture } from '../support/dumps/fixtures.ts';
import { openssl, selfSigned } from '../support/daemon/certificates.ts';
import { hungIt, mountHung } from '../support/system/hung-mount.ts';
import { mayMount } from '../support/system/mounts.ts';
import { smallDisk } from '../support/system/small-disk.ts';
import { tempDir } from '../support/system/temp-dir.ts';

const SAMPLE = fileURLToPath(new URL('../../src/cli/sample.vmcore.gz', import.meta.url));
/** A port where nobody listens. */
const NOBODY = `--web.listen-address=127.0.0.1:${await freePort()}`;

interface Place {
  readonly crash: string;
  readonly ledger: string;
}

/** A directory with one dump, and one for a ledger; others may look into them. */
function place(): Place {
  const root = tempDir();
  const [crash, ledger] = [join(root, 'crash'), join(root, 'ledger')];
  mkdirSync(crash);
  mkdirSync(ledger);
  copyFileSync(fixture('x86_64-7.3.4.zlib'), join(crash, 'vmcore'));
  utimesSync(join(crash, 'vmcore'), 1_791_000_400, 1_791_000_400);
  for (const path of [root, crash, ledger]) chmodSync(path, 0o755);
  return { crash, ledger };
}

const args = ({ crash, ledger }: Place, ...more: readonly string[]): string[] => {
  const address = more.some((flag) => flag.startsWith('--web.')) ? [] : [NOBODY];
  const paths = ['--kdump.path', crash, '--ledger.path', ledger];
  return ['doctor', '--env-file', '/dev/null', ...paths, ...address, ...more];
};
const doctor = (where: Place, ...more: readonly string[]): Promise<Ended> =>
  run(args(where, ...more));

/** Where this kernel says so about its kdump. */
function doctorWithKdump(armed: string, where: Place, ...more: readonly string[]): Ended {
  const script = `mount -t tmpfs none /sys/kernel && echo ${armed} >/sys/kernel/kexec_crash_loaded && exec "$0" "$@"`;
  const command = ['/bin/sh', '-c', script, process.execPath, MAIN, ...args(where, ...more)];
  const { status, stdout, stderr } = spawnSync('unshare', ['--mount', ...command], {
    encoding: 'utf8',
    env: withoutOurs(process.env),
  });
  return { code: status, stdout, stderr };
}

/** The line about something, with its word in front. */
function about({ stdout }: Ended, what: string): string | undefined {
  return stdout.split('\n').find((line) => line.slice(9).startsWith(what));
}

describe('doctor', () => {
  it.runIf(mayMount())('says ok to everything, and exits 0, where all is well', async () => {
    const where = place();
    const { url } = await startDaemon(['--ledger.path', where.ledger], where.crash);
    const address = `--web.listen-address=${new URL(url).host}`;
    const { code, stdout, stderr } = doctorWithKdump('1', where, address);
    expect(stdout.split('\n').map((line) => line.slice(0, 9).trim())).toEqual([
      ...Array<string>(7).fill('ok'),
      '',
    ]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain(`${where.crash}: can be read; 1 dump`);
    expect(stdout).toContain(`newest dump: ${where.crash}/vmcore: PCI error 9 s before the panic`);
  });

  it.runIf(mayMount())('says what to do where kdump is not armed', () => {
    const ended = doctorWithKdump('0', place());
    expect(ended.code).toBe(1);
    expect(about(ended, 'kdump')).toMatch(/^problem .*next panic leaves no dump. Enable kdump/);
  });

  it('does not pretend where nothing says whether kdump is armed', async () => {
    const ended = await doctor(place());
    const line = about(ended, 'kdump');
    if (existsSync('/sys/kernel/kexec_crash_loaded')) expect(line).not.toMatch(/^unknown/);
    else expect(line).toMatch(/^unknown .*cannot be read/);
    expect(ended.code).toBe(1);
  });

  it('asks nothing about this kernel in central mode', async () => {
    expect(about(await doctor(place(), '--mode=central'), 'kdump')).toBeUndefined();
  });

  it.each<[string, (where: Place) => void, string, RegExp]>([
    [
      'a directory is not there',
      ({ crash }) => {
        rmSync(crash, { recursive: true });
      },
      '/',
      /^problem .*crash: is not there. Make it, or name another one with --kdump.path$/,
    ],
    [
      'the newest dump is broken',
      ({ crash }) => {
        writeFileSync(join(crash, 'vmcore.new'), 'KDUMP   ');
      },
      'newest dump',
      /^problem .*vmcore.new: cannot be decoded: .*\. The dump broke off\. /,
    ],
    [
      'the ledger is damaged',
      ({ ledger }) => {
        writeFileSync(join(ledger, 'ledger.db'), Buffer.alloc(100_000, 'x'));
      },
      '/',
      /^problem .*restart the exporter: it sets the ledger aside and begins a new one$/,
    ],
  ])('says what to do where %s', async (_what, harm, what, line) => {
    const where = place();
    harm(where);
    const { code, stdout } = await doctor(where);
    expect(code).toBe(1);
    const found = stdout.split('\n').filter((text) => text.slice(9).startsWith(what));
    expect(found).toContainEqual(expect.stringMatching(line));
  });

  it('finds no dump where there is none, which is well', async () => {
    const where = place();
    rmSync(join(where.crash, 'vmcore'));
    expect(about(await doctor(where), 'newest')).toBe('ok       newest dump: there is none yet');
  });

  it('names a dump that kdump gave up, as the daemon decodes it, and not one that it may be writing', async () => {
    const where = place();
    const file = join(where.crash, 'dump-incomplete');
    renameSync(join(where.crash, 'vmcore'), file);
    utimesSync(file, new Date(), new Date());
    expect(about(await doctor(where), 'newest')).toBe('ok       newest dump: there is none yet');
    const anHourAgo = Date.now() / 1000 - 3600;
    utimesSync(file, anHourAgo, anHourAgo);
    expect(about(await doctor(where), 'newest')).toContain(`newest dump: ${file}: PCI error`);
  });

  it.runIf(mayMount())('says what to do where the ledger is on a read-only disk', async () => {
    const disk = smallDisk();
    disk.remount('ro');
    const ended = await doctor({ ...place(), ledger: disk.path });
    expect(about(ended, disk.path)).toMatch(/^problem .*EROFS.*let the exporter write there/);
  });

  it.runIf(process.geteuid?.() === 0)(
    'says whose the ledger is where root began it in the directory of the service',
    async () => {
      const where = place();
      await (await openTestLedger({ directory: where.ledger })).close();
      chownSync(where.ledger, 65_534, 65_534);
      expect(about(await doctor(where), where.ledger)).toMatch(
        /^problem .*ledger.db belongs to user 0, .* to user 65534: chown it to that user$/,
      );
    },
  );

  it('says how to grant what its user may not read or write', async () => {
    const where = place();
    chmodSync(join(where.crash, 'vmcore'), 0o600);
    const other = join(where.crash, 'host');
    mkdirSync(other, { mode: 0o700 });
    const ended = await runAsNobody(args(where));
    expect(ended.code).toBe(1);
    expect(about(ended, other)).toMatch(/^problem .*EACCES.*mode 700: give the exporter .*CAP_DAC/);
    expect(about(ended, 'newest')).toMatch(/^problem .*EACCES/);
    expect(about(ended, where.ledger)).toMatch(
      /^problem .*EACCES.* belongs to user \d+, .*let the exporter write there/,
    );
  });

  it('does not take its own rights for those of the exporter that runs', async () => {
    const where = place();
    chmodSync(where.crash, 0o700);
    chmodSync(where.ledger, 0o700);
    const daemon = await startDaemon(['--ledger.path', where.ledger], where.crash);
    await daemon.until(
      (scrape) => scrape.get(`hwerr_directory_up{directory="${where.crash}"}`) === 1,
    );
    const address = `--web.listen-address=${new URL(daemon.url).host}`;
    const ended = await runAsNobody(args(where, address));
    expect(about(ended, where.crash)).toMatch(/^unknown .*run doctor as root$/);
    expect(about(ended, 'newest')).toBeUndefined();
    expect(about(ended, 'ledger')).toBe('ok       ledger: the running exporter can write it');
  });
});

describe('doctor', () => {
  hungIt('does not wait for a directory whose mount hangs, and ends', async () => {
    const where = place();
    await mountHung(where.crash);
    const ended = await doctor(where);
    expect(about(ended, where.crash)).toMatch(/^unknown .*not read in 10 s: .* its mount hangs/);
    expect(about(ended, 'newest')).toBeUndefined();
    expect(about(ended, where.ledger)).toMatch(/^ok /);
    expect(ended.code).not.toBe(0);
  });
});

describe('doctor asks the exporter', () => {
  const exporterLine = async (...more: readonly string[]): Promise<string | undefined> =>
    about(await doctor(place(), ...more), 'http');

  it('says how to start it where nobody answers', async () => {
    expect(await exporterLine()).toMatch(
      /^problem .*ECONNREFUSED.* systemctl start hwerr-exporter$/,
    );
  });

  it('does not say to start one that is too busy to answer', async () => {
    const server = createServer(() => undefined); // takes the request, and that is all
    onTestFinished(() => void server.close());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    expect(await exporterLine(`--web.listen-address=127.0.0.1:${port}`)).toMatch(
      /^problem .*no answer in 10 s.* journalctl -u hwerr-exporter$/,
    );
  });

  it('does not take a port that it may not ask for one where nobody listens', async () => {
    expect(await exporterLine('--web.listen-address=:10080')).toMatch(/^unknown .*was not asked/);
  });

  it('knows it from another program', async () => {
    const server = createServer((_request, response) => {
      response.end('up 1\n');
    });
    onTestFinished(() => void server.close());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    expect(await exporterLine(`--web.listen-address=127.0.0.1:${port}`)).toMatch(
      /^problem .*got status 200 and no metrics of hwerr-exporter/,
    );
  });

  it('under its prefix and its path', async () => {
    const own = ['--web.external-url=https://example.com/hwerr/', '--web.telemetry-path=/m'];
    const { url } = await startDaemon(own);
    const { host } = new URL(url);
    const line = await exporterLine(...own, `--web.listen-address=${host}`);
    expect(line).toMatch(`ok       http://${host}/hwerr/m: the exporter answers`);
  });

  it('says that it did not look behind a password', async () => {
    const file = join(tempDir(), 'web.yml');
    writeFileSync(file, `basic_auth_users:\n  alice: ${hashSync('secret', 4)}\n`);
    const web = `--web.config.file=${file}`;
    const { url } = await startDaemon([web]);
    const address = `--web.listen-address=${new URL(url).host}`;
    expect(await exporterLine(web, address)).toMatch(/^unknown .*wants a password/);
  });

  openssl.it(
    'says that it did not look behind a certificate that this machine does not know',
    async () => {
      const folder = tempDir();
      selfSigned(folder, 'own');
      const file = join(folder, 'web.yml');
      writeFileSync(file, 'tls_server_config:\n  cert_file: own.crt\n  key_file: own.key\n');
      const web = `--web.config.file=${file}`;
      const { port } = await startDaemon([web]);
      const line = await exporterLine(web, `--web.listen-address=127.0.0.1:${port}`);
      expect(line).toMatch(/^unknown +https:.*answers with TLS, and was not asked/);
    },
  );

  it('says that the address is not known where systemd holds the socket', async () => {
    const ended = await doctor(place(), '--web.systemd-socket');
    expect(about(ended, '--web.systemd-socket')).toMatch(/^unknown/);
  });
});

describe('doctor reads the settings', () => {
  it('names what has no effect, and what is wrong', async () => {
    const file = join(tempDir(), 'settings');
    writeFileSync(file, 'HWERR_KDUMP_PTH=/x\nHWERR_LOG_LEVEL\nHWERR_MODE=both\n');
    const { code, stdout } = await run(['doctor', '--env-file', file]);
    expect(code).toBe(1);
    expect(stdout).toBe(
      [
        `problem  ${file}:2: is no assignment, want NAME=VALUE; systemd ignores it`,
        'problem  HWERR_KDUMP_PTH: sets nothing; is it mistyped?',
        'problem  HWERR_MODE: got "both", want node or central',
        '',
      ].join('\n'),
    );
  });
});

describe('the sample dump', () => {
  const built = kernel({
    release: '6.19.0-sample',
    nodename: 'sample',
    counters: [
      [0, 0],
      [0, 0],
      [7, 1_790_000_001],
      [0, 0],
      [10, 1_789_999_990],
    ],
  });
  const { bytes } = kdumpOf(built, { codec: 'raw' });

  it('is what the builders of the tests make, packed', () => {
    if (process.env['HWERR_UPDATE'] === '1') writeFileSync(SAMPLE, gzipSync(bytes, { level: 9 }));
    const packed = readFileSync(SAMPLE);
    expect(gunzipSync(packed).equals(bytes)).toBe(true);
    expect(packed.length).toBeLessThan(10_000);
  });
});
