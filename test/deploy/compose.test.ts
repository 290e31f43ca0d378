import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

import { eventually } from '../support/system/eventually.ts';
import { KNOWN_VARIABLES } from './names.ts';
import { Cleanup, ROOT, start } from './processes.ts';
import { freePort } from '../support/system/free-port.ts';
import { MAIN } from '../support/daemon/program.ts';

interface Compose {
  readonly services: Readonly<
    Record<
      string,
      {
        build?: string;
        image?: string;
        environment?: Record<string, string>;
        volumes: string[];
        ports: string[];
      }
    >
  >;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const FOLDER = join(ROOT, 'deploy/compose');
const { services, volumes } = parse(readFileSync(join(FOLDER, 'compose.yaml'), 'utf8')) as Compose;

describe.each(Object.entries(services))('service %s', (_name, service) => {
  it('mounts what is there, read-only', () => {
    for (const volume of service.volumes) {
      const [from = '', , mode] = volume.split(':');
      if (from.startsWith('.')) {
        expect(mode).toBe('ro');
        expect(existsSync(resolve(FOLDER, from))).toBe(true);
      } else {
        expect(Object.keys(volumes)).toContain(from);
      }
    }
  });

  it('is reachable from this machine alone', () => {
    for (const port of service.ports) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  it('is built here, or of a version that stays', () => {
    if (service.build === undefined) expect(service.image).toMatch(/:v?\d+\.\d+\.\d+$/);
    else expect(existsSync(resolve(FOLDER, service.build, 'Dockerfile'))).toBe(true);
  });
});

it('Prometheus scrapes the exporter, Grafana asks Prometheus, by the names of their services', () => {
  const prometheus = readFileSync(join(ROOT, 'deploy/prometheus/prometheus.yml'), 'utf8');
  expect(prometheus).toContain("'exporter:10048'");
  expect(Object.keys(services)).toContain('exporter');
  const source = join(FOLDER, 'grafana/datasources/prometheus.yaml');
  const { datasources } = parse(readFileSync(source, 'utf8')) as { datasources: { url: string }[] };
  expect(datasources.map(({ url }) => new URL(url).hostname)).toEqual(['prometheus']);
});

it('the exporter gets settings that exist', () => {
  for (const name of Object.keys(services['exporter']?.environment ?? {})) {
    expect(KNOWN_VARIABLES).toContain(name);
  }
});

it('the exporter decodes every one of its dumps', async () => {
  const cleanup = new Cleanup();
  const { environment = {}, volumes: mounted = [] } = services['exporter'] ?? {};
  const dumps = mounted.map((volume) => volume.split(':')).find(([, to]) => to === '/var/crash');
  const here = (text: string): string =>
    text.replaceAll('/var/crash', resolve(FOLDER, dumps?.[0] ?? ''));
  const address = `127.0.0.1:${await freePort()}`;
  const flags = [`--kdump.path=${here('/var/crash')}`, `--web.listen-address=${address}`];
  const env = Object.fromEntries(
    Object.entries({ ...environment, HWERR_LEDGER_PATH: cleanup.folder() }).map(([name, text]) => [
      name,
      here(text),
    ]),
  );
  const readyUrl = `http://${address}/-/ready`;
  try {
    await start({ command: process.execPath, args: [MAIN, ...flags], env, readyUrl }, cleanup);
    const text = await eventually('all dumps are decoded', async () => {
      const answer = await (await fetch(`http://${address}/metrics`)).text();
      const found = /^hwerr_dumps_discovered_total (\d+)$/m.exec(answer)?.[1];
      return answer.includes(`\nhwerr_dumps_decoded_total ${found ?? ''}\n`) && found !== '0'
        ? answer
        : undefined;
    });
    expect(text).not.toMatch(/^hwerr_dump_decode_failures_total\{.*\} [^0]/m);
    expect(text).toMatch(/^hwerr_suspect_crashes_total\{category="pci"\} [^0]/m);
  } finally {
    await cleanup.run();
  }
});
