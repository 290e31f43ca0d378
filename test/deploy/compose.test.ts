import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

import { ROOT } from './processes.ts';

interface Compose {
  readonly services: Readonly<
    Record<string, { build?: string; image?: string; volumes: string[]; ports: string[] }>
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
