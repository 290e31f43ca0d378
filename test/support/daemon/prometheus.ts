/** A real Prometheus over a configuration, on a port of its own. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { eventually } from '../system/eventually.ts';
import { freePort } from '../system/free-port.ts';
import { exitOf } from './program.ts';

export interface Prometheus {
  readonly url: string;
  /** The samples of an instant query, by the values of these labels. */
  query(promql: string, ...labels: readonly string[]): Promise<Readonly<Record<string, number>>>;
  stop(): Promise<void>;
}

export async function startPrometheus(
  program: string,
  folder: string,
  config: string,
): Promise<Prometheus> {
  const file = join(folder, 'prometheus.yml');
  writeFileSync(file, config);
  const port = await freePort();
  const child = spawn(
    program,
    [
      ...[`--config.file=${file}`, `--storage.tsdb.path=${join(folder, 'tsdb')}`],
      ...[`--web.listen-address=127.0.0.1:${port}`, '--log.level=warn'],
      // What it sent before it knew where to is sent again so soon.
      '--rules.alert.resend-delay=2s',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    log += piece;
  });
  const url = `http://127.0.0.1:${port}`;
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await exitOf(child);
  };
  await eventually('Prometheus is ready', async () => {
    if (child.exitCode !== null) throw new Error('Prometheus ended');
    const ready = await fetch(`${url}/-/ready`).catch(() => undefined);
    return ready?.ok ? true : undefined;
  }).catch(async (error: unknown) => {
    await stop();
    throw new Error(`${String(error)}\n${log}`, { cause: error });
  });
  return {
    url,
    async query(promql, ...labels) {
      const response = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(promql)}`);
      const { data } = (await response.json()) as {
        data: { result: { metric: Record<string, string>; value: [number, string] }[] };
      };
      return Object.fromEntries(
        data.result.map(({ metric, value }) => [
          labels.map((label) => metric[label] ?? '').join(' '),
          Number(value[1]),
        ]),
      );
    },
    stop,
  };
}
