import { describe, expect, it } from 'vitest';

import { cpuLine } from '../../../src/vmcore/evidence/cpu-line.ts';

describe('cpuLine', () => {
  it.each([
    [
      'CPU: 3 PID: 506 Comm: poc Not tainted 6.1.47+ #42',
      { cpu: 3, pid: 506, comm: 'poc', taint: [] },
    ],
    [
      'CPU: 3 UID: 0 PID: 341 Comm: (udev-worker) Tainted: G   M               ------  ---  6.17.0 #1 PREEMPT',
      { comm: '(udev-worker)', taint: ['G', 'M'] },
    ],
    [
      'CPU: 0 UID: 0 PID: 1 Comm: a: b] c Kdump: loaded Tainted: P           OE      7.3.4 #1',
      { comm: 'a: b] c', taint: ['P', 'O', 'E'] },
    ],
    ['CPU: 0 PID: 1 Comm:  Tainted: GBM Not tainted 6.1.0 #1', { comm: 'Tainted: GBM', taint: [] }],
    ['Pid: 1, comm: init Not tainted 2.6.32 #1', { cpu: null, pid: 1, comm: 'init' }],
  ])('%s', (text, facts) => {
    expect(cpuLine(text)).toMatchObject(facts);
  });

  it('is null for the line that names the flags', () => {
    expect(cpuLine('Tainted: [M]=MACHINE_CHECK, [W]=WARN')).toBeNull();
  });
});
