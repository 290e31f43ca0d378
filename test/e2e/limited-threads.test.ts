// A machine that lets no thread start, as TasksMax= of a unit does, and mounts that never answer. strace
// makes clone(2) fail.

import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { expect } from 'vitest';

import { startDaemon } from '../support/daemon/running-daemon.ts';
import { fixture } from '../support/dumps/fixtures.ts';
import { hungIt, mountHung } from '../support/system/hung-mount.ts';
import { injectFault, strace } from '../support/system/injected-faults.ts';
import { tempDir } from '../support/system/temp-dir.ts';

const DUMP = fixture('x86_64-7.3.4.lzo');
strace.it('waits for a thread, says so once, and counts the dump when it has one', async () => {
  const daemon = await startDaemon(['--kdump.settle=100ms']);
  const undo = await injectFault(daemon.child.pid!, 'clone,clone3', 'error=EAGAIN');
  for (const name of ['vmcore.1', 'vmcore.2']) copyFileSync(DUMP, join(daemon.directory, name));
  await daemon.logged(/no dump is decoded.*EAGAIN/);
  await daemon.until((scrape) => scrape.get('hwerr_decodes_in_progress') === 1);
  await undo();
  const scrape = await daemon.until((one) => one.get('hwerr_dumps_decoded_total') === 2);
  expect(scrape.get('hwerr_crashes_total')).toBe(1);
  expect(await daemon.metrics()).not.toMatch(/^hwerr_dump_decode_failures_total\{.*\} [1-9]/m);
  expect(daemon.log().match(/no dump is decoded/g)).toHaveLength(1);
  expect(await daemon.stop()).toBe(0);
});

hungIt('decodes what is elsewhere, packed too, and ends, while many mounts hang', async () => {
  const base = tempDir();
  const names = ['a', 'b', 'c', 'd', 'e'].map((name) => join(base, name));
  for (const name of names) {
    mkdirSync(name);
    await mountHung(name);
  }
  const calm = tempDir();
  const directories = [calm, ...names].map((path) => `--kdump.path=${path}`);
  const daemon = await startDaemon([...directories, '--kdump.settle=100ms']);
  writeFileSync(join(calm, 'vmcore.gz'), gzipSync(readFileSync(DUMP)));
  await daemon.until((scrape) => scrape.get('hwerr_dumps_decoded_total') === 1);
  expect(await daemon.stop()).toBeNull(); // by the signal: exit(3) would wait for what hangs
});
