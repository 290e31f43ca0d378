/**
 * The dashboards, asked as Grafana would ask: every panel returns data from a real Prometheus that
 * scraped the real daemon with real dumps. HWERR_UPDATE=1 writes what came back to
 * deploy/docs/*.svg.
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';

import { eventually } from '../support/system/eventually.ts';
import { fixture } from '../support/dumps/fixtures.ts';
import { writeRedatedDump } from '../support/dumps/redated.ts';
import { needsTool } from '../support/system/tools.ts';
import { KNOWN_METRICS, metricsIn } from './names.ts';
import { type Panel, type PanelData, picture } from './picture.ts';
import { Cleanup, ROOT, drop, startDaemon } from './processes.ts';
import { type Prometheus, RULES, startPrometheus } from './prometheus.ts';
import { PCI_CRASH, SAMPLES } from './samples.ts';

interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly annotations: {
    readonly list: readonly { readonly expr: string; readonly useValueForTime: string }[];
  };
  readonly templating: {
    readonly list: readonly { name: string; type: string; query: string | { query: string } }[];
  };
  readonly panels: readonly (Panel & {
    readonly description: string;
    readonly datasource: { readonly uid: string };
    readonly targets: readonly { readonly datasource: { readonly uid: string } }[];
  })[];
}

/** The running kernel is not asked; and this machine may not say whether kdump is armed. */
const ABSENT_HERE: ReadonlySet<string> = new Set([
  'hwerr_live_recoverable_errors_total',
  ...(existsSync('/sys/kernel/kexec_crash_loaded') ? [] : ['hwerr_kexec_crash_loaded']),
]);
/** Its log is in the dump, and has errors of memory and others. */
const LOGGED_CRASH = 'arm64-7.2.13.elf';
/** Of the newest crash, whose dump has none. */
const LOG = `[   32.514997] pcieport 0000:00:02.0: AER: Uncorrectable (Non-Fatal) error message received from 0000:01:00.0
[   41.756159] Kernel panic - not syncing: sysrq triggered crash
[   41.756160] CPU: 0 UID: 0 PID: 1 Comm: sh Not tainted 7.3.4+deb13-cloud-amd64 #1
[   41.756161] Hardware name: QEMU Standard PC (Q35 + ICH9, 2009), BIOS 1.17.0-debian-1.17.0-1 04/01/2014
`;
const updating = Boolean(process.env['HWERR_UPDATE']);
const FOLDER = join(ROOT, 'deploy/grafana/dashboards');
const dashboards = readdirSync(FOLDER).map((file) => ({
  file,
  ...(JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as Dashboard),
}));
const recorded = (
  parse(readFileSync(RULES, 'utf8')) as { groups: { rules: { record?: string }[] }[] }
).groups.flatMap(({ rules }) => rules.flatMap(({ record }) => record ?? []));

it('the dashboards are one of the fleet and one of a host, under addresses that stay', () => {
  expect(dashboards.map(({ file, uid }) => [file, uid])).toEqual([
    ['hwerr-fleet.json', 'hwerr-fleet'],
    ['hwerr-host.json', 'hwerr-host'],
  ]);
});

describe.each(dashboards)('$file', ({ annotations, panels, templating, file }) => {
  const variables = templating.list.map(({ name }) => name);

  it('lets choose the data source, instances and categories', () => {
    expect(variables).toEqual(['datasource', 'job', 'instance', 'category']);
  });

  it('has panels that do not overlap, each with an id, a description and a unit', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)}:${y + Math.floor(i / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    for (const { description, fieldConfig } of panels) {
      expect(description).not.toBe('');
      expect(fieldConfig.defaults.unit).not.toBe('');
    }
  });

  it.each(panels)('$title: asks the chosen data source for metrics that exist', (panel) => {
    expect(new Set(panel.targets.map(({ refId }) => refId)).size).toBe(panel.targets.length);
    for (const { expr, datasource } of [...panel.targets]) {
      expect(datasource.uid).toBe('${datasource}');
      for (const metric of metricsIn(substituted(expr))) {
        expect([...KNOWN_METRICS, ...recorded]).toContain(metric);
      }
      for (const [, name] of expr.matchAll(/\$(\w+)/g)) {
        expect([...variables, '__range', '__range_s']).toContain(name);
      }
    }
  });

  it('marks each crash where its own time is', () => {
    const [crashes, ...others] = annotations.list;
    expect(others).toEqual([]);
    expect(metricsIn(substituted(crashes?.expr ?? ''))).toEqual([
      'hwerr_last_recorded_crash_timestamp_seconds',
    ]);
    expect(crashes?.useValueForTime).toBe('on');
  });

  it('goes by no window of its own, and by no counter that may be born with a value', () => {
    const text = JSON.stringify(panels);
    expect(text).not.toMatch(/\b30[01]\b/);
    expect(text).not.toMatch(/increase\(|__interval/);
  });

  it('has its picture in the documentation', () => {
    const svg = readFileSync(join(ROOT, 'deploy/docs', file.replace('.json', '.svg')), 'utf8');
    for (const { title } of panels) expect(svg).toContain(`>${title}</text>`);
  });
});

