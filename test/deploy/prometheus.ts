// Debian's Prometheus with the shipped configuration and rules, made fast; and questions to it.

import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { parse, stringify } from 'yaml';

import { startPrometheus as startProgram } from '../support/daemon/prometheus.ts';
import { type Cleanup, ROOT } from './processes.ts';

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

/** Deployments as the shipped configurations have them. */
type Shipped = 'prometheus.yml' | 'prometheus-central.yml';

export interface PrometheusOptions {
  /** HOST:PORT it scrapes, every second; one or several. */
  readonly daemon: string | readonly string[];
  /** HOST:PORT it sends alerts to. */
  readonly alertmanager?: string;
  readonly config?: Shipped;
}

export async function startPrometheus(
  program: string,
  { daemon, alertmanager, config = 'prometheus.yml' }: PrometheusOptions,
  cleanup: Cleanup,
): Promise<Prometheus> {
  const folder = cleanup.folder();
  copyFileSync(RULES, join(folder, 'hwerr-exporter.rules.yml'));
  const server = await startProgram(
    program,
    folder,
    hurried(readFileSync(join(ROOT, 'deploy/prometheus', config), 'utf8'))
      .replace(/^( *- )exporter:10048$/gm, (_line, item: string) =>
        [daemon]
          .flat()
          .map((address) => item + address)
          .join('\n'),
      )
      .replaceAll('exporter:10048', [daemon].flat().join())
      .concat(alertmanager === undefined ? '' : alerting(alertmanager)),
  );
  cleanup.add(() => server.stop());
  return {
    url: server.url,
    query: (expression) => ask(`${server.url}/api/v1/query`, { query: expression }),
    queryRange(expression, seconds): Promise<readonly Series[]> {
      const end = Date.now() / 1000;
      const step = String(Math.max(1, Math.ceil(seconds / 60)));
      const range = { start: String(end - seconds), end: String(end), step };
      return ask(`${server.url}/api/v1/query_range`, { query: expression, ...range });
    },
  };
}

/** A configuration that does everything every second. */
function hurried(config: string): string {
  const { global: _, ...rest } = parse(config) as Record<string, unknown>;
  return (
    stringify({ global: { scrape_interval: '1s', evaluation_interval: '1s' }, ...rest })
      // Prometheus asks for targets every minute.
      .replace(/( +)- url: .*\/sd$/gm, '$&\n$1  refresh_interval: 1s')
  );
}

function alerting(address: string): string {
  return `\nalerting:\n  alertmanagers:\n    - static_configs:\n        - targets: ['${address}']\n`;
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
