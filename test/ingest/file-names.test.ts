import { describe, expect, it } from 'vitest';

import {
  claimsToBeDump,
  globPattern,
  isUnfinishedName,
  maybeDump,
} from '../../src/ingest/file-names.ts';

describe('maybeDump', () => {
  it.each([
    'vmcore',
    '127.0.0.1-2026-10-03-04:05:51/vmcore',
    '202610030405/dump.202610030405',
    'host-a/2026-10-03/vmcore.flat',
    'vmcore.kdump',
    'ccpp-1/vmcore',
    'new/vmcore',
    'dmesg-less/vmcore',
    'README/vmcore',
  ])('lets %s be looked at', (path) => {
    expect(maybeDump(path, [])).toBe(true);
  });

  it.each([
    ['vmcore-2026-10-03.new/vmcore', 'abrt is still copying it'],
    ['a/vmcore-dmesg.txt', 'the kernel log beside a dump'],
    ['a/vmcore-dmesg-incomplete.txt', 'the kernel log beside a dump'],
    ['a/dmesg.202610030405', 'the kernel log beside a dump'],
    ['a/kexec-dmesg.log', 'the log of the crash kernel'],
    ['a/README.txt', 'what SUSE writes beside a dump'],
    ['a/System.map-6.19.10-1', 'the symbols beside a dump'],
    ['a/vmlinux-6.19.10-1.gz', 'the kernel beside a dump'],
    ['a/vmlinuz-6.19.10', 'the kernel beside a dump'],
    ['kexec_cmd', 'bookkeeping of kdump-tools'],
    ['kdump_lock', 'bookkeeping of kdump-tools'],
    ['linux-image-6.19-202610030405.crash', 'the report of apport'],
  ])('leaves %s alone: %s', (path) => {
    expect(maybeDump(path, [])).toBe(false);
  });

  it('leaves alone what the given globs exclude', () => {
    const excluded = ['**/kdump-test-*/**', 'old/*'].map(globPattern);
    expect(maybeDump('kdump-test-1/vmcore', excluded)).toBe(false);
    expect(maybeDump('host/kdump-test-1/a/vmcore', excluded)).toBe(false);
    expect(maybeDump('old/vmcore', excluded)).toBe(false);
    expect(maybeDump('old/host/vmcore', excluded)).toBe(true);
    expect(maybeDump('host/vmcore', excluded)).toBe(true);
  });
});

describe('globPattern', () => {
  it.each([
    ['*', 'vmcore', true],
    ['*', 'a/vmcore', false],
    ['*.old', 'a.old', true],
    ['*.old', 'aold', false],
    ['vmcore?', 'vmcore1', true],
    ['vmcore?', 'vmcore/', false],
    ['vmcore?', 'vmcore', false],
    ['**', 'a/b/c', true],
    ['**/c', 'c', true],
    ['**/c', 'a/b/c', true],
    ['**/c', 'a/bc', false],
    ['a/**', 'a/b/c', true],
    ['a/**', 'b/a/c', false],
    ['a/**/c', 'a/c', true],
    ['a/**/c', 'a/b/b/c', true],
    ['a+(b)[c]{d}|e^$', 'a+(b)[c]{d}|e^$', true],
    ['[ab]', 'a', false],
    ['**/c', 'a\nb/c', true],
    ['a/**', 'a/b\nc', true],
  ])('%s on %s is %s', (glob, path, matches) => {
    expect(globPattern(glob).test(path)).toBe(matches);
  });
});

describe('claimsToBeDump', () => {
  it.each(['vmcore', 'vmcore.1', 'dump.202610030405', 'host-vmcore.kdump', 'vmcore-incomplete'])(
    'is true of %s',
    (name) => {
      expect(claimsToBeDump(name)).toBe(true);
    },
  );

  it.each([
    ...['vmcore.sha256', 'makedumpfile-R.pl', 'mysqldump.sql', 'mysql.dump.sql', 'heapdump.hprof'],
    ...['core.1234', 'dumper', 'backup'],
  ])("is false of %s, which is nobody's", (name) => {
    expect(claimsToBeDump(name)).toBe(false);
  });
});

it.each([
  ['vmcore-incomplete', true],
  ['dump-incomplete', true],
  ['vmcore', false],
])('the name %s says of itself that it is not finished: %s', (name, is) => {
  expect(isUnfinishedName(name)).toBe(is);
});
