/**
 * From a dump to a page: the real daemon, Prometheus with the shipped rules, Alertmanager with the
 * shipped example, and a webhook that gets the notifications with their texts filled in.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import { afterEach, describe, expect } from 'vitest';
import { parse, stringify } from 'yaml';

import { freePort } from '../support/system/free-port.ts';
import { fixture } from '../support/dumps/fixtures.ts';
import { writeRedatedDump } from '../support/dumps/redated.ts';
import { eventually } from '../support/system/eventually.ts';
import { mayMount } from '../support/system/mounts.ts';
import { smallDisk } from '../support/system/small-disk.ts';
import { needsTool } from '../support/system/tools.ts';
import { Cleanup, ROOT, drop, start, startDaemon, startDaemonAt } from './processes.ts';
import { type Prometheus, startPrometheus } from './prometheus.ts';
import { PCI_CRASH } from './samples.ts';

/** What Alertmanager sends: one group of alerts. */
interface Notification {
  readonly groupLabels: Readonly<Record<string, string>>;
  readonly alerts: readonly Alert[];
}

interface Alert {
  readonly status: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

const HOUR = 3600;
const DAY = 24 * HOUR;
const prometheus = needsTool('prometheus');
const alertmanager = needsTool('prometheus-alertmanager');
const cleanup = new Cleanup();
afterEach(() => cleanup.run());

/** A host, and the crash whose dump lies in its directory. */
interface Situation {
  readonly name: string;
  /** When the crash was, less the time by the clock of the host; undefined: its dump does not say. */
  readonly crashed: number | undefined;
  /** The clock of the host, less the true time. */
  readonly clockSeconds?: number;
  /** Whether the crash is recorded before Prometheus runs, or the host is down until then. */
  readonly isRecordedFirst: boolean;
  readonly severity: 'critical' | 'warning';
  /** What the text says. */
  readonly text: string;
}

const SITUATIONS: readonly Situation[] = [
  {
    name: 'down for 7 h',
    ...{ crashed: -7 * HOUR, isRecordedFirst: false, severity: 'critical' },
    text: 'came 9s before its kernel panicked at',
  },
  {
    name: 'first scraped after the crash was recorded',
    ...{ crashed: -HOUR, isRecordedFirst: true, severity: 'critical' },
    text: 'Errors of this category since boot: 7.',
  },
  {
    name: 'a new host whose clock is a day behind',
    ...{ crashed: -HOUR, clockSeconds: -DAY, isRecordedFirst: false, severity: 'critical' },
    text: 'came 9s before its kernel panicked at',
  },
  {
    name: 'an undated dump',
    ...{ crashed: undefined, isRecordedFirst: false, severity: 'warning' },
    text: 'crashed; its dump does not say when. Hardware errors that this kernel had survived: others 10, pci 7.',
  },
  {
    name: 'a crash that is dated ten years from now',
    ...{ crashed: 3650 * DAY, isRecordedFirst: false, severity: 'critical' },
    text: 'came 9s before its kernel panicked at',
  },
  {
    name: 'an old crash in an empty ledger',
    ...{ crashed: -20 * DAY, isRecordedFirst: false, severity: 'warning' },
    text: 'This crash was found only now: it was more than 14 days old when its dump was read.',
  },
];

describe('with sample dumps', () => {
  alertmanager.describe('alerting', () => {
    prometheus.it(
      'says each crash once, in one notification, whatever the clocks and ledgers are',
      async () => {
        const notifications: Notification[] = [];
        const manager = await startAlertmanager(await startWebhook(notifications));
        const hosts = await Promise.all(SITUATIONS.map(hostOf));
        for (const host of hosts) {
          if (!host.isRecordedFirst) continue;
          await host.start();
          await eventually('the crash is recorded', () => isRecorded(host.address));
        }
        const daemon = hosts.map(({ address }) => address);
        const server = await startPrometheus(
          prometheus.path,
          { daemon, alertmanager: manager },
          cleanup,
        );
        await eventually(
          'Prometheus knows of the hosts that are down',
          async () => (await server.query('up == 0')).length >= hosts.length - 1 || undefined,
        );
        for (const host of hosts) if (!host.isRecordedFirst) await host.start();

        const of = (address: string): Notification[] =>
          notifications.filter(({ groupLabels }) => groupLabels['instance'] === address);
        for (const { address, name, severity, text } of hosts) {
          const [notification] = await eventually(`the webhook got ${name}`, () =>
            of(address).length > 0 ? of(address) : undefined,
          );
          const { alerts = [] } = notification ?? {};
          expect(alerts.map(shortly), name).toEqual(
            severity === 'warning'
              ? ['firing HwerrKernelCrashed ']
              : [
                  'firing HwerrHardwareErrorBeforeCrash others',
                  'firing HwerrHardwareErrorBeforeCrash pci',
                ],
          );
          const { annotations } = alerts.at(-1)!;
          expect(annotations['description'], name).toContain(text);
          const crash = await fetch(`http://${address}/api/v1/crashes`);
          const { crashes } = (await crash.json()) as { crashes: { id: string }[] };
          expect(annotations['crash_url']).toBe(`http://${address}/crash/${crashes[0]?.id}`);
        }
        // The rules go on; nothing more is said of a crash that was told.
        const evaluated = await evaluations(server);
        await eventually(
          'the rules were evaluated ten times more',
          async () => (await evaluations(server)) >= evaluated + 10 || undefined,
        );
        for (const { address, name } of hosts) expect(of(address).length, name).toBe(1);
      },
    );

    prometheus.it(
      'tells of a crash that comes while Prometheus looks, and then of a second one',
      async () => {
        const notifications: Notification[] = [];
        const manager = await startAlertmanager(await startWebhook(notifications), '1s');
        const folder = cleanup.folder();
        const directory = join(folder, 'crash');
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
        expect(notifications).toEqual([]);

        const crashTimes = [600, 300].map((ago) => Math.floor(Date.now() / 1000) - ago);
        for (const [i, seconds] of crashTimes.entries()) {
          drop(writeRedatedDump(join(folder, 'dump'), seconds), directory, `crash-${i}`);
          const told = await eventually('the webhook got the alert', () =>
            notifications
              .flatMap(({ alerts }) => alerts)
              .find(
                ({ labels, annotations: { description = '' } }) =>
                  labels['category'] === 'pci' && description.includes(inText(seconds)),
              ),
          );
          expect(told).toMatchObject({
            status: 'firing',
            labels: { severity: 'critical', instance: daemon, job: 'hwerr-exporter' },
            annotations: {
              summary: `${daemon} crashed shortly after a hardware error (pci)`,
              description:
                `The last hardware error of category pci on ${daemon} came 9s before its kernel ` +
                `panicked at ${inText(seconds)} by its own clock. Errors of this category since ` +
                `boot: 7. Suspect the hardware first: drain ${daemon} and read its hardware event log.`,
              runbook_url:
                'https://docs.example.com/hwerr-exporter/runbooks.md#hwerrhardwareerrorbeforecrash',
            },
          });
        }
      },
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
          );
          expect(await firing()).toBe(0);

          disk.fill();
          drop(fixture(PCI_CRASH), directory, 'crash');
          await eventually('it fires', async () => (await firing()) > 0 || undefined);
          // While one scrape takes longer than the second that it has there are no samples.
          const full = async (): Promise<unknown[]> =>
            (await server.query('hwerr_ledger_state{state="full"}')).map(
              ({ points }) => points[0]?.[1],
            );
          await expect.poll(full).toEqual([1]);

          disk.empty();
          const recorded =
            'hwerr_crashes_total == 1 and on() hwerr_ledger_state{state="ready"} == 1';
          await eventually(
            'the crash is counted',
            async () => (await server.query(recorded)).length > 0 || undefined,
          );
        },
      );
    });

