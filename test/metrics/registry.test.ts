import { describe, expect, it } from 'vitest';

import { memoryLedger } from '../../src/ledger/ledger.ts';
import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import { type MetricsState, type Samples, project } from '../../src/metrics/projection.ts';
import { createMetrics } from '../../src/metrics/registry.ts';
import { valueIn } from '../support/program.ts';
import { counted, crashReport } from '../support/reports.ts';

function state(): MetricsState {
  return {
    ledger: memoryLedger(),
    ingest: {
      directories: [],
      queueLength: 0,
      decodesInProgress: 0,
      lastDecodeSeconds: 0,
      discovered: 0,
      decoded: 0,
      watchEvents: 0,
      watchErrors: 0,
      present: { complete: [], incomplete: [] },
    },
    nowSeconds: 2_000_000_000,
    version: '0.1.0',
    nodeVersion: '20.19.0',
  };
}

function namesIn(exposition: string): string[] {
  return [...exposition.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!);
}

describe('createMetrics', () => {
  it('renders every metric of the catalogue with its help and type', async () => {
    const body = await createMetrics(() => project(state()), false).render();
    for (const [name, { type, help }] of Object.entries(CATALOGUE)) {
      expect(body).toContain(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`);
    }
    expect(namesIn(body).sort()).toEqual(Object.keys(CATALOGUE).sort());
  });

  it('says that it is the text format 0.0.4', () => {
    const { contentType } = createMetrics(() => project(state()), false);
    expect(contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
  });

  it('adds process_* and nodejs_* when asked, without the three that promtool refuses', async () => {
    const body = await createMetrics(() => project(state()), true).render();
    const own = namesIn(body).filter((name) => !name.startsWith('hwerr_'));
    expect(own).toContain('process_cpu_seconds_total');
    expect(own).toContain('nodejs_eventloop_lag_seconds');
    expect(own.filter((name) => /^nodejs_active_.*_total$/.test(name))).toEqual([]);
  });

  it('writes the same again at the next scrape: a projection does not add up', async () => {
    const current = state();
    current.ledger.record(crashReport({ hwerr: counted({ pci: [7, 1_791_000_342] }) }));
    const metrics = createMetrics(() => project(current), false);
    const first = await metrics.render();
    expect(valueIn(first, 'hwerr_recoverable_errors_total{category="pci"}')).toBe(7);
    expect(await metrics.render()).toBe(first);
  });

  it('keeps no series that is gone', async () => {
    let current = state();
    current.ledger.record(crashReport({ hwerr: counted({ pci: [7, 1_791_000_342] }) }));
    const metrics = createMetrics(() => project(current), false);
    expect(await metrics.render()).toContain('hwerr_last_error_age_seconds{category="pci"}');
    current = state();
    const body = await metrics.render();
    expect(body).not.toMatch(/^hwerr_(last_error_age_seconds|last_crash_info)\{/m);
    expect(valueIn(body, 'hwerr_recoverable_errors_total{category="pci"}')).toBe(0);
  });

  it('counts decode durations in the buckets of the catalogue', async () => {
    const metrics = createMetrics(() => project(state()), false);
    for (const seconds of [0.003, 0.01, 0.3, 400]) metrics.observeDecode(seconds);
    const body = await metrics.render();
    const bucket = (le: string): number | undefined =>
      valueIn(body, `hwerr_dump_decode_duration_seconds_bucket{le="${le}"}`);
    expect(['0.005', '0.01', '0.1', '0.5', '300', '+Inf'].map(bucket)).toEqual([1, 2, 2, 3, 3, 4]);
    expect(valueIn(body, 'hwerr_dump_decode_duration_seconds_sum')).toBeCloseTo(400.313);
  });

  it('escapes what a dump says, so that it cannot forge a series', async () => {
    const current = state();
    const kernelRelease = '7.3"} 1\nhwerr_crashes_total 99\\';
    current.ledger.record(crashReport({ kernelRelease }));
    const body = await createMetrics(() => project(current), false).render();
    expect(valueIn(body, 'hwerr_crashes_total')).toBe(1);
    expect(body).toContain('kernel_release="7.3\\"} 1\\nhwerr_crashes_total 99\\\\"');
  });

  it('fails the scrape when there is nothing to render, rather than show what was', async () => {
    let broken = false;
    const metrics = createMetrics((): Samples => {
      if (broken) throw new Error('no samples');
      return project(state());
    }, false);
    await metrics.render();
    broken = true;
    await expect(metrics.render()).rejects.toThrow('no samples');
  });
});
