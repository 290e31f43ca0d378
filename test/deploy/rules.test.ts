import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

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
  }, 180_000);

  it('accepts the Prometheus configuration', () => {
    const config = join(ROOT, 'deploy/prometheus/prometheus.yml');
    execFileSync(promtool.path, ['check', 'config', config], { stdio: 'pipe' });
  });
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
    expect(annotations?.['summary']).toMatch(/\{\{ \$labels\.instance \}\}/);
    expect(annotations?.['description']?.length).toBeGreaterThan(100);
    const [file, anchor] = (annotations?.['runbook_url'] ?? '').split('#');
    expect(file).toBe('deploy/docs/runbooks.md');
    expect(anchorsOf(readFileSync(join(ROOT, file ?? ''), 'utf8'))).toContain(anchor);
  });
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
