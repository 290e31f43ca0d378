import { describe, expect, it } from 'vitest';

import { FAILURE_REASONS, FileError, errorCode, failureOf, messageOf } from '../src/failure.ts';
import { Corrupt } from '../src/vmcore/index.ts';

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: something`), { code });
}

describe('FAILURE_REASONS', () => {
  it('is the closed list of the documentation', () => {
    expect([...FAILURE_REASONS].sort()).toEqual([
      'corrupt',
      'encrypted',
      'internal',
      'io',
      'limit_exceeded',
      'no_kallsyms',
      'no_vmcoreinfo',
      'not_a_dump',
      'page_excluded',
      'page_lost',
      'permission',
      'symbol_not_found',
      'timeout',
      'truncated',
      'unsupported_arch',
      'unsupported_compression',
      'unsupported_format',
    ]);
  });
});

describe('FileError.from', () => {
  it.each([
    ['EACCES', 'permission'],
    ['EPERM', 'permission'],
    ['ENOENT', 'io'],
    ['EIO', 'io'],
    ['ESTALE', 'io'],
  ])('takes %s for %s, and keeps path, code and cause', (code, reason) => {
    const cause = systemError(code);
    const error = FileError.from('/var/crash/a', cause);
    expect(error).toMatchObject({
      reason,
      code,
      cause,
      message: `/var/crash/a: ${code}: something`,
    });
  });

  it('takes for io what is no error of the system', () => {
    expect(FileError.from('/a', 'odd')).toMatchObject({
      reason: 'io',
      code: undefined,
      message: '/a: odd',
    });
  });
});

describe('failureOf', () => {
  it.each([
    [
      new Corrupt('truncated', 'file', 'got 1, want 2'),
      { reason: 'truncated', message: 'file: got 1, want 2' },
    ],
    [FileError.from('/a', systemError('EIO')), { reason: 'io', message: '/a: EIO: something' }],
    [new RangeError('oops'), { reason: 'internal', message: 'oops' }],
    ['a text', { reason: 'internal', message: 'a text' }],
    [undefined, { reason: 'internal', message: 'undefined' }],
  ])('of %s', (thrown, failure) => {
    expect(failureOf(thrown)).toEqual(failure);
  });
});

describe('errorCode', () => {
  it('is the name of the errno, where there is one', () => {
    expect(errorCode(systemError('ENOENT'))).toBe('ENOENT');
    expect(errorCode(new Error('x'))).toBeUndefined();
    expect(errorCode(Object.assign(new Error('x'), { code: 2 }))).toBeUndefined();
    expect(errorCode({ code: 'ENOENT' })).toBeUndefined();
  });
});

describe('messageOf', () => {
  it('is the message of an error, and the text of anything else', () => {
    expect(messageOf(new Error('x'))).toBe('x');
    expect(messageOf(7)).toBe('7');
  });
});

describe('an error of a system call', () => {
  const code = 'Unknown system error -116';
  const stale = Object.assign(new Error(`${code}: ${code}, read`), {
    ...{ errno: -116, code, syscall: 'read' },
  });

  it('has its name by its number, where Node knows none', () => {
    expect(errorCode(stale)).toBe('ESTALE');
    expect(FileError.from('/x', stale)).toMatchObject({
      ...{ reason: 'io', code: 'ESTALE', message: '/x: ESTALE, read' },
    });
  });

  it.each([
    ['EDQUOT', -122, 'io'],
    ['EMFILE', -24, 'io'],
    ['EACCES', -13, 'permission'],
  ])('is never internal: %s', (code, errno, reason) => {
    const error = Object.assign(new Error(code), { errno, code, syscall: 'open' });
    expect(failureOf(error).reason).toBe(reason);
  });

  it('is not one of zlib, which has a number too', () => {
    const error = Object.assign(new Error('incorrect header check'), {
      ...{ errno: -3, code: 'Z_DATA_ERROR' },
    });
    expect(failureOf(error).reason).toBe('internal');
    expect(errorCode(error)).toBe('Z_DATA_ERROR');
  });
});