    prometheus.it('says in central mode which host crashed', async () => {
      const folder = cleanup.folder();
      const directory = join(folder, 'export');
      drop(fixture('arm64-7.3.4.elf'), directory, 'before');
      const daemon = await startDaemon(
        directory,
        cleanup,
        ...['--mode=central', '--central.host-pattern=/(db[0-9])/'],
      );
      const config = 'prometheus-central.yml';
      const server = await startPrometheus(prometheus.path, { daemon, config }, cleanup);
      const ofLabhost = async (expression: string): Promise<number | undefined> =>
        (await server.query(expression)).find(({ labels }) => labels['instance'] === 'labhost')
          ?.points[0]?.[1];
      const samples = 'count_over_time(hwerr_crashes_total[1m])';
      await eventually(
        'Prometheus knows of one crash of labhost',
        async () => ((await ofLabhost(samples)) ?? 0) >= 2 || undefined,
      );
      const alert = 'ALERTS{alertname="HwerrHardwareErrorBeforeCrash", category="pci"}';
      expect(await ofLabhost(alert)).toBeUndefined();

      const recent = Math.floor(Date.now() / 1000) - HOUR;
      drop(writeRedatedDump(join(folder, 'dump'), recent), directory, 'another');
      expect(await eventually('the alert fires', () => ofLabhost(alert))).toBe(1);
      mkdirSync(join(directory, 'db1'));
      writeFileSync(join(directory, 'db1/vmcore'), 'what is left of a dump');
      const undecoded = 'ALERTS{alertname="HwerrDumpNotDecoded", instance="db1"}';
      await eventually(
        'the alert about the dump is of the host that its path names',
        async () => (await server.query(undecoded)).length > 0 || undefined,
      );
      const exporter = async (): Promise<unknown[]> =>
        (await server.query(`hwerr_directory_up{instance="${daemon}"}`)).map(
          ({ points }) => points[0]?.[1],
        );
      await expect.poll(exporter).toEqual([1]);
    });
  });
});

