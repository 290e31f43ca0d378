/**
 * From a dump to a page: the real daemon, Prometheus with the shipped rules, Alertmanager, and a
 * webhook that gets the alert with its text filled in.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import { afterEach, describe, expect } from 'vitest';

import { eventually } from '../support/system/eventually.ts';
import { fixture } from '../support/dumps/fixtures.ts';
import { mayMount } from '../support/system/mounts.ts';
import { freePort } from '../support/daemon/prometheus.ts';
import { smallDisk } from '../support/system/small-disk.ts';
import { needsTool } from '../support/system/tools.ts';
import { Cleanup, PATIENCE_MS, drop, start, startDaemon } from './processes.ts';
import { startPrometheus } from './prometheus.ts';
import { PCI_CRASH } from './samples.ts';

interface Alert {
  readonly status: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

const prometheus = needsTool('prometheus');
const alertmanager = needsTool('prometheus-alertmanager');
const cleanup = new Cleanup();
afterEach(() => cleanup.run());

describe('with sample dumps', () => {
  alertmanager.describe('alerting', () => {
    prometheus.it(
      'pages about a PCI error seconds before the panic when the dump is dropped',
      async () => {
        const alerts: Alert[] = [];
        const webhook = await startWebhook(alerts);
        const manager = await startAlertmanager(webhook);
        const directory = join(cleanup.folder(), 'crash');
        mkdirSync(directory);
        const daemon = await startDaemon(directory, cleanup);
        const server = await startPrometheus(
          prometheus.path,
          { daemon, alertmanager: manager },
          cleanup,
        );
        await eventually('Prometheus knows that there was no crash', async () => {
          const [series] = await server.query('count_over_time(hwerr_crashes_total[1m])');
          return (series?.points[0]?.[1] ?? 0) >= 2 ? true : undefined;
        });
        const named = (alertname: string, category?: string): Alert | undefined =>
          alerts.find(
            ({ labels }) =>
              labels['alertname'] === alertname &&
              (category === undefined || labels['category'] === category),
          );
        expect(alerts).toEqual([]);

        drop(fixture(PCI_CRASH), directory, '127.0.0.1-2026-10-03-04:05:51');
        const [suspect, crashed] = await eventually(
          'the webhook got the alerts',
          () => {
            const got = [
              named('HwerrHardwareErrorBeforeCrash', 'pci'),
              named('HwerrKernelCrashed'),
            ] as const;
            return got.includes(undefined) ? undefined : got;
          },
          PATIENCE_MS,
        );
        expect(suspect).toMatchObject({
          status: 'firing',
          labels: { severity: 'critical', instance: daemon, job: 'hwerr-exporter' },
          annotations: {
            summary: `A pci hardware error came shortly before the crash of ${daemon}`,
            description:
              `The last hardware error of category pci on ${daemon} came 9s before the panic of ` +
              '2026-10-03 04:05:51 +0000 UTC; that kernel had counted 7 of them. Suspect the ' +
              `hardware before the kernel: drain ${daemon} and read its hardware event log.`,
            runbook_url: 'deploy/docs/runbooks.md#hwerrhardwareerrorbeforecrash',
          },
        });
        expect(crashed?.annotations['description']).toBe(
          `A new crash of ${daemon} was recorded; the newest was at 2026-10-03 04:05:51 +0000 UTC ` +
            '(kernel 7.3.4+deb13-cloud-amd64). Hardware errors it survived before: others 10 pci 7. ' +
            'Look at the panic line of the dump, and do not put the machine back before you know more.',
        );
      },
      120_000,
    );

    describe.skipIf(!mayMount())('on a disk of its own', () => {
      prometheus.it(
        'says that the ledger cannot be written, for as long as it cannot',
        async () => {
          const disk = smallDisk();
          const directory = cleanup.folder();
          const ledger = join(disk.path, 'ledger');
          const daemon = await startDaemon(directory, cleanup, `--ledger.path=${ledger}`);
          const server = await startPrometheus(prometheus.path, { daemon }, cleanup);
          const firing = async (): Promise<number> =>
            (await server.query('ALERTS{alertname="HwerrLedgerWriteFailing"}')).length;
          await eventually(
            'Prometheus knows the ledger',
            async () => (await server.query('hwerr_ledger_state')).length > 0 || undefined,
            PATIENCE_MS,
          );
          expect(await firing()).toBe(0);

          const readOnly = disk.bindReadOnly('ledger');
          drop(fixture(PCI_CRASH), directory, 'crash');
          await eventually('it fires', async () => (await firing()) > 0 || undefined, PATIENCE_MS);
          const unwritten = await server.query('hwerr_ledger_state{state="read_only"}');
          expect(unwritten.map(({ points }) => points[0]?.[1])).toEqual([1]);

          readOnly.undo();
          const recorded =
            'hwerr_crashes_total == 1 and on() hwerr_ledger_state{state="ready"} == 1';
          await eventually(
            'the crash is counted',
            async () => (await server.query(recorded)).length > 0 || undefined,
            PATIENCE_MS,
          );
        },
        120_000,
      );
    });

    prometheus.it(
      'says in central mode which host crashed',
      async () => {
        const directory = join(cleanup.folder(), 'export');
        drop(fixture('arm64-7.3.4.elf'), directory, 'before');
        const daemon = await startDaemon(directory, cleanup, '--mode=central');
        const config = 'prometheus-central.yml';
        const server = await startPrometheus(prometheus.path, { daemon, config }, cleanup);
        const ofLabhost = async (expression: string): Promise<number | undefined> =>
          (await server.query(expression)).find(({ labels }) => labels['instance'] === 'labhost')
            ?.points[0]?.[1];
        const samples = 'count_over_time(hwerr_crashes_total[1m])';
        await eventually(
          'Prometheus knows of one crash of labhost',
          async () => ((await ofLabhost(samples)) ?? 0) >= 2 || undefined,
          PATIENCE_MS,
        );
        const alert = 'ALERTS{alertname="HwerrHardwareErrorBeforeCrash", category="pci"}';
        expect(await ofLabhost(alert)).toBeUndefined();

        drop(fixture(PCI_CRASH), directory, 'another');
        expect(await eventually('the alert fires', () => ofLabhost(alert), PATIENCE_MS)).toBe(1);
        const exporter = `hwerr_directory_up{instance="${daemon}"}`;
        expect((await server.query(exporter)).map(({ points }) => points[0]?.[1])).toEqual([1]);
      },
      120_000,
    );
  });
});

/** @returns its URL. */
async function startWebhook(alerts: Alert[]): Promise<string> {
  const server = createServer((request, response) => {
    void body(request).then((text) => {
      alerts.push(...(JSON.parse(text) as { alerts: Alert[] }).alerts);
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanup.add(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

async function body(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** @returns its HOST:PORT. */
async function startAlertmanager(webhook: string): Promise<string> {
  const folder = cleanup.folder();
  const config = join(folder, 'alertmanager.yml');
  writeFileSync(
    config,
    `route: { receiver: test, group_by: [alertname, category], group_wait: 1s }
receivers:
  - name: test
    webhook_configs: [{ url: '${webhook}' }]
`,
  );
  const address = `127.0.0.1:${await freePort()}`;
  await start(
    {
      command: alertmanager.path,
      args: [
        `--config.file=${config}`,
        `--storage.path=${join(folder, 'data')}`,
        `--web.listen-address=${address}`,
        '--cluster.listen-address=',
      ],
      readyUrl: `http://${address}/-/ready`,
    },
    cleanup,
  );
  return address;
}
