// The log of real kernels, and which of its forms is read.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { DEFAULT_LIMITS, bytesSource, openVmcore } from '../../../src/vmcore/index.ts';
import { identifyKernel } from '../../../src/vmcore/running-kernel.ts';
import { type KernelLog, readLog } from '../../../src/vmcore/printk/log.ts';
import type { LogRecord } from '../../../src/vmcore/printk/record.ts';
import { LE64 } from '../../support/builders/bytes.ts';
import { legacyLog } from '../../support/builders/legacy-log-builder.ts';
import { logKernel, withoutKey } from '../../support/builders/log-kernel.ts';
import { printkRing } from '../../support/builders/printk-builder.ts';
import { fixture } from '../../support/dumps/fixtures.ts';
import { sharedVmcores } from '../../support/dumps/shared-vmcores.ts';

function logOf(file: string): KernelLog & { readonly pages: number } {
  let pages = 0;
  const dump = openVmcore(bytesSource(readFileSync(file)), DEFAULT_LIMITS, (what) => {
    if (what === 'page') pages++;
  });
  const kernel = identifyKernel(dump, DEFAULT_LIMITS);
  const before = pages;
  const log = readLog(kernel);
  return { ...log, pages: pages - before };
}

/** As dmesg prints a record with CONFIG_PRINTK_CALLER: the prefix before its first line alone. */
function printed({ timeSeconds, caller, text }: LogRecord): string[] {
  const [seconds, fraction] = timeSeconds!.toFixed(9).split('.') as [string, string];
  const prefix = `[${seconds.padStart(5)}.${fraction.slice(0, 6)}] [${caller!.padStart(8)}] `;
  return text
    .split('\n')
    .map((line, i) => `${i === 0 ? prefix : ' '.repeat(prefix.length)}${line}`);
}

describe('the log of a kernel', () => {
  const [at, ring, buffer] = [0x100000n, 0x200000n, 0x300000n];
  const newer = printkRing({ order: LE64, at, ring, records: ['ring'] });
  const older = legacyLog({ order: LE64, at: 0x400000n, buffer, records: ['legacy'] });
  const pieces = [
    { at, bytes: newer.bytes },
    { at: ring, bytes: newer.ring },
    { at: 0x400000n, bytes: older.variables },
    { at: buffer, bytes: older.buffer },
  ];
  const read = (keys: string): KernelLog => readLog(logKernel({ pieces, keys }));

  it('is the ring where VMCOREINFO has SYMBOL(prb), whatever the version', () => {
    const keys = `OSRELEASE=4.18.0-553.el8\n${newer.keys}${older.keys}`;
    expect(read(keys)).toMatchObject({ source: 'ring', records: [{ text: 'ring' }] });
  });

  it('is the legacy buffer where VMCOREINFO has SYMBOL(log_buf) and the size of a record', () => {
    const keys = `OSRELEASE=6.12.0\n${older.keys}`;
    expect(read(keys)).toMatchObject({ source: 'legacy', records: [{ text: 'legacy' }] });
  });

  it('is absent, not empty, where it is kept in no form that is read', () => {
    const nothing = { source: 'absent', records: [], lost: 0, unreadable: 0, truncated: false };
    expect(read('OSRELEASE=6.12.0\n')).toMatchObject(nothing);
    expect(read(withoutKey('SIZE(printk_log)')(older.keys))).toMatchObject(nothing);
  });
});

describe('the log of a trimmed dump', () => {
  it('has the records whose pages are there, and says that others are not', () => {
    const log = logOf(fixture('x86_64-7.3.4-log.zlib'));
    expect(log.records.length).toBeGreaterThan(20);
    expect(log.records.length).toBeLessThan(524);
    expect(log.records.length + log.unreadable).toBeGreaterThanOrEqual(524);
    expect(log).toMatchObject({ source: 'ring', lost: 0, truncated: false });
    expect(log.firstSeq).toBe(524 - log.records.length);
  });
});

const shared = sharedVmcores();

describe.skipIf(shared === undefined)('the log of a whole dump', () => {
  const whole = (name: string): ReturnType<typeof logOf> => logOf(join(shared!, name));

  it.each(['x86_64-7.3.4-whole.zlib', 'x86_64-7.3.4-whole.flat-lzo'])(
    'is that of dmesg, at some 30 pages: %s',
    (name) => {
      const log = whole(name);
      expect(log).toMatchObject({ firstSeq: 0, lost: 0, unreadable: 0, truncated: false });
      const dmesg = readFileSync(join(shared!, 'x86_64-7.3.4-dmesg.txt'), 'utf8');
      const lines = dmesg.trimEnd().replaceAll('\t', ' ').split('\n');
      expect(log.records.flatMap(printed)).toEqual(lines);
      expect(log.pages).toBeGreaterThan(0);
      expect(log.pages).toBeLessThanOrEqual(32);
    },
  );

  it('tells the kernel from those who write to /dev/kmsg, and names devices', () => {
    const { records } = whole('x86_64-7.3.4-whole.zlib');
    expect(records).toHaveLength(524);
    const foreign = records.flatMap(({ facility }, i) => (facility === 0 ? [] : [i]));
    expect(foreign).toEqual([488]);
    expect(records[488]).toMatchObject({ facility: 1, level: 4 });
    for (const { text, device } of records.filter((record) =>
      record.text.startsWith('pci 0000:'),
    )) {
      expect(device).toBe(`+pci:${/^pci ([0-9a-f:.]+): /.exec(text)![1]}`);
    }
    const panic = records.find(({ text }) => text.startsWith('Kernel panic'));
    expect(panic).toMatchObject({ facility: 0, level: 0, caller: 'T1', device: null });
  });
});
