import { describe, expect, it } from 'vitest';

import { type CrashReport, bytesSource, decodeVmcore } from '../../../src/vmcore/index.ts';
import { ByteWriter } from '../../support/builders/bytes.ts';
import {
  type BuiltKernel,
  elfDumpOf,
  kdumpOf,
  kernel,
  withMemory,
} from '../../support/builders/kernel-builder.ts';
import type { MachineName } from '../../support/builders/fake-machines.ts';
import type { LogRecipe } from '../../support/builders/printk-builder.ts';

const PANIC = 'Kernel panic - not syncing: sysrq triggered crash';

function built(log: Partial<LogRecipe>, machine: MachineName = 'x86_64'): BuiltKernel {
  const sizes = { countBits: 8, sizeBits: 14 };
  return kernel({ machine, fillers: 20, log: { records: [], ...sizes, ...log } });
}

function lineOf(records: LogRecipe['records'], machine?: MachineName): string | null {
  const report = decodeVmcore(bytesSource(elfDumpOf(built({ records }, machine))));
  expect(report.hwerr.kind).toBe('present');
  return report.panicMessage;
}

const trace = Array.from({ length: 60 }, (_, i) => `RIP: 0010:function_${i}+0x10/0x20`);

describe('panicLine', () => {
  it.each(['x86_64', 's390x', 'arm32', 'i386'] as const)(
    'finds the panic of %s behind its trace',
    (machine) => {
      expect(lineOf(['boot', 'BUG: before', PANIC, ...trace], machine)).toBe(PANIC);
    },
  );

  it('takes the last panic, and the panic before any complaint', () => {
    const first = 'Kernel panic - not syncing: first';
    expect(lineOf([first, PANIC, 'Oops: 0002', 'BUG: after'])).toBe(PANIC);
  });

  it.each([
    'BUG: kernel NULL pointer dereference, address: 0000000000000000',
    'Oops: 0002 [#1] SMP',
    'Oops[#1]:',
    'general protection fault, probably for non-canonical address 0x1',
    'Unable to handle kernel paging request at virtual address ffff',
    'watchdog: BUG: soft lockup - CPU#1 stuck for 26s!',
    'sysrq: Trigger a crash',
    'Internal error: Oops: 0000000096000044 [#1] SMP',
    'SysRq : Trigger a crash',
    'kernel BUG at mm/slub.c:448!',
    'BUG: unable to handle page fault for address: ffffc9004069100c',
    'BUG: unable to handle kernel NULL pointer dereference at 0000000000000010',
    'divide error: 0000 [#1] SMP',
    'illegal operation: 0001 ilc:1 [#1] SMP',
    'NMI watchdog: Watchdog detected hard LOCKUP on cpu 3',
    'watchdog: CPU 7 self-detected hard LOCKUP @ cpu_idle_poll+0x10/0x20',
    'BUG: workqueue lockup - pool cpus=1 node=0 flags=0x0 nice=0 stuck for 60s!',
  ])('takes the last complaint where there is no panic: %s', (complaint) => {
    expect(lineOf(['BUG: older', complaint, 'usb 1-1: new device', 'eth0: up'])).toBe(complaint);
  });

  it.each([
    [
      'BUG: unable to handle page fault for address: ffffc9004069100c',
      '#PF: supervisor write access in kernel mode',
      'Oops: 0003 [#1] SMP NOPTI',
    ],
    ['kernel BUG at mm/slub.c:448!', 'invalid opcode: 0000 [#1] PREEMPT SMP NOPTI'],
    ['Unable to handle kernel NULL pointer dereference', 'Internal error: Oops: 96000044 [#1] SMP'],
  ])('takes the head of an oops from which the crash kernel took over: %s', (...oops) => {
    const cpu = 'CPU: 0 PID: 234 Comm: cat Not tainted 7.3.4 #1';
    expect(lineOf(['BUG: older', ...oops, cpu, ...trace])).toBe(oops[0]);
  });

  it('is null when the log complains of nothing, or is empty', () => {
    expect(lineOf(['boot', 'eth0: link up'])).toBeNull();
    expect(lineOf(['nothing'])).toBeNull();
  });

  it('takes the one line of a record with several', () => {
    expect(lineOf([`before\n${PANIC}\nafter`])).toBe(PANIC);
  });

  it('strips what a terminal or a page would act on', () => {
    expect(lineOf(['Kernel panic - not syncing: \x1b[31ma\x07b\u200eb\tc\r'])).toBe(
      'Kernel panic - not syncing:  [31ma b b c',
    );
  });

  it('cuts a line at 512 characters', () => {
    const long = `${PANIC} ${'x'.repeat(800)}`;
    expect(lineOf([long])).toBe(long.slice(0, 512));
  });

  it('finds a panic however much came after it', () => {
    const after = Array.from({ length: 900 }, (_, i) => `after ${i}`);
    const log = { records: [PANIC, ...after], countBits: 10, sizeBits: 15 };
    const { panicMessage } = decodeVmcore(bytesSource(elfDumpOf(built(log))));
    expect(panicMessage).toBe(PANIC);
  });

  it('finds the panic behind a head that was never committed', () => {
    const log = { records: [PANIC, 'CPU: 0 PID: 1 Comm: init'], headAhead: 1 };
    const { panicMessage } = decodeVmcore(bytesSource(elfDumpOf(built(log))));
    expect(panicMessage).toBe(PANIC);
  });

  it.each([
    '---[ end Kernel panic - not syncing: sysrq triggered crash ]---',
    'Fake kernel panic: Kernel panic - not syncing',
    'usb 1-1: Product: Kernel panic - not syncing: Fatal machine check',
  ])('does not take for the panic what only quotes it: %s', (line) => {
    expect(lineOf([PANIC, line])).toBe(PANIC);
    expect(lineOf(['boot', line])).toBeNull();
  });

  it.each([1, 3, 16, 255])(
    'believes nothing that came through /dev/kmsg: facility %i',
    (facility) => {
      const forged = ['Kernel panic - not syncing: Fatal machine check', 'BUG: forged'];
      const records = forged.map((text) => ({ text, facility }));
      expect(lineOf(['boot', ...records])).toBeNull();
      expect(lineOf(['Oops: 0002 [#1] SMP', ...records])).toBe('Oops: 0002 [#1] SMP');
      expect(lineOf([PANIC, ...records])).toBe(PANIC);
    },
  );

  it.each([
    'mce: [Hardware Error]: Machine check events logged',
    'mce: [Hardware Error]: CPU 0: Machine Check Exception: 5 Bank 4: b200000000070005',
    '[Hardware Error]: Corrected error, no action required.',
    '{1}[Hardware Error]: event severity: corrected',
    'pcieport 0000:00:1c.0: AER: Uncorrected (Fatal) error received: 0000:01:00.0',
  ])('takes no hardware error for it, which may have been survived: %s', (line) => {
    expect(lineOf(['boot', line])).toBeNull();
  });

  it('is null, and the counters are there, when the log is not in the dump', () => {
    const decode = (excluded: readonly 'log'[]): CrashReport =>
      decodeVmcore(bytesSource(kdumpOf(built({ records: [PANIC] }), { excluded }).bytes));
    expect(decode([]).panicMessage).toBe(PANIC);
    expect(decode(['log'])).toMatchObject({
      panicMessage: null,
      hwerr: { kind: 'present' },
      warnings: [],
    });
  });

  it('is null when the pointer to the log leads nowhere', () => {
    const one = built({ records: [PANIC] });
    const astray = new ByteWriter().u64(0xffff888012345678n).toBytes();
    const { panicMessage } = decodeVmcore(
      bytesSource(elfDumpOf(withMemory(one, one.at('log'), astray))),
    );
    expect(panicMessage).toBeNull();
  });
});