interface StartedHost extends Situation {
  readonly address: string;
  start(): Promise<void>;
}

/** A host whose dump is there, and whose exporter does not run yet. */
async function hostOf(situation: Situation): Promise<StartedHost> {
  const { crashed, clockSeconds = 0 } = situation;
  const folder = cleanup.folder();
  const address = `127.0.0.1:${await freePort()}`;
  const directory = join(folder, 'crash');
  const now = Math.floor(Date.now() / 1000) + clockSeconds;
  const dump = join(folder, 'dump');
  writeRedatedDump(dump, crashed === undefined ? undefined : now + crashed);
  drop(dump, directory, 'crash');
  return {
    ...situation,
    address,
    start: () => startDaemonAt(address, directory, cleanup, { clockSeconds }),
  };
}

async function isRecorded(address: string): Promise<true | undefined> {
  const text = await (await fetch(`http://${address}/metrics`)).text();
  return text.includes('\nhwerr_crashes_total 1\n') ? true : undefined;
}

async function evaluations(server: Prometheus): Promise<number> {
  const [series] = await server.query('count_over_time(hwerr:links[10m])');
  return series?.points[0]?.[1] ?? 0;
}

function shortly({ status, labels }: Alert): string {
  return [status, labels['alertname'], labels['category'] ?? ''].join(' ');
}

/** As the texts of alerts write a time. */
function inText(seconds: number): string {
  const [date, time = ''] = new Date(seconds * 1000).toISOString().split('T');
  return `${date} ${time.replace('.000Z', '')} +0000 UTC`;
}

/** @returns its URL. */
async function startWebhook(notifications: Notification[]): Promise<string> {
  const server = createServer((request, response) => {
    void body(request).then((text) => {
      notifications.push(JSON.parse(text) as Notification);
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

interface AlertmanagerConfig {
  readonly route: Readonly<Record<string, unknown>>;
  readonly receivers: readonly { readonly name: string }[];
}

/**
 * With the shipped example, but sooner.
 *
 * @param interval time between two notifications of a group.
 * @returns its HOST:PORT.
 */
async function startAlertmanager(webhook: string, interval = '5m'): Promise<string> {
  const folder = cleanup.folder();
  const file = join(folder, 'alertmanager.yml');
  const shipped = readFileSync(join(ROOT, 'deploy/prometheus/alertmanager.yml'), 'utf8');
  const config = parse(shipped) as AlertmanagerConfig;
  writeFileSync(
    file,
    stringify({
      ...config,
      route: { ...config.route, group_wait: '5s', group_interval: interval },
      receivers: config.receivers.map((one) => ({ ...one, webhook_configs: [{ url: webhook }] })),
    }),
  );
  const address = `127.0.0.1:${await freePort()}`;
  await start(
    {
      command: alertmanager.path,
      args: [
        `--config.file=${file}`,
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
