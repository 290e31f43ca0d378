// What the kdump tools of the distributions really do to a file system, replayed step by step against
// the real daemon: every crash is counted exactly once, and none while its dump is being written.

import {
  appendFileSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { crashDump } from '../support/dumps/crash-dumps.ts';
import { fixture } from '../support/dumps/fixtures.ts';
import { kdumpOf, kernel } from '../support/builders/kernel-builder.ts';
import { makeFifo } from '../support/system/make-fifo.ts';
import { run } from '../support/daemon/program.ts';
import { type Daemon, startDaemon } from '../support/daemon/running-daemon.ts';
import { tempDir } from '../support/system/temp-dir.ts';

const SETTLE_MS = 400;

function dumpOf(name: string): Buffer {
  return readFileSync(fixture(name));
}

let base: string;
let dumps: string;
let daemon: Daemon;

beforeEach(async () => {
  base = tempDir();
  dumps = join(base, 'crash');
  mkdirSync(dumps);
  daemon = await startDaemon(flags());
  // It has looked: what comes later is no part of its first pass, before which there are no counters of crashes.
  await daemon.until((scrape) => scrape.get('hwerr_crashes_total') === 0);
});

function flags(): string[] {
  return [
    `--kdump.path=${dumps}`,
    `--ledger.path=${join(base, 'ledger')}`,
    `--kdump.settle=${SETTLE_MS}ms`,
    '--kdump.rescan=1s',
  ];
}

/** Write a file as a slow tool does, in pieces, with pauses shorter than the settle time. */
async function grow(path: string, content: Buffer): Promise<void> {
  writeFileSync(path, '');
  const step = Math.ceil(content.length / 5);
  for (let at = 0; at < content.length; at += step) {
    appendFileSync(path, content.subarray(at, at + step));
    await sleep(SETTLE_MS / 4);
  }
}

async function expectCrashes(crashes: number, pci: number): Promise<void> {
  const done = await daemon.until((scrape) => scrape.get('hwerr_crashes_total') === crashes);
  expect(done.get('hwerr_recoverable_errors_total{category="pci"}')).toBe(pci);
  await sleep(3 * SETTLE_MS);
  const later = await daemon.scrape();
  expect(later.get('hwerr_crashes_total')).toBe(crashes);
  expect(later.get('hwerr_recoverable_errors_total{category="pci"}')).toBe(pci);
  expect(later.get('hwerr_dumps_present{state="incomplete"}')).toBe(0);
  expect(failures(later)).toEqual([]);
}

function failures(scrape: ReadonlyMap<string, number>): string[] {
  return [...scrape]
    .filter(([name, value]) => name.includes('decode_failures') && value > 0)
    .map(String);
}

describe('the daemon counts the crash once', () => {
  it('of RHEL, Fedora and Oracle Linux: vmcore-incomplete, renamed', async () => {
    const directory = join(dumps, '127.0.0.1-2026-11-22-10:11:12');
    mkdirSync(directory);
    writeFileSync(join(directory, 'vmcore-dmesg-incomplete.txt'), 'log');
    renameSync(join(directory, 'vmcore-dmesg-incomplete.txt'), join(directory, 'vmcore-dmesg.txt'));
    await grow(join(directory, 'vmcore-incomplete'), dumpOf('x86_64-7.3.4.lzo'));
    renameSync(join(directory, 'vmcore-incomplete'), join(directory, 'vmcore'));
    writeFileSync(join(directory, 'kexec-dmesg.log'), 'log');
    await expectCrashes(1, 7);
  });

  it('of RHEL over ssh: flattened, renamed to vmcore.flat', async () => {
    const directory = join(dumps, '192.0.2.7-2026-11-22-10:11:12');
    mkdirSync(directory);
    await grow(join(directory, 'vmcore-incomplete'), dumpOf('x86_64-7.3.4.flat-lzo'));
    renameSync(join(directory, 'vmcore-incomplete'), join(directory, 'vmcore.flat'));
    await expectCrashes(1, 7);
  });

  it('of Debian and Ubuntu: dump-incomplete, renamed to dump.STAMP; then pruned', async () => {
    const directory = join(dumps, '202611221011');
    mkdirSync(directory);
    writeFileSync(join(dumps, 'kexec_cmd'), '/sbin/kexec');
    await grow(join(directory, 'dump-incomplete'), dumpOf('x86_64-7.3.4.flat-lzo'));
    writeFileSync(join(directory, 'dmesg.202611221011'), 'log');
    renameSync(join(directory, 'dump-incomplete'), join(directory, 'dump.202611221011'));
    await expectCrashes(1, 7);
    rmSync(directory, { recursive: true });
    await daemon.until((scrape) => scrape.get('hwerr_dumps_present{state="complete"}') === 0);
    await expectCrashes(1, 7);
  });

  it('of SUSE: the final name from the first byte, README.txt written again at the end', async () => {
    const directory = join(dumps, '2026-11-22-10-11');
    const content = dumpOf('x86_64-7.3.4.flat-lzo');
    mkdirSync(directory);
    writeFileSync(
      join(directory, 'README.txt'),
      'This file will be overwritten when the dump is finished.\nThe dump is likely incomplete.\n',
    );
    writeFileSync(join(directory, 'vmcore'), content.subarray(0, content.length / 2));
    await sleep(4 * SETTLE_MS); // the writer pauses for longer than the settle time
    const meanwhile = await daemon.scrape();
    expect(meanwhile.get('hwerr_crashes_total')).toBe(0);
    expect(failures(meanwhile)).toEqual([]);
    appendFileSync(join(directory, 'vmcore'), content.subarray(content.length / 2));
    writeFileSync(join(directory, 'README.txt'), 'vmcore status: saved successfully\n');
    await expectCrashes(1, 7);
  });

  it('of older SUSE: colons in the name, kernel and symbols beside, no status in README.txt', async () => {
    const directory = join(dumps, '2026-11-22-10:11');
    mkdirSync(directory);
    await grow(join(directory, 'vmcore'), dumpOf('x86_64-7.3.4.zlib'));
    for (const name of ['dmesg.txt', 'System.map-7.3.4', 'vmlinux-7.3.4.gz', 'makedumpfile-R.pl']) {
      writeFileSync(join(directory, name), 'of no dump');
    }
    writeFileSync(join(directory, 'README.txt'), 'Kernel crashdump\nKernel version : 7.3.4\n');
    await expectCrashes(1, 7);
  });

  it('of older SUSE with several CPUs: split into vmcore0, vmcore1, vmcore2', async () => {
    const directory = join(dumps, '2026-11-22-10:11');
    const built = kernel({ fillers: 300 });
    const first = Number(built.physical / 4096n);
    const ends = [first + 0x10, first + 0x50, first + 0x1000];
    mkdirSync(directory);
    for (const [i, end] of ends.entries()) {
      const { bytes } = kdumpOf(built, { split: [ends[i - 1] ?? 0, end] });
      writeFileSync(join(directory, `vmcore${i}`), bytes);
    }
    const done = await daemon.until(
      (scrape) => scrape.get('hwerr_dumps_present{state="complete"}') === ends.length,
    );
    expect(done.get('hwerr_crashes_total')).toBe(1);
    expect(done.get('hwerr_dumps_present{state="incomplete"}')).toBe(0);
    expect(failures(done)).toEqual([]);
  });

  it('of SONiC: kdump.STAMP in a directory of that name, made as Debian does', async () => {
    const directory = join(dumps, '202611221011');
    mkdirSync(directory);
    writeFileSync(join(directory, 'dmesg.202611221011'), 'log');
    await grow(join(directory, 'dump-incomplete'), dumpOf('x86_64-7.3.4.flat-lzo'));
    renameSync(join(directory, 'dump-incomplete'), join(directory, 'kdump.202611221011'));
    await expectCrashes(1, 7);
  });

  it('of kdumpst: kdumpst/crash/vmcore.STAMP beside packed logs', async () => {
    const directory = join(dumps, 'kdumpst', 'crash');
    mkdirSync(directory, { recursive: true });
    mkdirSync(join(dumps, 'kdumpst', 'logs'));
    writeFileSync(join(dumps, 'kdumpst', 'logs', 'kdumpst-0-202611221011.zip'), 'PK\x03\x04');
    await grow(join(directory, 'vmcore.202611221011'), dumpOf('x86_64-7.3.4.zstd'));
    writeFileSync(join(directory, 'dmesg.202611221011'), 'log');
    await expectCrashes(1, 7);
  });

  it('of FTP and scp targets: the final name from the first byte, with long pauses', async () => {
    const path = join(dumps, 'labhost-dump.202611221011');
    const content = dumpOf('x86_64-7.3.4.flat-lzo');
    writeFileSync(path, '');
    await sleep(3 * SETTLE_MS);
    for (const [from, to] of [
      [0, 0.3],
      [0.3, 0.7],
    ] as const) {
      appendFileSync(path, content.subarray(content.length * from, content.length * to));
      await sleep(3 * SETTLE_MS);
      expect((await daemon.scrape()).get('hwerr_crashes_total')).toBe(0);
    }
    appendFileSync(path, content.subarray(content.length * 0.7));
    await expectCrashes(1, 7);
  });

  it('of abrt: a copy that is renamed from .new, then the original is removed', async () => {
    const original = join(dumps, '127.0.0.1-2026-11-22-10:11:12');
    mkdirSync(original);
    writeFileSync(join(original, 'vmcore'), dumpOf('x86_64-7.3.4.raw'));
    await expectCrashes(1, 7);
    cpSync(original, join(dumps, 'vmcore-copy.new'), { recursive: true });
    renameSync(join(dumps, 'vmcore-copy.new'), join(dumps, 'vmcore-copy'));
    await expectCrashes(1, 7);
    rmSync(original, { recursive: true });
    await expectCrashes(1, 7);
  });

  it('of which a twin in another format, a renamed directory and a re-export are there', async () => {
    for (const name of ['raw', 'elf', 'lzo', 'flat-lzo']) {
      mkdirSync(join(dumps, name));
      writeFileSync(join(dumps, name, 'vmcore'), dumpOf(`x86_64-7.3.4.${name}`));
    }
    await daemon.until((scrape) => scrape.get('hwerr_dumps_present{state="complete"}') === 4);
    renameSync(join(dumps, 'raw'), join(dumps, 'renamed'));
    copyFileSync(join(dumps, 'elf', 'vmcore'), join(dumps, 'elf', 'vmcore.1'));
    await daemon.until((scrape) => scrape.get('hwerr_dumps_present{state="complete"}') === 5);
    await expectCrashes(1, 7);
  });

  it('as two when two crashes share a directory and a minute, one written over the other', async () => {
    const directory = join(dumps, '202611221011');
    const template = dumpOf('x86_64-7.3.4.raw');
    mkdirSync(directory);
    writeFileSync(join(directory, 'vmcore'), crashDump(template, { boot: 1, pci: 3 }));
    await expectCrashes(1, 3);
    writeFileSync(join(directory, 'vmcore'), crashDump(template, { boot: 2, pci: 4 }));
    await expectCrashes(2, 7);
    writeFileSync(
      join(directory, 'vmcore.1'),
      crashDump(template, { boot: 0, pci: 5, crashTime: 1791000380 }),
    );
    await expectCrashes(3, 12);
  });

  it('when an incomplete dump is followed by the complete one, with the final numbers', async () => {
    const path = join(dumps, 'vmcore');
    const content = dumpOf('x86_64-7.3.4.raw');
    writeFileSync(path, content.subarray(0, 200_000));
    writeFileSync(join(dumps, 'README.txt'), 'vmcore status: saving failed\n'); // final at once
    const first = await daemon.until(
      (scrape) => scrape.get('hwerr_dumps_present{state="incomplete"}') === 1,
    );
    expect(first.get('hwerr_crashes_total')).toBe(1);
    expect(first.get('hwerr_recoverable_errors_total{category="pci"}')).toBe(0);
    writeFileSync(path, content);
    const then = await daemon.until(
      (scrape) => scrape.get('hwerr_recoverable_errors_total{category="pci"}') === 7,
    );
    expect(then.get('hwerr_crashes_total')).toBe(1);
    expect(then.get('hwerr_suspect_crashes_total{category="pci"}')).toBe(1);
  });
});

describe('the daemon goes on', () => {
  it('when the watched directory is deleted and made again', async () => {
    rmSync(dumps, { recursive: true });
    await daemon.until((scrape) => scrape.get(`hwerr_directory_up{directory="${dumps}"}`) === 0);
    mkdirSync(dumps);
    await daemon.until((scrape) => scrape.get(`hwerr_directory_up{directory="${dumps}"}`) === 1);
    writeFileSync(join(dumps, 'vmcore'), dumpOf('x86_64-7.3.4.raw'));
    await expectCrashes(1, 7);
  });

  it('past links, FIFOs and files that shrink, and never leaves its directory', async () => {
    const outside = join(base, 'secret');
    mkdirSync(outside);
    writeFileSync(join(outside, 'vmcore'), dumpOf('x86_64-7.3.4.raw'));
    symlinkSync(outside, join(dumps, 'vmcore-directory'));
    symlinkSync(join(outside, 'vmcore'), join(dumps, 'vmcore-link'));
    makeFifo(join(dumps, 'vmcore-fifo'));
    writeFileSync(
      join(dumps, 'vmcore'),
      crashDump(dumpOf('x86_64-7.3.4.elf'), { boot: 9, pci: 2 }),
    );
    await expectCrashes(1, 2);
    truncateSync(join(dumps, 'vmcore'), 1000);
    await sleep(3 * SETTLE_MS);
    expect((await daemon.scrape()).get('hwerr_crashes_total')).toBe(1);
  });

  it('to count a failing file once, whatever it is named and however often it starts', async () => {
    const broken = Buffer.from(dumpOf('x86_64-7.3.4.raw').fill(' ', 0, 2000));
    writeFileSync(join(dumps, 'README.txt'), 'vmcore status: saved successfully\n');
    writeFileSync(join(dumps, 'vmcore'), broken);
    const name = 'hwerr_dump_decode_failures_total{reason="not_a_dump"}';
    await daemon.until((scrape) => scrape.get(name) === 1);
    await daemon.stop('SIGKILL');
    copyFileSync(join(dumps, 'vmcore'), join(dumps, 'vmcore.copy'));
    daemon = await startDaemon(flags());
    await daemon.until((scrape) => (scrape.get('hwerr_last_decode_timestamp_seconds') ?? 0) > 0);
    await sleep(3 * SETTLE_MS);
    expect((await daemon.scrape()).get(name)).toBe(1);
  });

  it('and lists its crashes meanwhile, but shares its ledger with no other', async () => {
    writeFileSync(join(dumps, 'vmcore'), dumpOf('x86_64-7.3.4.raw'));
    await expectCrashes(1, 7);
    const listed = await run(['crashes', '--json', `--ledger.path=${join(base, 'ledger')}`]);
    expect(listed.code).toBe(0);
    expect(JSON.parse(listed.stdout)).toMatchObject({
      id: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      bootId: '04bb2f2f-62b4-4486-876d-d8be7859e9db',
      host: 'labhost',
      hwerr: { kind: 'present' },
    });
    const second = await run(['serve', '--web.listen-address=127.0.0.1:0', ...flags()]);
    expect(second.code).toBe(1);
    expect(second.stderr).toContain('another hwerr-exporter works with this ledger');
  });
});

it('textfile tells the same from the same ledger, without the dumps too', async () => {
  await daemon.stop();
  const out = join(base, 'hwerr.prom');
  const textfile = ['textfile', `--out=${out}`, ...flags()];
  writeFileSync(join(dumps, 'vmcore'), dumpOf('x86_64-7.3.4.raw'));
  expect(await run(textfile)).toMatchObject({ code: 0 });
  rmSync(join(dumps, 'vmcore'));
  expect(await run(textfile)).toMatchObject({ code: 0 });
  const text = readFileSync(out, 'utf8');
  expect(text).toContain('\nhwerr_crashes_total 1\n');
  expect(text).toContain('hwerr_recoverable_errors_total{category="pci"} 7\n');
});
