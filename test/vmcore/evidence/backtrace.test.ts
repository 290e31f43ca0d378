import { describe, expect, it } from 'vitest';

import { Backtrace, programCounter } from '../../../src/vmcore/evidence/backtrace.ts';

describe('programCounter', () => {
  it.each([
    ['RIP: 0010:rsvp_classify+0x31a/0xdf0', 'rsvp_classify'],
    ['RIP: e030:__pci_enable_msix_range.part.0+0x26b/0x5f0', '__pci_enable_msix_range'],
    ['RIP: 0010:nv_open+0x1/0x2 [nvidia]', 'nv_open [nvidia]'],
    ['RIP: 0010:[<ffffffff813d0b26>]  [<ffffffff813d0b26>] nv_open+0x16/0x20', 'nv_open'],
    ['RIP: 0033:0x4b0642', null],
    ['pc : memcpy+0x1/0x2', 'memcpy'],
    [' epc : do_trap+0x1/0x2', 'do_trap'],
    ['Krnl PSW : 0704c00180000000 00000000b6426b78 (msi_free+0x40/0xd0)', 'msi_free'],
    ['NIP [c000000000088978] memcpy_power7+0x418/0x7e0', 'memcpy_power7'],
    ['NIP:  c000000000088978 LR: c0000000008e16f8 CTR: 00000000000001de', null],
    ['ERA: 9000000000224f2c die+0x1/0x2', 'die'],
  ])('of %s is %s', (text, name) => {
    expect(programCounter(text)).toBe(name);
  });
});

function frames(...lines: readonly string[]): readonly string[] {
  const trace = new Backtrace();
  for (const line of lines) trace.offer(line);
  return trace.frames;
}

describe('Backtrace', () => {
  it('leaves out plumbing, guesses and marks, and ends with the first other line', () => {
    expect(
      frames(
        ' before+0x1/0x2',
        'Call Trace:',
        ' <TASK>',
        ' dump_stack_lvl+0x5d/0x80',
        ' vpanic+0x166/0x360',
        ' panic+0x6b/0x70',
        ' sysrq_handle_crash+0x1a/0x20',
        ' ? do_syscall_64+0xff/0x520',
        ' __handle_sysrq.cold+0x91/0x141',
        ' panic+0x1/0x2',
        'RIP: 0033:0x4b0642',
        ' after+0x1/0x2',
      ),
    ).toEqual(['sysrq_handle_crash', '__handle_sysrq', 'panic']);
  });

  it.each([
    '[c000000059e4fae0] [c000000059e4fb70] 0xc000000059e4fb70 (unreliable)',
    ' 0xffffffffc0a5d000',
    '([<0000000000000002>] 0x2)',
  ])('goes on behind a caller without a name: %s', (line) => {
    expect(frames('Call Trace:', line, ' kthread+0x1/0x2')).toEqual(['kthread']);
  });

  it.each([
    ['arm64', ' el1h_64_sync+0x64/0x68 (P)', 'el1h_64_sync'],
    ['powerpc', '[c0000000fffbfd70] [c000000000051078] eeh_check+0x7c/0x15c', 'eeh_check'],
    ['s390', ' [<00000000b6426b78>] msi_free+0x40/0xd0 [mlx5_core]', 'msi_free [mlx5_core]'],
    ['s390, the first', '([<00000000b6426b78>] msi_free+0x40/0xd0)', 'msi_free'],
    ['old x86', ' [<ffffffff8109d6a0>] kthread.isra.4+0x1/0x2', 'kthread'],
    ['riscv', '[<ffffffff80005c4a>] handle_exception+0x1c/0x24', 'handle_exception'],
  ])('reads a frame of %s', (_machine, line, name) => {
    expect(frames('Call Trace:', line)).toEqual([name]);
  });
});
