import { describe, expect, it } from 'vitest';

import { CATALOGUE } from '../../src/metrics/catalogue.ts';

const MAX_HELP = 120;
const metrics = Object.entries(CATALOGUE).map(([name, definition]) => ({ name, ...definition }));

describe.each(metrics)('$name', ({ help }) => {
  it(`is explained in one line of at most ${MAX_HELP} characters`, () => {
    expect(help).toMatch(/^[^\n]+\.$/);
    expect(help.length).toBeLessThanOrEqual(MAX_HELP);
  });
});

it('only the counter of errors says what the kernel does not count', () => {
  const naming = metrics.filter(({ help }) => help.includes('Corrected errors'));
  expect(naming.map(({ name }) => name)).toEqual(['hwerr_recoverable_errors_total']);
});
