import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { FLAGS } from '../../src/config.ts';
import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import { PENDING, metricsIn } from './names.ts';
import { ROOT } from './processes.ts';

describe('pending until the durable ledger lands (names.ts)', () => {
  it.each(PENDING.metrics)('metric %s: delete it there once it is in the catalogue', (name) => {
    expect(Object.keys(CATALOGUE)).not.toContain(name);
  });

  it.each(PENDING.flags)('--%s: delete it there once it is a flag', (name) => {
    expect(Object.values(FLAGS).map((flag) => flag.name)).not.toContain(name);
  });

  it.each(PENDING.commands)('%s: delete it there once it is a command', (name) => {
    const program = readFileSync(join(ROOT, 'src/cli/program.ts'), 'utf8');
    expect(program).not.toMatch(new RegExp(`command\\('${name}'`));
  });
});

describe('metricsIn', () => {
  it('finds every selector when expressions are nested', () => {
    expect(metricsIn('sum by (a) (rate(x_total{b="c"}[5m])) or y offset 1h')).toEqual([
      'x_total',
      'y',
    ]);
  });

  it('refuses when a text is no PromQL', () => {
    expect(() => metricsIn('sum(x')).toThrow('no PromQL');
  });
});