const prometheus = needsTool('prometheus');
describe('with sample dumps', () => {
  prometheus.describe('Prometheus', () => {
    const cleanup = new Cleanup();
    /** What is to be undone of the daemon alone. */
    const host = new Cleanup();
    let server: Prometheus;

    beforeAll(async () => {
      const folder = cleanup.folder();
      const directory = join(folder, 'crash');
      for (const name of [...SAMPLES.filter((name) => name !== PCI_CRASH), LOGGED_CRASH]) {
        drop(fixture(name), directory, `before-${name}`);
      }
      writeFileSync(join(directory, 'vmcore'), 'notes of somebody, and no dump');
      const daemon = await startDaemon(directory, host);
      server = await startPrometheus(prometheus.path, { daemon }, cleanup);
      await crashes(server, 4);
      const log = join(directory, 'newest', 'vmcore-dmesg.txt');
      mkdirSync(dirname(log));
      writeFileSync(log, LOG);
      // The newest: a dump among the others has no date and goes by when it was recorded.
      const dump = writeRedatedDump(join(folder, 'dump'), Math.floor(Date.now() / 1000));
      drop(dump, directory, 'newest');
      await crashes(server, 5);
      await eventually('the rules were evaluated', async () => {
        const [verdict] = await server.query('instance:hwerr_last_crash:verdict');
        return verdict?.points[0]?.[1] === 3 ? true : undefined;
      });
      if (updating) await sleep(20_000); // lines to draw
    });
    afterAll(async () => {
      await cleanup.run();
      await host.run();
    });

    it.each(dashboards)('returns data for every panel of $file', async ({ file, panels }) => {
      const data = new Map<number, PanelData>();
      for (const { id, title, targets } of panels) {
        const answers = await Promise.all(
          targets.map((target) =>
            // While one scrape takes longer than the second that it has there are no samples.
            eventually(`${title}: ${target.expr}`, async () => {
              const answer = await ask(server, target);
              return answer.length > 0 || isAbsentHere(target.expr) ? answer : undefined;
            }),
          ),
        );
        data.set(id, answers);
      }
      const svg = picture(panels, data);
      expect(svg.match(/<g /g)?.length).toBe(panels.length);
      const path = join(ROOT, 'deploy/docs', file.replace('.json', '.svg'));
      if (updating) writeFileSync(path, svg);
    });

    it('returns the numbers that are known of the crash', async () => {
      const value = async (expression: string): Promise<number | undefined> =>
        (await server.query(expression))[0]?.points[0]?.[1];
      const said = (expression: string) => expect.poll(() => value(expression));
      await said('hwerr_last_crash_error_lead_seconds{category="pci"}').toBe(9);
      await said('hwerr_last_crash_recoverable_errors{category="pci"}').toBe(7);
      await said('sum(hwerr_recoverable_errors_total{category="pci"})').toBe(18);
      await said('sum(increase(hwerr_crashes_total[1h]))').toBeGreaterThan(0);
      await said('sum(hwerr_dump_decode_failures_total)').toBe(1);
      await said('hwerr_last_crash_part_info{part="0000:01:00.0"}').toBe(1);
      await said('hwerr_crashes_by_type_total{type="sysrq"}').toBe(1);
    });

    it.each(dashboards[0]?.templating.list.filter(({ type }) => type === 'query') ?? [])(
      'has values for the variable $name',
      async ({ query }) => {
        const text = typeof query === 'string' ? query : query.query;
        const [, selector = '', label = ''] = /^label_values\((.+), (\w+)\)$/.exec(text) ?? [];
        const series = await eventually(`series of ${selector}`, async () => {
          const found = await server.query(substituted(selector));
          return found.length > 0 ? found : undefined;
        });
        expect(series.map(({ labels }) => labels[label])).not.toContain(undefined);
      },
    );

    it('keeps the sums of the fleet while its host is down', async () => {
      const total = dashboards[0]?.panels.find(({ title }) => title === 'Crashes recorded');
      const sum = async (): Promise<number | undefined> =>
        (await ask(server, total!.targets[0]!))[0]?.points[0]?.[1];
      expect(await sum()).toBe(5);
      await host.run();
      await eventually(
        'the host is down',
        async () => (await server.query('hwerr_crashes_total')).length === 0 || undefined,
      );
      expect(await sum()).toBe(5);
    });
  });
});

async function crashes(server: Prometheus, want: number): Promise<void> {
  await eventually(`Prometheus knows ${want} crashes`, async () => {
    const [series] = await server.query('hwerr_crashes_total');
    return series?.points[0]?.[1] === want ? true : undefined;
  });
}

function isAbsentHere(expression: string): boolean {
  return metricsIn(substituted(expression)).some((name) => ABSENT_HERE.has(name));
}

/** As Grafana asks when everything is chosen. */
function substituted(expression: string): string {
  return expression
    .replace(/\$(job|instance|category)\b/g, '.+')
    .replace(/\$__range_s\b/g, '3600')
    .replace(/\$__range\b/g, '1h');
}

async function ask(server: Prometheus, target: Panel['targets'][number]): Promise<PanelData[0]> {
  const expression = substituted(target.expr);
  return target.instant ? server.query(expression) : server.queryRange(expression, 60);
}
