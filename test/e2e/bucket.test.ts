// A bucket of a real store as a dump directory of the daemon.

import { CreateBucketCommand, DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { readFileSync } from 'node:fs';

import { afterAll, beforeAll, expect, onTestFinished, vi } from 'vitest';

import { kdumpOf, kernel } from '../support/builders/kernel-builder.ts';
import { run } from '../support/daemon/program.ts';
import { type Daemon, startDaemon } from '../support/daemon/running-daemon.ts';
import { crashDump } from '../support/dumps/crash-dumps.ts';
import { fixture } from '../support/dumps/fixtures.ts';
import { nginxTool, startNginx } from '../support/system/nginx.ts';
import { type Swift, startSwift, swiftTool } from '../support/system/swift.ts';
import { tempDir } from '../support/system/temp-dir.ts';

const TEMPLATE = readFileSync(fixture('x86_64-7.3.4.elf'));
const PRESENT = 'hwerr_dumps_present{state="complete"}';
const ROOT = 's3://dumps/site 1';
const UP = `hwerr_directory_up{directory="${ROOT}"}`;

swiftTool.describe('--kdump.path=s3://BUCKET/PREFIX', () => {
  let swift: Swift;
  beforeAll(async () => {
    if (swiftTool.missing) return;
    swift = await startSwift();
    for (const [name, value] of Object.entries(swift.environment)) vi.stubEnv(name, value);
    await swift.client.send(new CreateBucketCommand({ Bucket: 'dumps' }));
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await swift.stop();
  });

  /** When the test is over, whatever became of it, a variable is again what it is for the others. */
  const asBefore = (name: string): void => {
    onTestFinished(() => void vi.stubEnv(name, swift.environment[name]));
  };

  const put = async (path: string, Body: Uint8Array): Promise<void> => {
    await swift.client.send(new PutObjectCommand({ Bucket: 'dumps', Key: `site 1/${path}`, Body }));
  };
  const start = (): Promise<Daemon> =>
    startDaemon([
      '--mode=central',
      `--kdump.path=${ROOT}`,
      '--kdump.rescan=1s',
      '--kdump.settle=1h',
    ]);
  const isUp = (value: 0 | 1) => (scrape: ReadonlyMap<string, number>) => scrape.get(UP) === value;
  const has = (dumps: number) => (scrape: ReadonlyMap<string, number>) =>
    scrape.get(PRESENT) === dumps;

  swiftTool.it('check-config and doctor look into it, and decode the newest', async () => {
    const settings = ['--mode=central', `--ledger.path=${tempDir()}`];
    await put('checked/vmcore', crashDump(TEMPLATE, { boot: 9, host: 'host009', pci: 1 }));
    const checked = await run(['check-config', ...settings, `--kdump.path=${ROOT}`]);
    expect([checked.code, checked.stdout]).toEqual([
      0,
      expect.stringContaining(`ok       ${ROOT}: can be read`),
    ]);
    const { stdout } = await run(['doctor', ...settings, `--kdump.path=${ROOT}`]);
    expect(stdout).toContain(`ok       ${ROOT}: can be read; 1 dump`);
    expect(stdout).toContain(`ok       newest dump: ${ROOT}/checked/vmcore: PCI error`);
    const missing = await run(['check-config', ...settings, '--kdump.path=s3://missing/x']);
    expect([missing.code, missing.stdout]).toEqual([
      1,
      expect.stringMatching(/^problem {2}s3:\/\/missing\/x/m),
    ]);
    await swift.client.send(
      new DeleteObjectCommand({ Bucket: 'dumps', Key: 'site 1/checked/vmcore' }),
    );
  });

  swiftTool.it('records the crashes of its dumps, at once, and of those that come', async () => {
    await put('host001/vmcore', crashDump(TEMPLATE, { boot: 1, host: 'host001', pci: 3 }));
    await put('host001/vmcore-dmesg.txt', Buffer.from('a log'));
    await put('copies/vmcore.1', crashDump(TEMPLATE, { boot: 1, host: 'host001', pci: 3 }));
    await put('notes', Buffer.from('no dump'));
    const daemon = await start();
    await daemon.until(has(2));
    await put('host002/vmcore', crashDump(TEMPLATE, { boot: 2, host: 'host002', pci: 5 }));
    await daemon.until(has(3));
    const pci = 'hwerr_recoverable_errors_total{category="pci"}';
    expect((await daemon.scrape('/probe?target=host001')).get(pci)).toBe(3);
    expect((await daemon.scrape('/probe?target=host002')).get(pci)).toBe(5);
    expect((await daemon.scrape('/probe?target=host001')).get('hwerr_crashes_total')).toBe(1);

    await swift.client.send(
      new DeleteObjectCommand({ Bucket: 'dumps', Key: 'site 1/copies/vmcore.1' }),
    );
    await daemon.until(has(2));
    expect((await daemon.scrape('/probe?target=host001')).get(pci)).toBe(3);
    expect(daemon.log()).not.toMatch(/level=(warn|error)/);
    const shown =
      daemon.log() + (await daemon.metrics()) + (await (await fetch(daemon.url)).text());
    expect(shown).not.toMatch(/X-Amz|testing/);
    expect(shown).toContain(`${ROOT}/host002/vmcore`);
  });

  swiftTool.it('joins the parts of a split dump, and reads the log beside a dump', async () => {
    const built = kernel({ fillers: 300 });
    const first = Number(built.physical / 4096n);
    const ends = [first + 0x10, first + 0x50, first + 0x1000];
    for (const [i, end] of ends.entries()) {
      await put(`split/part${i}`, kdumpOf(built, { split: [ends[i - 1] ?? 0, end] }).bytes);
    }
    await put('split/vmcore', Buffer.from('no dump'));
    await put('logged/vmcore', readFileSync(fixture('x86_64-7.3.4.zlib')));
    await put(
      'logged/vmcore-dmesg.txt',
      Buffer.from('[   41.756159] Kernel panic - not syncing: x\n'),
    );
    const path = `${ROOT}/split/part1`;
    const { stdout, code } = await run(['decode', '--json', path]);
    expect(code).toBe(0);
    const parts = ends.map((_, i) => `${ROOT}/split/part${i}`);
    expect(JSON.parse(stdout)).toMatchObject({ parts, hwerr: { kind: 'present' } });
    const logged = await run(['decode', '--json', `${ROOT}/logged/vmcore`]);
    expect(JSON.parse(logged.stdout)).toMatchObject({
      log: { source: 'text', records: 1 },
      panicMessage: 'Kernel panic - not syncing: x',
    });
  });

  nginxTool.it('trusts the certificate of a store that the system trusts', async () => {
    const settings = `location / {
      proxy_pass ${swift.environment['AWS_ENDPOINT_URL']};
      proxy_set_header Host $http_host;
    }`;
    const nginx = await startNginx(tempDir(), settings);
    asBefore('AWS_ENDPOINT_URL');
    vi.stubEnv('AWS_ENDPOINT_URL', nginx.url);
    const refused = await start();
    await refused.logged(/cannot scan the dump directory.*certificate/);
    asBefore('SSL_CERT_FILE');
    vi.stubEnv('SSL_CERT_FILE', nginx.environment['NODE_EXTRA_CA_CERTS']);
    await put('tls/vmcore', crashDump(TEMPLATE, { boot: 3, host: 'host003' }));
    const daemon = await start();
    await daemon.until(isUp(1));
    await daemon.until((scrape) => (scrape.get('hwerr_dumps_decoded_total') ?? 0) > 0);
  });

  swiftTool.it('says that it is not up, and why, when the store refuses or is away', async () => {
    asBefore('AWS_SECRET_ACCESS_KEY');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'n0t-th1s');
    const refused = await start();
    await refused.until(isUp(0));
    await refused.logged(/cannot scan the dump directory.*SignatureDoesNotMatch.*credentials/);
    expect(refused.log() + (await refused.metrics())).not.toContain('n0t-th1s');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', swift.environment['AWS_SECRET_ACCESS_KEY']);
    const daemon = await start();
    await daemon.until(isUp(1));
    swift.processes[0]?.kill('SIGKILL');
    await daemon.until(isUp(0));
    // It may have been asking just then.
    await daemon.logged(
      /cannot scan the dump directory.*(ECONNREFUSED|ECONNRESET|aborted|hang up)/,
    );
  });
});
