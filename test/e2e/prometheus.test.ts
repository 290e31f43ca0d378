/** A real Prometheus scrapes the built exporter, over TLS with a password, in both modes. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { hashSync } from 'bcryptjs';
import { describe, expect, onTestFinished } from 'vitest';

import { selfSigned } from '../support/daemon/certificates.ts';
import { tempDir } from '../support/system/temp-dir.ts';
import { type Prometheus, startPrometheus } from '../support/daemon/prometheus.ts';
import { startDaemon } from '../support/daemon/running-daemon.ts';
import { sampleDump, withNodename } from '../support/dumps/small-dump.ts';
import { needsTool } from '../support/system/tools.ts';

const prometheus = needsTool('prometheus');
const promtool = needsTool('promtool');
const X86 = sampleDump('x86_64-7.3.4.elf');
const ARM = sampleDump('arm64-7.3.4.elf');
const HOSTILE_HOST = 'b"a<d>\\';
/** What the ledger makes of it. */
const SAFE_HOST = 'b_a_d__';

/** A folder with dumps, keys, and a web configuration; and what Prometheus needs to get in. */
function setUp(): { folder: string; dumps: string; args: string[]; client: string } {
  const folder = tempDir();
  const dumps = join(folder, 'crash');
  mkdirSync(dumps);
  selfSigned(folder, 'server');
  const webConfig = join(folder, 'web.yml');
  writeFileSync(
    webConfig,
    `tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n  min_version: TLS13\nbasic_auth_users:\n  prometheus: ${hashSync('secret', 10)}\n`,
  );
  const check = spawnSync(promtool.path, ['check', 'web-config', webConfig]);
  expect(check.status).toBe(0);
  const client = [
    'scheme: https',
    `tls_config: { ca_file: '${join(folder, 'server.crt')}' }`,
    'basic_auth: { username: prometheus, password: secret }',
  ]
    .map((line) => `    ${line}\n`)
    .join('');
  const args = [`--kdump.path=${dumps}`, '--kdump.settle=100ms', `--web.config.file=${webConfig}`];
  return { folder, dumps, args, client };
}

/** Of a Prometheus that scrapes every second: while one scrape takes longer there are no samples. */
function asked(server: Prometheus) {
  return (promql: string, label: string) => expect.poll(() => server.query(promql, label));
}

const dumpsMissing = X86 === undefined || ARM === undefined;

describe.skipIf(dumpsMissing)('Prometheus [needs sample dumps]', () => {
  prometheus.it(
    'scrapes node mode over TLS with a password, and answers with the numbers of the dump',
    async () => {
      const { folder, dumps, args, client } = setUp();
      copyFileSync(X86!, join(dumps, 'vmcore'));
      const daemon = await startDaemon(args);
      const config = `global: { scrape_interval: 1s }\nscrape_configs:\n  - job_name: hwerr\n${client}    static_configs: [{ targets: ['127.0.0.1:${daemon.port}'] }]\n`;
      const server = await startPrometheus(prometheus.path, folder, config);
      onTestFinished(() => server.stop());
      expect(
        spawnSync(promtool.path, ['check', 'config', join(folder, 'prometheus.yml')]).status,
      ).toBe(0);
      const said = asked(server);
      await said('hwerr_crashes_total', 'job').toEqual({ hwerr: 1 });
      await said('hwerr_recoverable_errors_total', 'category').toEqual({
        cpu: 0,
        memory: 0,
        pci: 7,
        cxl: 0,
        others: 10,
      });
      await said('hwerr_last_crash_error_lead_seconds', 'category').toEqual({
        pci: 9,
        others: 20,
      });
      await said('hwerr_last_crash_timestamp_seconds - 1791000351', 'job').toEqual({ hwerr: 0 });
      await said('sum by (job) (hwerr_suspect_crashes_total > 0)', 'job').toEqual({ hwerr: 2 });
      await said('hwerr_dump_decode_duration_seconds_bucket{le="300.0"}', 'le').toEqual({
        '300.0': 1,
      });
      await server.stop();
      expect(await daemon.stop()).toBe(0);
    },
  );

  prometheus.it(
    'finds the hosts of central mode by itself, and probes each, whatever it is called',
    async () => {
      const { folder, dumps, args, client } = setUp();
      for (const host of ['one', 'two']) mkdirSync(join(dumps, host));
      copyFileSync(X86!, join(dumps, 'one', 'vmcore'));
      writeFileSync(join(dumps, 'two', 'vmcore'), withNodename(ARM!, HOSTILE_HOST));
      const daemon = await startDaemon([...args, '--mode=central']);
      const discovery = client.replace(/^/gm, '    ').trimEnd().replaceAll('scheme: https', '');
      const config = `global: { scrape_interval: 1s }\nscrape_configs:\n  - job_name: hosts\n${client}    http_sd_configs:\n      - url: https://127.0.0.1:${daemon.port}/sd\n        refresh_interval: 1s\n${discovery}\n`;
      const server = await startPrometheus(prometheus.path, folder, config);
      onTestFinished(() => server.stop());
      const said = asked(server);
      await said('up', 'instance').toEqual({ labhost: 1, [SAFE_HOST]: 1 });
      await said('hwerr_recoverable_errors_total{category="pci"}', 'instance').toEqual({
        labhost: 7,
        [SAFE_HOST]: 7,
      });
      await said('hwerr_recoverable_errors_total{category="cpu"}', 'instance').toEqual({
        labhost: 0,
        [SAFE_HOST]: 9,
      });
      // The exporter itself is another job's.
      expect(await server.query('hwerr_exporter_build_info', 'instance')).toEqual({});
      await server.stop();
      expect(await daemon.stop()).toBe(0);
    },
  );
});
