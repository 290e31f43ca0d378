import { expect, it } from 'vitest';

import { shownText } from '../../../src/vmcore/evidence/shown-text.ts';

it('shownText is short and without control characters; nothing is null', () => {
  expect(shownText(' a\u001bb\u202ec ')).toBe('a b c');
  expect(shownText('x'.repeat(1000))).toHaveLength(128);
  expect([shownText('\u0000 \u0007'), shownText(undefined), shownText(null)]).toEqual([
    null,
    null,
    null,
  ]);
});
