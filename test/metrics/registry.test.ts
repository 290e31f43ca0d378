/** One scrape: what fails leaves out its own; both formats are what Prometheus' own tools accept. */
import { spawnSync } from 'node:child_process';

import { describe, expect, it } from 'vitest';

import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import { exposed } from '../../src/metrics/exposition.ts';
import { crashSamples } from '../../src/metrics/crash-samples.ts';
import { buildSamples, failureSamples, kexecSamples } from '../../src/metrics/projection.ts';
import { createMetrics } from '../../src/metrics/registry.ts';
import { CRASH_TIME, counted, crashReport } from '../support/dumps/crash-reports.ts';
import type { CrashReport } from '../../src/vmcore/index.ts';
import { ledgerOf } from '../support/daemon/ledgers.ts';
import { needsTool } from '../support/system/tools.ts';

const promtool = needsTool('promtool');
const ledger = await ledgerOf(
  crash(1, CRASH_TIME, { pci: [7, CRASH_TIME - 9], cpu: [3, CRASH_TIME - 301] }),
  crash(2, CRASH_TIME - 200, { pci: [1, CRASH_TIME - 500] }),
  // The clock was set back: the error is dated after the crash, and nothing is said of its lead.
  crash(3, CRASH_TIME, { cxl: [1, CRASH_TIME + 5] }),
);
const totals = ledger.view.total();
await ledger.close();
const collect = () =>
  crashSamples(totals, { nowSeconds: CRASH_TIME + 10, isFirstPassRecorded: true });
const build = () => buildSamples({ version: '1', revision: 'abc', nodeVersion: '20' });

describe('a scrape', () => {
  it('leaves out a collector that fails, says so, and keeps the rest', async () => {
    const errors: unknown[] = [];
    const metrics = createMetrics('all', (error) => errors.push(error));
    const broken = (): never => {
      throw new Error('broken');
    };
    const { body } = await metrics.render([collect, broken, build], 'text');
    expect(body).toContain('hwerr_crashes_total 3');
    expect(body).toContain(
      'hwerr_exporter_build_info{version="1",revision="abc",node_version="20"} 1',
    );
    expect(body).toContain('process_start_time_seconds');
    expect(errors).toEqual([new Error('broken')]);
  });

  it('tells the lag of the event loop by its own, not by a timer that wakes the process', async () => {
    const { body } = await createMetrics('all', () => undefined).render([], 'text');
    const names = [...body.matchAll(/^# TYPE (nodejs_eventloop_lag\S*)/gm)].map(([, name]) => name);
    expect(names).toEqual(['nodejs_eventloop_lag_seconds']);
  });

  it('counts suspect crashes by category, and no lead below zero', () => {
    const samples = collect();
    const by = (name: keyof typeof samples): Record<string, number> =>
      Object.fromEntries(
        samples[name]!.map(({ labels, value }): [string, number] => [labels['category']!, value]),
      );
    expect(by('hwerr_suspect_crashes_total')).toEqual({
      cpu: 0,
      memory: 0,
      pci: 2, // one of them by a lead of exactly the window
      cxl: 0,
      others: 0,
    });
    expect(by('hwerr_recoverable_errors_total')).toEqual({
      cpu: 3,
      memory: 0,
      pci: 8,
      cxl: 1,
      others: 0,
    });
    expect(by('hwerr_last_crash_error_lead_seconds')).toEqual({});
    expect(by('hwerr_last_error_age_seconds')).toMatchObject({ pci: 19, cxl: 5 });
  });

  it('says whether kdump is armed only where that is known', () => {
    expect(kexecSamples(true)).toEqual({ hwerr_kexec_crash_loaded: [{ labels: {}, value: 1 }] });
    expect(kexecSamples(false)).toEqual({ hwerr_kexec_crash_loaded: [{ labels: {}, value: 0 }] });
    expect(kexecSamples(undefined)).toEqual({ hwerr_kexec_crash_loaded: [] });
  });

  it('escapes labels and help in both formats', () => {
    const name = 'x_total';
    const labels = { path: 'a\\b"c\nd\u001b' };
    const family = {
      name,
      help: 'h\\e"l\np',
      type: 'counter',
      samples: [{ name, labels, value: 1 }],
    };
    expect(exposed([family], 'text')).toBe(
      '# HELP x_total h\\\\e"l\\np\n# TYPE x_total counter\nx_total{path="a\\\\b\\"c\\nd\u001b"} 1\n',
    );
    expect(exposed([family], 'openmetrics')).toBe(
      '# HELP x h\\\\e\\"l\\np\n# TYPE x counter\nx_total{path="a\\\\b\\"c\\nd\u001b"} 1\n# EOF\n',
    );
  });

  it('writes bucket bounds as floats in OpenMetrics', async () => {
    const metrics = createMetrics('none', () => undefined);
    metrics.observeDecode(0.3);
    const { body } = await metrics.render([], 'openmetrics');
    expect(body).toContain('hwerr_dump_decode_duration_seconds_bucket{le="1.0"} 1');
    expect(body).toContain('hwerr_dump_decode_duration_seconds_bucket{le="+Inf"} 1');
    expect((await metrics.render([], 'text')).body).toContain('{le="1"} 1');
  });

  promtool.it('passes promtool check metrics, the process included', async () => {
    const metrics = createMetrics('all', () => undefined);
    const failures = () =>
      failureSamples({
        isRead: true,
        failures: () => ({}),
        lastFailures: () => [],
        dumpsWithoutHwerr: () => 0,
      });
    const { body } = await metrics.render(
      [collect, build, failures, () => kexecSamples(true)],
      'text',
    );
    const check = spawnSync(promtool.path, ['check', 'metrics'], { input: body, encoding: 'utf8' });
    expect([check.status, check.stderr]).toEqual([0, '']);
  });
});

describe('the catalogue', () => {
  for (const [name, { help, type }] of Object.entries(CATALOGUE)) {
    it(`${name} is named by its type and explained`, () => {
      expect(name.endsWith('_total')).toBe(type === 'counter');
      expect(help).toMatch(/^[A-Z].*\.$|[^.]$/);
      expect(help.length).toBeGreaterThan(30);
    });
  }
});

function crash(
  number: number,
  crashTimeSeconds: number,
  errors: Parameters<typeof counted>[0],
): CrashReport {
  return crashReport({ bootId: `boot-${number}`, crashTimeSeconds, hwerr: counted(errors) });
}
