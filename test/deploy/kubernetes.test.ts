import { PodMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PodMonitor';
import { PrometheusRule } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule';
import { ScrapeConfig } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1alpha1/ScrapeConfig';
import { DaemonSet } from 'kubernetes-models/apps/v1/DaemonSet';
import { Deployment } from 'kubernetes-models/apps/v1/Deployment';
import { StatefulSet } from 'kubernetes-models/apps/v1/StatefulSet';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import { Namespace } from 'kubernetes-models/v1/Namespace';
import { PersistentVolumeClaim } from 'kubernetes-models/v1/PersistentVolumeClaim';
import { Service } from 'kubernetes-models/v1/Service';

import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';

import { needsTool } from '../support/system/tools.ts';
import { KNOWN_FLAGS } from './names.ts';
import { ROOT } from './processes.ts';

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

type Model = new (data: never) => { validate(): void };

const MODELS: Readonly<Record<string, unknown>> = {
  DaemonSet,
  Deployment,
  Namespace,
  NetworkPolicy,
  PersistentVolumeClaim,
  PodMonitor,
  PrometheusRule,
  ScrapeConfig,
  Service,
  StatefulSet,
};

const FOLDER = join(ROOT, 'deploy/kubernetes');
const variants = readdirSync(FOLDER);
const files = variants.flatMap((variant) =>
  readdirSync(join(FOLDER, variant))
    .filter((file) => file !== 'kustomization.yaml')
    .map((file) => `${variant}/${file}`),
);

/** Every object below, with its path. */
function* objectsIn(value: unknown, path = ''): Generator<[string, Record<string, unknown>]> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield [path, value as Record<string, unknown>];
  for (const [key, child] of Object.entries(value)) yield* objectsIn(child, `${path}/${key}`);
}

/**
 * Checks a manifest against the schema of its kind. The schemas let unknown fields pass; those are
 * the ones that validation never looked at.
 */
