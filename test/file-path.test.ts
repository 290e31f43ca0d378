import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { absolutePath, isRemote, pathOf, shownPath, systemPath } from '../src/file-path.ts';

const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
/** Bytes that often look like characters, and like the stand-ins. */
const almostText = fc
  .array(
    fc.constantFrom(
      ...[
        '61',
        '2f',
        'c3bc',
        'c3',
        'e280ae',
        'e280',
        'eda080',
        'f48fb8bf',
        'f48fbbbf',
        'f48fb8',
        'ff',
      ],
    ),
  )
  .map((parts) => Buffer.from(parts.join(''), 'hex'));

describe('a path', () => {
  it('gives back the bytes of its name, whatever they are', () => {
    fc.assert(
      fc.property(fc.oneof(bytes, almostText), (name) => {
        expect(Buffer.from(systemPath(pathOf(name)))).toEqual(name);
      }),
    );
  });

  it('is text that survives UTF-8', () => {
    fc.assert(
      fc.property(fc.oneof(bytes, almostText), (name) => {
        expect(Buffer.from(pathOf(name)).toString()).toBe(pathOf(name));
      }),
    );
  });

  it.each([
    ['6b c3 bc 63 68 65', 'küche'],
    ['6d e4 72 7a', 'm\\xe4rz'],
    ['76 ff fe', 'v\\xff\\xfe'],
    ['e2 80 2f e2 80 ae', '\\xe2\\x80/\u202e'],
    ['f4 8f bb bf', '\\xf4\\x8f\\xbb\\xbf'],
    ['ed a0 80', '\\xed\\xa0\\x80'],
  ])('of the bytes %s is shown as %s', (hex, shown) => {
    expect(shownPath(pathOf(Buffer.from(hex.replaceAll(' ', ''), 'hex')))).toBe(shown);
  });

  it('that is UTF-8 is that text', () => {
    expect(pathOf(Buffer.from('/var/crash/küche/vmcore'))).toBe('/var/crash/küche/vmcore');
    expect(systemPath('/var/crash/küche/vmcore')).toBe('/var/crash/küche/vmcore');
  });
});

describe('a URL', () => {
  it.each([
    ['https://host/a/vmcore?X-Amz-Signature=1', 'https://host/a/vmcore'],
    ['https://host/a#b?c', 'https://host/a'],
    ['https://user:secret@host:8443/a@b', 'https://host:8443/a@b'],
    ['https://user:sec@ret@host', 'https://host'],
    ['HTTP://host?secret', 'HTTP://host'],
    // A key is no URL: it has these characters as they are.
    ['s3://bucket/a?b#c@d', 's3://bucket/a?b#c@d'],
  ])('%s is shown as %s', (url, shown) => {
    expect(isRemote(url)).toBe(true);
    expect(shownPath(url)).toBe(shown);
    expect(absolutePath(url)).toBe(url);
  });

  it.each(['/https://host/a?b', './https://host/a?b', 'https:/a?b', 'a?b'])('is not %s', (path) => {
    expect(isRemote(path)).toBe(false);
    expect(shownPath(path)).toBe(path);
  });
});