describe('the log of x86_64', () => {
  /** Virtual address of the ring in the direct map, and the tables that map its page. */
  const DIRECT = 0xffff888012345000n;

  it('is found through the page tables when boot code made it larger', () => {
    const TABLES = 0x5000000n;
    const start = 0xffffffff9b200000n;
    const top = start + 0x4000000n; // in the image mapping, 64 MiB behind the image
    const ring = 0x6000000n; // physical
    const one = kernel({
      fillers: 20,
      log: { records: [PANIC], ring: DIRECT },
      editVmcoreinfo: (text) => `${text}SYMBOL(init_top_pgt)=${top.toString(16)}\n`,
    });
    expect(one.start).toBe(start);
    const page = new Uint8Array(8192);
    page.set(one.log!.ring);
    const segments = [
      { physical: one.physical, bytes: one.image },
      { physical: TABLES, bytes: tables(TABLES, ring) },
      { physical: ring, bytes: page },
    ];
    const { panicMessage } = decodeVmcore(bytesSource(elfDumpOf(one, { segments })));
    expect(panicMessage).toBe(PANIC);
  });

  /** Four levels; the last maps two pages. */
  function tables(at: bigint, physical: bigint): Uint8Array {
    const bytes = new Uint8Array(4 * 4096);
    const put = (table: number, index: bigint, value: bigint): void => {
      bytes.set(new ByteWriter().u64(value | 0x63n).toBytes(), table * 4096 + Number(index) * 8);
    };
    for (let level = 4; level > 1; level--) {
      const index = (DIRECT >> BigInt(12 + 9 * (level - 1))) & 511n;
      put(4 - level, index, at + BigInt(5 - level) * 4096n);
    }
    const last = (DIRECT >> 12n) & 511n;
    put(3, last, physical);
    put(3, last + 1n, physical + 4096n);
    return bytes;
  }
});
