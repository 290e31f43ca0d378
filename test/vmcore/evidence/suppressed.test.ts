import { expect, it } from 'vitest';

import { evidenceOf } from '../../support/builders/kernel-log.ts';

it('messages that the kernel did not print are counted by who would have', () => {
  const { suppressed, hardwareEvents } = evidenceOf(
    'ghes_print_estatus: 12 callbacks suppressed',
    'ghes_print_estatus: 3 callbacks suppressed',
    'mce_notify_irq: 1 callbacks suppressed',
    'aer_ratelimit: 2 callbacks suppressed',
    'print_req_error: 99 callbacks suppressed',
  );
  expect(suppressed).toEqual({ ghes: 15, mce: 1, aer: 2 });
  expect(hardwareEvents).toEqual([]);
});
