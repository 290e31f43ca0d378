import { expect, it } from 'vitest';

import {
  BadMagic,
  Corrupt,
  DECODE_REASONS,
  LimitExceeded,
  PageMissing,
  Unsupported,
  VmcoreError,
} from '../../src/vmcore/errors.ts';

it.each([
  ['BadMagic', 'not_a_dump', new BadMagic('file', 'got x')],
  ['Unsupported', 'unsupported_arch', new Unsupported('unsupported_arch', 'file', 'got x')],
  ['Corrupt', 'truncated', new Corrupt('truncated', 'file', 'got x')],
  ['PageMissing', 'page_lost', new PageMissing('page_lost', 'file', 'got x')],
  ['LimitExceeded', 'limit_exceeded', new LimitExceeded('file', 'got x')],
])('%s carries its tag, its reason %s and the place', (tag, reason, error) => {
  expect(error).toBeInstanceOf(VmcoreError);
  expect(error).toMatchObject({ tag, reason, at: 'file', message: 'file: got x' });
  expect(DECODE_REASONS).toContain(reason);
});

it('Corrupt keeps its cause', () => {
  const cause = new Error('inner');
  expect(new Corrupt('corrupt', 'page', 'got x', { cause }).cause).toBe(cause);
});
