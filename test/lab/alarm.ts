// Prometheus on the host, with the rules of this repository, and what it raises.

import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { onTestFinished } from 'vitest';

import { type Prometheus, startPrometheus } from '../support/daemon/prometheus.ts';
import { eventually } from '../support/system/eventually.ts';

const RULES = fileURLToPath(
  new URL('../../deploy/prometheus/hwerr-exporter.rules.yml', import.meta.url),
);
const ALERT_MS = 60_000;

export interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly state: string;
}

/** Scrapes an exporter on this port, as the instance labhost, until the test ends. */
export async function startAlarm(
  program: string,
  folder: string,
  port: number,
): Promise<Prometheus> {
  if (!existsSync(RULES)) throw new Error(`the rules that are shipped are not there: ${RULES}`);
  copyFileSync(RULES, join(folder, 'rules.yml'));
  const config = [
    'global: { scrape_interval: 1s, evaluation_interval: 1s }',
    'rule_files: [rules.yml]',
    'scrape_configs:',
    '  - job_name: hwerr',
    `    static_configs: [{ targets: ['127.0.0.1:${port}'], labels: { instance: labhost } }]`,
    '',
  ];
  const server = await startPrometheus(program, folder, config.join('\n'));
  onTestFinished(() => server.stop());
  return server;
}

/** The alerts of a name that fire, once there are so many. */
export function alertsOf(
  { url }: Pick<Prometheus, 'url'>,
  name: string,
  count: number,
): Promise<readonly Alert[]> {
  return eventually(
    `${count} of the alert ${name}`,
    async () => {
      const { data } = (await (await fetch(`${url}/api/v1/alerts`)).json()) as {
        data: { alerts: Alert[] };
      };
      const firing = data.alerts.filter(
        ({ labels, state }) => labels['alertname'] === name && state === 'firing',
      );
      return firing.length >= count ? firing : undefined;
    },
    ALERT_MS,
  );
}

export function inWords({ labels, annotations }: Alert): string {
  return `${labels['alertname']}: ${annotations['summary']}\n${annotations['description']}`;
}
