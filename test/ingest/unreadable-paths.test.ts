import { expect, it } from 'vitest';

import { UnreadablePaths } from '../../src/ingest/unreadable-paths.ts';
import { memoryLog } from '../support/daemon/logger.ts';
import { eventually } from '../support/system/eventually.ts';

const EIO = { reason: 'io', message: '/crash/a: EIO' } as const;

it('a path that cannot be read is news once, until it recovers', async () => {
  const { log, lines } = memoryLog();
  const unreadable = new UnreadablePaths(log);
  expect(unreadable.add('/crash', '/crash/a', EIO)).toBe(true);
  expect(unreadable.add('/crash', '/crash/a', EIO)).toBe(false);
  await eventually('a line', () => lines[0]);
  expect(lines).toEqual([expect.stringContaining('look at the disk')]);
  expect([unreadable.remove('/crash/a'), unreadable.remove('/crash/a')]).toEqual([true, false]);
  expect(unreadable.add('/crash', '/crash/a', EIO)).toBe(true);
});

it('a decode that timed out may be due to the mount or to the load, and the log says so', async () => {
  const { log, lines } = memoryLog();
  const late = { reason: 'timeout', message: 'took longer than 60 s' } as const;
  new UnreadablePaths(log).add('/crash', '/crash/a', late);
  await eventually('a line', () => lines[0]);
  expect(lines).toEqual([expect.stringContaining('its mount hangs, or the machine is busy')]);
});

it('the paths of a root recover by what its scan says', () => {
  const unreadable = new UnreadablePaths(memoryLog().log);
  for (const path of ['/crash/a', '/crash/b']) unreadable.add('/crash', path, EIO);
  unreadable.add('/other', '/other/c', EIO);
  expect(unreadable.removeRecovered('/crash', (path) => path === '/crash/b')).toEqual(['/crash/a']);
  expect(unreadable.removeRecovered('/crash', () => false)).toEqual(['/crash/b']);
  expect(unreadable.remove('/other/c')).toBe(true);
});

it('UnreadablePaths knows the directories above a path', () => {
  const unreadable = new UnreadablePaths(memoryLog().log);
  for (const path of ['/crash/a', '/crash/a/b/vmcore']) unreadable.add('/crash', path, EIO);
  expect(unreadable.above('/crash/a/b/vmcore')).toEqual(['/crash/a']);
  expect(unreadable.above('/crash/ab/vmcore')).toEqual([]);
  expect(unreadable.above('s3://bucket/vmcore')).toEqual([]);
});