function problems(manifest: Manifest): string[] {
  const model = MODELS[manifest.kind];
  if (model === undefined) return [`no schema of ${manifest.kind}`];
  const read = new Set<string>();
  const watched = <T extends object>(object: T, path: string): T =>
    new Proxy(object, {
      get(target, key, receiver): unknown {
        const value: unknown = Reflect.get(target, key, receiver);
        if (typeof key === 'string') read.add(`${path}/${key}`);
        return typeof value === 'object' && value !== null
          ? watched(value, `${path}/${String(key)}`)
          : value;
      },
    });
  const wrapped = Object.fromEntries(
    Object.entries(manifest).map(([key, value]) => [
      key,
      typeof value === 'object' ? watched(value as object, `/${key}`) : (value as unknown),
    ]),
  );
  try {
    const validated = new (model as Model)(manifest as never);
    Object.assign(validated, wrapped);
    read.clear();
    validated.validate();
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
  return [...objectsIn(manifest)]
    .filter(([path]) => path !== '')
    .flatMap(([path, object]) => Object.keys(object).map((key) => `${path}/${key}`))
    .filter((path) => !read.has(path))
    .map((path) => `unknown field ${path}`);
}

const manifestOf = (file: string): Manifest =>
  parse(readFileSync(join(FOLDER, file), 'utf8')) as Manifest;

describe.each(files)('deploy/kubernetes/%s', (file) => {
  const manifest = manifestOf(file);

  it('is what the schema of its kind says', () => {
    expect(problems(manifest)).toEqual([]);
  });

  it('runs nothing privileged, drops every capability, and mounts dumps read-only', () => {
    for (const [path, object] of objectsIn(manifest)) {
      if (!/\/containers\/\d+$/.test(path)) continue;
      expect(object['securityContext']).toMatchObject({
        privileged: false,
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      const mounts = object['volumeMounts'] as { name: string; readOnly?: boolean }[];
      expect(mounts.find(({ name }) => name === 'dumps')?.readOnly).toBe(true);
    }
  });

  it('gives the exporter flags it has', () => {
    const flags = JSON.stringify(manifest).matchAll(/"--([\w.-]+)=/g);
    for (const [, flag] of flags) expect(KNOWN_FLAGS).toContain(flag);
  });
});

it.each(['node/daemonset.yaml', 'textfile/daemonset.yaml'])(
  '%s sees what its host mounts over the dump directory later',
  (file) => {
    const mounts = [...objectsIn(manifestOf(file))].map(([, object]) => object);
    expect(mounts).toContainEqual({
      name: 'dumps',
      mountPath: '/var/crash',
      readOnly: true,
      mountPropagation: 'HostToContainer',
    });
  },
);

it('a mistyped field and a mistyped value are found', () => {
  const text = readFileSync(join(FOLDER, 'node/daemonset.yaml'), 'utf8');
  const typo = parse(text.replace('readOnlyRootFilesystem', 'readonlyRootFilesystem')) as Manifest;
  expect(problems(typo).join()).toMatch(/unknown field .*readonlyRootFilesystem/);
  const value = parse(text.replace('containerPort: 10048', 'containerPort: http')) as Manifest;
  expect(problems(value).join()).toContain('containerPort must be integer');
});

const kubectl = needsTool('kubectl');
kubectl.describe('kubectl kustomize', () => {
  it.each(variants)('makes of %s every object of its files, in its namespace', (variant) => {
    const made = execFileSync(kubectl.path, ['kustomize', join(FOLDER, variant)], {
      encoding: 'utf8',
      stdio: 'pipe',
    });
    const objects = parseAllDocuments(made).map((document) => document.toJS() as Manifest);
    const own = files.filter((file) => file.startsWith(`${variant}/`)).map(manifestOf);
    const nameOf = ({ kind, metadata }: Manifest): string => `${kind} ${metadata.name}`;
    expect(objects.map(nameOf).sort()).toEqual(own.map(nameOf).sort());
    const isCentral = ['central', 'shared', 'sharded'].includes(variant);
    const namespace = isCentral ? 'hwerr-central' : 'hwerr-exporter';
    for (const object of objects) {
      if (object.kind === 'Namespace') expect(object.metadata.name).toBe(namespace);
      else expect(object.metadata.namespace).toBe(namespace);
      expect(problems(object)).toEqual([]);
    }
    if (!variant.startsWith('rules')) expect(made).toMatch(/image: hwerr-exporter:0\.1\.0/);
  });
});

it.each(['central', 'shared'])('%s is asked for its hosts where its service is', (variant) => {
  const { spec } = manifestOf(`${variant}/scrapeconfig.yaml`) as Manifest & {
    readonly spec: { readonly httpSDConfigs: readonly { readonly url: string }[] };
  };
  const { metadata: service } = manifestOf(`${variant}/service.yaml`);
  const { metadata: namespace } = manifestOf(`${variant}/namespace.yaml`);
  expect(spec.httpSDConfigs.map(({ url }) => url)).toEqual([
    `http://${service.name}.${namespace.name}.svc:10048/sd`,
  ]);
});

it('sharded has as many collectors as each is told, and each is asked for its hosts', () => {
  const { metadata, spec } = manifestOf('sharded/statefulset.yaml') as Manifest & {
    readonly spec: { readonly replicas: number; readonly serviceName: string };
  };
  const { spec: scraped } = manifestOf('sharded/scrapeconfig.yaml') as Manifest & {
    readonly spec: { readonly httpSDConfigs: readonly { readonly url: string }[] };
  };
  const { metadata: namespace } = manifestOf('sharded/namespace.yaml');
  const shard = `--central.shard=$(POD_INDEX)/${spec.replicas}`;
  expect(JSON.stringify(spec)).toContain(JSON.stringify(shard));
  expect(spec.serviceName).toBe(manifestOf('sharded/service.yaml').metadata.name);
  const domain = `${spec.serviceName}.${namespace.name}.svc:10048`;
  expect(scraped.httpSDConfigs.map(({ url }) => url)).toEqual(
    Array.from({ length: spec.replicas }, (_, i) => `http://${metadata.name}-${i}.${domain}/sd`),
  );
});
