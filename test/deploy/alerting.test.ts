/**
 * From a dump to a page: the real daemon, Prometheus with the shipped rules, Alertmanager, and a
 * webhook that gets the alert with its text filled in.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import { afterEach, describe, expect } from 'vitest';

import { needsTool } from '../support/tools.ts';
import { Cleanup, drop, freePort, start, startDaemon, until } from './processes.ts';
import { startPrometheus } from './prometheus.ts';
import { PCI_CRASH, haveSamples, sample } from './samples.ts';

interface Alert {
  readonly status: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

const prometheus = needsTool('prometheus');
const alertmanager = needsTool('prometheus-alertmanager');
const cleanup = new Cleanup();
afterEach(() => cleanup.run());

describe.skipIf(!haveSamples)('with sample dumps', () => {
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
        await until('Prometheus knows that there was no crash', async () => {
          const [series] = await server.query('count_over_time(hwerr_crashes_total[1m])');
          return (series?.points[0]?.[1] ?? 0) >= 2;
        });
        const named = (alertname: string, category?: string): Alert | undefined =>
          alerts.find(
            ({ labels }) =>
              labels['alertname'] === alertname &&
              (category === undefined || labels['category'] === category),
          );
        expect(alerts).toEqual([]);

        drop(sample(PCI_CRASH), directory, '127.0.0.1-2026-10-03-04:05:51');
        await until('the webhook got the alerts', () =>
          Boolean(named('HwerrKernelCrashed') && named('HwerrHardwareErrorBeforeCrash', 'pci')),
        );

        expect(named('HwerrHardwareErrorBeforeCrash', 'pci')).toMatchObject({
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
        expect(named('HwerrKernelCrashed')?.annotations['description']).toBe(
          `A new crash of ${daemon} was recorded; the newest was at 2026-10-03 04:05:51 +0000 UTC ` +
            '(kernel 7.3.4+deb13-cloud-amd64). Hardware errors it survived before: others 10 pci 7. ' +
            'Look at the panic line of the dump, and do not put the machine back before you know more.',
        );
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
