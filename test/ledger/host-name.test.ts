import { expect, it } from 'vitest';

import { hostOf } from '../../src/ledger/host-name.ts';

const RULE = { fallback: 'unknown', pattern: undefined };
const BY_PATH = { fallback: 'unknown', pattern: /^\/srv\/([^/]+)\/(?:(\d+)\/)?/ };

it.each<[string | null, string]>([
  ['db-07.example.org', 'db-07.example.org'],
  ['fe80::1', 'fe80::1'],
  ['a"}\n\0{x b', 'a_____x_b'],
  ['ünïcode', '_n_code'],
  ['../../etc', '.._.._etc'],
  ['y'.repeat(100), 'y'.repeat(64)],
  ['(none)', 'unknown'],
  ['', 'unknown'],
  [null, 'unknown'],
])('a dump of %j counts for %j', (nodename, host) => {
  expect(hostOf(nodename, '/srv/db/vmcore', RULE).host).toBe(host);
});

it('says where the name is from', () => {
  const sources = [
    hostOf('named', '/srv/db/vmcore', BY_PATH),
    hostOf('named', '/var/crash/vmcore', BY_PATH),
    hostOf('(none)', '/var/crash/vmcore', BY_PATH),
  ].map(({ source }) => source);
  expect(sources).toEqual(['path', 'nodename', 'fallback']);
});

it.each<[string, string | null, string]>([
  ['/srv/db-07/1/vmcore', 'localhost', 'db-07'],
  ['/srv/db 07/vmcore', 'localhost', 'db_07'],
  ['/var/crash/vmcore', 'localhost', 'localhost'],
  ['/var/crash/vmcore', null, 'unknown'],
  ['/srv/(none)/vmcore', 'named', 'named'],
])('with a pattern, %j with the name %j counts for %j', (path, nodename, host) => {
  expect(hostOf(nodename, path, BY_PATH).host).toBe(host);
});

it('a group that took no part names no host', () => {
  const rule = { fallback: 'unknown', pattern: /^\/srv\/(?:db-(\d+)|.*)\// };
  expect(hostOf('named', '/srv/web/vmcore', rule)).toEqual({ host: 'named', source: 'nodename' });
});
