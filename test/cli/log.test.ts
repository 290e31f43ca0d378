// The built program reads a log by itself.

import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { describe, expect, it } from 'vitest';

import { MAIN, run } from '../support/daemon/program.ts';
import { fixture } from '../support/dumps/fixtures.ts';
import { tempDir } from '../support/system/temp-dir.ts';

const LINES = [
  ['pcieport 0000:00:02.0: AER: Corrected error message received from 0000:01:00.0', 32.5],
  ['pci 0000:01:00.0: PCIe Bus Error: severity=Corrected, type=Physical Layer', 32.500001],
  ['pci 0000:01:00.0:   device [8086:10d3] error status/mask=00000001/00000000', 32.500002],
  ['Memory failure: 0x12345: recovery action for dirty LRU page: Recovered', 40],
  ['Kernel panic - not syncing: sysrq triggered crash', 41.756159],
] as const;

const time = (seconds: number): string => `[${seconds.toFixed(6).padStart(12)}]`;
const FORMS = {
  'dmesg text': LINES.map(([text, at]) => `${time(at)} ${text}\n`).join(''),
  'dmesg text with callers': LINES.map(([text, at]) => `${time(at)}[   T55] ${text}\n`).join(''),
  'dmesg -x': LINES.map(([text, at]) => `kern  :err   : ${time(at)} ${text}\n`).join(''),
  'dmesg -r': LINES.map(([text, at]) => `<3>${time(at)} ${text}\n`).join(''),
  'dmesg --json': JSON.stringify({
    dmesg: LINES.map(([msg, at]) => ({ pri: 3, time: at, msg })),
  }),
  'journalctl -k -o json': LINES.map(([MESSAGE, at]) =>
    JSON.stringify({
      ...{ _TRANSPORT: 'kernel', _BOOT_ID: 'a', SYSLOG_FACILITY: '0', PRIORITY: '3', MESSAGE },
      _SOURCE_MONOTONIC_TIMESTAMP: String(Math.round(at * 1e6)),
    }),
  ).join('\n'),
};

interface Answer {
  readonly log: { readonly forgeable: boolean };
  readonly hardwareEvents: readonly unknown[];
  readonly crash: object | null;
}

async function answer(content: string | Buffer, ...options: readonly string[]): Promise<Answer> {
  const file = join(tempDir(), 'dmesg');
  writeFileSync(file, content);
  const { code, stdout, stderr } = await run(['log', file, '--json', ...options]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as Answer;
}

describe('log', () => {
  it.each(Object.entries(FORMS))('reads %s', async (form, content) => {
    const { log, hardwareEvents, crash } = await answer(content);
    expect(hardwareEvents).toMatchObject([
      { time: 32.5, severity: 'corrected', part: { address: '0000:01:00.0', device: '10d3' } },
      { time: 40, severity: 'recoverable', part: { physicalAddress: '0x12345000' } },
    ]);
    expect(crash).toMatchObject({ type: 'sysrq', uptimeSeconds: 41.756159, leadSeconds: 1.756159 });
    expect(log.forgeable).toBe(form.startsWith('dmesg text'));
  });

  it('reads UTF-16, as PowerShell writes it, and text that is damaged in places', async () => {
    const text = FORMS['dmesg text'];
    const { hardwareEvents } = await answer(Buffer.from(`\uFEFF${text}`, 'utf16le'));
    expect(hardwareEvents).toHaveLength(2);
    const damaged = `\x1b[0m\x01\x02${'\0'.repeat(9000)}${text}`;
    expect((await answer(damaged)).hardwareEvents).toHaveLength(2);
  });

  it.each([
    ['packed', gzipSync(FORMS['dmesg text'].repeat(9))],
    ['a dump', readFileSync(fixture('x86_64-7.0.13.zlib'))],
    ['lost', new Uint8Array(4096)],
  ])('does not say that there are no errors in a file that is %s', async (_what, bytes) => {
    const file = join(tempDir(), 'dmesg');
    writeFileSync(file, bytes);
    const { code, stdout, stderr } = await run(['log', file]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('got binary data, want the text of a log');
  });

  it('reads standard input, and prints for people without --json', () => {
    const { status, stdout } = spawnSync(process.execPath, [MAIN, 'log', '-'], {
      input: FORMS['dmesg text'],
      encoding: 'utf8',
    });
    expect(status).toBe(0);
    expect(stdout).toContain('caution   the log does not say who wrote a line');
    expect(stdout).toContain('panic     Kernel panic - not syncing: sysrq triggered crash');
    expect(stdout).toContain(
      '  [     32.500000] corrected pci (aer) 0000:01:00.0 [8086:10d3]\n' +
        '  [     40.000000] recoverable memory (memory-failure) page 0x12345000 dirty LRU page Recovered\n',
    );
  });

  it('says so when there is nothing', () => {
    const { stdout } = spawnSync(process.execPath, [MAIN, 'log', '-'], {
      input: 'kern  :info  : [    0.0] Linux version 7.3.4\n',
      encoding: 'utf8',
    });
    expect(stdout).toContain('no hardware errors');
    expect(stdout).not.toContain('caution');
  });

  it('counts addresses in pages of the size that is given', async () => {
    const { hardwareEvents } = await answer(FORMS['dmesg -x'], '--page-size', '64KiB');
    expect(hardwareEvents[1]).toMatchObject({ part: { physicalAddress: '0x123450000' } });
  });

  it('believes nothing that came through /dev/kmsg', async () => {
    const forged = FORMS['dmesg -x'].replaceAll('kern  :', 'user  :');
    expect(await answer(forged)).toMatchObject({ hardwareEvents: [], crash: null });
  });

  it.each([
    ['a wrong page size', ['log', '-', '--page-size', '5KiB'], 2, /--page-size: got 5KiB/],
    ['no file', ['log'], 2, /missing required argument/],
    ['a file that is not there', ['log', '/no/such/file'], 1, /\/no\/such\/file: ENOENT/],
  ])('ends with its error on standard error for %s', async (_what, args, exit, message) => {
    const { code, stdout, stderr } = await run(args);
    expect(code).toBe(exit);
    expect(stderr).toMatch(message);
    expect(stdout).toBe('');
  });

  it('ends with 1 when JSON is cut off', async () => {
    const file = join(tempDir(), 'dmesg.json');
    writeFileSync(file, FORMS['dmesg --json'].slice(0, -5));
    const { code, stderr } = await run(['log', file, '--json']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^hwerr-exporter: log: dmesg --json: /);
  });
});
