import { describe, expect, it } from 'vitest';

import { metricsIn } from './names.ts';

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
