import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

import { VERDICTS } from '../../src/triage.ts';
import { needsTool } from '../support/system/tools.ts';
import { anchorsOf } from './markdown.ts';
import { KNOWN_METRICS, metricsIn } from './names.ts';
import { ROOT } from './processes.ts';
import { RULES } from './prometheus.ts';

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface UnitTests {
  readonly tests: readonly {
    readonly alert_rule_test?: readonly {
      readonly alertname: string;
      readonly exp_alerts: readonly unknown[];
    }[];
  }[];
}

const RUNBOOKS = join(ROOT, 'deploy/docs/runbooks.md');
const UNIT_TESTS = join(ROOT, 'test/deploy/rules.promtool.yml');
const { groups } = parse(readFileSync(RULES, 'utf8')) as { groups: { rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);
const alerts = rules.filter(({ alert }) => alert !== undefined);
const recorded = rules.flatMap(({ record }) => (record === undefined ? [] : [record]));
const promtool = needsTool('promtool');

promtool.describe('promtool', () => {
  it('accepts the rules', () => {
    execFileSync(promtool.path, ['check', 'rules', RULES], { stdio: 'pipe' });
  });

  it('finds that every alert fires, does not fire, and resolves when it should', () => {
    execFileSync(promtool.path, ['test', 'rules', UNIT_TESTS], { stdio: 'pipe' });
  });

  it('accepts the Prometheus configuration', () => {
    const config = join(ROOT, 'deploy/prometheus/prometheus.yml');
    execFileSync(promtool.path, ['check', 'config', config], { stdio: 'pipe' });
  });
});

it('the verdict as a number has one for each verdict', () => {
  const rule = rules.find(({ record }) => record === 'instance:hwerr_last_crash:verdict');
  const said = [...(rule?.expr ?? '').matchAll(/verdict=~?"([^"]*)"/g)];
  expect(said.flatMap(([, kinds = '']) => kinds.split('|')).sort()).toEqual([...VERDICTS].sort());
});

describe.each(alerts)('$alert', ({ alert = '', labels, annotations }) => {
  it('is tested before, while and after it fires', () => {
    const { tests } = parse(readFileSync(UNIT_TESTS, 'utf8')) as UnitTests;
    const sequences = tests.map(({ alert_rule_test: steps = [] }) =>
      steps
        .filter(({ alertname }) => alertname === alert)
        .map(({ exp_alerts }) => (exp_alerts.length > 0 ? 'fires' : 'quiet'))
        .join(' '),
    );
    expect(sequences.some((steps) => /quiet.* fires.* quiet/.test(steps))).toBe(true);
  });

  it('says what happened, how bad it is, and where to read what to do', () => {
    expect(['warning', 'critical']).toContain(labels?.['severity']);
    expect(annotations?.['summary']).toMatch(/\{\{ \$labels\.(instance|kernel_release|job) \}\}/);
    expect(annotations?.['description']?.length).toBeGreaterThan(100);
    const [base, anchor] = (annotations?.['runbook_url'] ?? '').split('#');
    expect(base).toBe(link('runbooks'));
    expect(anchorsOf(readFileSync(RUNBOOKS, 'utf8'))).toContain(anchor);
  });

  it('links to the dashboard of its host, or to that of the fleet', () => {
    const url = annotations?.['dashboard_url'] ?? '';
    expect(url.startsWith(`${link('dashboards')}/d/`)).toBe(true);
    const [, uid] = /\/d\/([\w-]+)/.exec(url) ?? [];
    const dashboards = readdirSync(join(ROOT, 'deploy/grafana/dashboards'));
    expect(dashboards).toContain(`${uid}.json`);
  });

  it('links to the crash if it is about one', () => {
    const isOfCrash = annotations?.['description']?.includes('$labels.crash') === true;
    expect(annotations?.['crash_url']?.endsWith('/crash/{{ $labels.crash }}')).toBe(
      isOfCrash ? true : undefined,
    );
  });
});

/** How an annotation begins that goes by the one setting of the rules. */
function link(label: string): string {
  return `{{ with query "hwerr:links" }}{{ . | first | label "${label}" }}{{ end }}`;
}

it('the links are one setting, and lead to whole addresses', () => {
  const [first, ...others] = rules.filter(({ record }) => record === 'hwerr:links');
  expect(others).toEqual([]);
  for (const label of ['runbooks', 'dashboards']) {
    expect(first?.labels?.[label]).toMatch(/^https:\/\//);
  }
});

it('no rule goes by how much a counter of crashes or failures grew, nor by a window of its own', () => {
  const grown = rules.flatMap(({ expr }) => [
    ...expr.matchAll(/(?:increase|rate|delta|changes)\((\w+)/g),
  ]);
  const names = grown.map(([, metric]) => metric);
  expect(names.sort()).toEqual(['hwerr_ledger_write_failures_total', 'hwerr_time_seconds']);
  expect(rules.filter(({ expr }) => /\b300\b/.test(expr))).toEqual([]);
});

it.each(rules)('the expression of $alert$record names metrics that exist', ({ expr }) => {
  for (const metric of metricsIn(expr)) expect([...KNOWN_METRICS, ...recorded]).toContain(metric);
});

it('the PrometheusRule object is made from the rules', () => {
  const script = join(ROOT, 'deploy/prometheus/make-prometheus-rule.mjs');
  const made = execFileSync(process.execPath, [script], { encoding: 'utf8' });
  const committed = readFileSync(join(ROOT, 'deploy/kubernetes/rules/prometheusrule.yaml'), 'utf8');
  expect(committed).toBe(made);
  const { spec } = parse(committed) as { spec: { groups: unknown } };
  expect(spec.groups).toEqual(groups);
});
