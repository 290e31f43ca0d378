/** The monitoring mixin, as jsonnet makes it. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect } from 'vitest';
import { parse } from 'yaml';

import { needsTool } from '../support/system/tools.ts';
import { ROOT } from './processes.ts';

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
}
interface Rules {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
}
interface Mixin {
  readonly prometheusAlerts: Rules;
  readonly prometheusRules: Rules;
  readonly grafanaDashboards: Readonly<Record<string, unknown>>;
}

/** Its parts are hidden until somebody asks for them. */
const SHOWN = `local mixin = import 'mixin.libsonnet';
{ [part]: mixin[part] for part in std.objectFieldsAll(mixin) }`;
const jsonnet = needsTool('jsonnet');

jsonnet.describe('the mixin', () => {
  jsonnet.it('has every rule and dashboard that is beside it', () => {
    const mixin = JSON.parse(
      execFileSync(jsonnet.path, ['-e', SHOWN], {
        cwd: join(ROOT, 'deploy/mixin'),
        encoding: 'utf8',
      }),
    ) as Mixin;
    const { groups } = parse(
      readFileSync(join(ROOT, 'deploy/prometheus/hwerr-exporter.rules.yml'), 'utf8'),
    ) as Rules;
    const all = groups.flatMap(({ rules }) => rules).map(onOneLine);
    const rulesOf = (part: Rules): Rule[] =>
      part.groups.flatMap(({ rules }) => rules).map(onOneLine);
    expect(rulesOf(mixin.prometheusAlerts)).toEqual(all.filter(({ alert }) => alert !== undefined));
    expect(rulesOf(mixin.prometheusRules)).toEqual(
      all.filter(({ record }) => record !== undefined),
    );
    for (const name of ['hwerr-fleet.json', 'hwerr-host.json']) {
      const file = join(ROOT, 'deploy/grafana/dashboards', name);
      expect(mixin.grafanaDashboards[name]).toEqual(JSON.parse(readFileSync(file, 'utf8')));
    }
  });
});

/** PromQL does not care where its lines end. */
function onOneLine(rule: Rule): Rule {
  return { ...rule, expr: rule.expr.replace(/\s+/g, ' ').trim() };
}
