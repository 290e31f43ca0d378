// Debian's Prometheus with the shipped configuration and rules, made fast; and questions to it.

import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { type Cleanup, ROOT, freePort, start } from './processes.ts';

export const RULES: string = join(ROOT, 'deploy/prometheus/hwerr-exporter.rules.yml');

/** One time series of an answer: labels, and [Unix seconds, value] pairs. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly points: readonly (readonly [number, number])[];
}

export interface Prometheus {
  readonly url: string;
  query(expression: string): Promise<readonly Series[]>;
  /** Over the last `seconds`, at most 60 points. */
  queryRange(expression: string, seconds: number): Promise<readonly Series[]>;
}

/**
 * @param daemon HOST:PORT it scrapes, every second.
 * @param alertmanager HOST:PORT it sends alerts to.
 */
export async function startPrometheus(
  program: string,
  { daemon, alertmanager }: { readonly daemon: string; readonly alertmanager?: string },
  cleanup: Cleanup,
): Promise<Prometheus> {
  const folder = cleanup.folder();
  const shipped = readFileSync(join(ROOT, 'deploy/prometheus/prometheus.yml'), 'utf8');
  const config = shipped
    .replaceAll('exporter:10048', daemon)
    .replace(/(scrape|evaluation)_interval: .*/g, '$1_interval: 1s');
  const alerting =
    alertmanager === undefined
      ? ''
      : `\nalerting:\n  alertmanagers:\n    - static_configs:\n        - targets: ['${alertmanager}']\n`;
  writeFileSync(join(folder, 'prometheus.yml'), config + alerting);
  copyFileSync(RULES, join(folder, 'hwerr-exporter.rules.yml'));
  const address = `127.0.0.1:${await freePort()}`;
  await start(
    {
      command: program,
      args: [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=${address}`,
      ],
      readyUrl: `http://${address}/-/ready`,
    },
    cleanup,
  );
  const url = `http://${address}`;
  return {
    url,
    query: (expression) => ask(`${url}/api/v1/query`, { query: expression }),
    queryRange(expression, seconds): Promise<readonly Series[]> {
      const end = Math.floor(Date.now() / 1000);
      const step = String(Math.max(1, Math.ceil(seconds / 60)));
      const range = { start: String(end - seconds), end: String(end), step };
      return ask(`${url}/api/v1/query_range`, { query: expression, ...range });
    },
  };
}

interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data: {
    readonly result: readonly {
      readonly metric: Record<string, string>;
      readonly value?: readonly [number, string];
      readonly values?: readonly (readonly [number, string])[];
    }[];
  };
}

async function ask(url: string, parameters: Record<string, string>): Promise<Series[]> {
  const response = await fetch(`${url}?${new URLSearchParams(parameters).toString()}`);
  const answer = (await response.json()) as Answer;
  if (answer.status !== 'success') {
    throw new Error(`${parameters['query'] ?? ''}: ${answer.error ?? 'no reason given'}`);
  }
  return answer.data.result.map(({ metric, value, values }) => ({
    labels: metric,
    points: (values ?? (value === undefined ? [] : [value])).map(([t, v]) => [t, Number(v)]),
  }));
}
