import { describe, expect, it } from 'vitest';

import { deathIn } from '../../../src/vmcore/evidence/death.ts';

const PANIC = 'Kernel panic - not syncing: ';

describe('deathIn', () => {
  it.each([
    [`${PANIC}sysrq triggered crash`, 'sysrq'],
    [`${PANIC}Fatal local machine check`, 'machine-check'],
    [`${PANIC}Timeout: Monarch CPU did not finish machine check processing`, 'machine-check'],
    [`${PANIC}Fatal hardware error!`, 'ghes-fatal'],
    [`${PANIC}Asynchronous SError Interrupt`, 'serror'],
    [`${PANIC}NMI: Not continuing`, 'nmi'],
    [`${PANIC}An NMI occurred. Depending on your system the reason for the NMI is logged`, 'nmi'],
    [`${PANIC}Hard LOCKUP`, 'hard-lockup'],
    [`${PANIC}softlockup: hung tasks`, 'soft-lockup'],
    [`${PANIC}hung_task: blocked tasks`, 'hung-task'],
    [`${PANIC}RCU Stall`, 'rcu-stall'],
    [`${PANIC}Out of memory: compulsory panic_on_oom is enabled`, 'oom'],
    [`${PANIC}Attempted to kill init! exitcode=0x0000000b`, 'init-died'],
    [`${PANIC}VFS: Unable to mount root fs on unknown-block(0,0)`, 'vfs-root'],
    [`${PANIC}CXL cachemem error. Invoking panic`, 'other'],
    ['opal: Hardware platform error: Unrecoverable Machine Check exception', 'machine-check'],
    ['Oops: Machine check, sig: 7 [#1]', 'machine-check'],
    ['BUG: unable to handle page fault for address: ffffc9004069100c', 'page-fault'],
    ['BUG: unable to handle kernel NULL pointer dereference at 0000000000000008', 'page-fault'],
    ['Unable to handle kernel paging request at virtual address dead000000000100', 'page-fault'],
    ['Unable to handle kernel pointer dereference in virtual kernel address space', 'page-fault'],
    ['BUG: Kernel NULL pointer dereference on read at 0x00000000', 'page-fault'],
    ['general protection fault, probably for non-canonical address 0xdead: 0000 [#1]', 'gpf'],
    ['Oops: general protection fault, maybe for address 0x0: 0000 [#1] SMP', 'gpf'],
    ['kernel BUG at mm/slub.c:310!', 'bug'],
    ['Oops: Oops: 0002 [#1] SMP', 'oops'],
    ['Internal error: Oops: 0000000096000004 [#1] SMP', 'oops'],
    ['divide error: 0000 [#1] SMP', 'oops'],
    ['illegal operation: 0001 ilc:1 [#1] SMP', 'oops'],
    ['Oops[#1]:', 'oops'],
    ['watchdog: BUG: soft lockup - CPU#3 stuck for 22s! [kworker/3:1:55]', 'soft-lockup'],
    ['NMI watchdog: BUG: soft lockup - CPU#1 stuck for 23s! [x:55]', 'soft-lockup'],
    [`${PANIC}MCA architectural violation!`, 'machine-check'],
    ['watchdog: CPU 12 self-detected hard LOCKUP @ queued_spin_lock+0x1/0x2', 'hard-lockup'],
    ['watchdog: CPU 12 detected hard LOCKUP on other CPUs 4', 'hard-lockup'],
    ['SError Interrupt on CPU6, code 0x00000000be000000 -- SError', 'serror'],
    ['NMI watchdog: Watchdog detected hard LOCKUP on cpu 3', 'hard-lockup'],
  ])('%s', (text, type) => {
    expect(deathIn(text)).toMatchObject({ type });
  });

  it.each([
    '---[ end Kernel panic - not syncing: Fatal exception ]---',
    'Fake kernel panic: test',
    'WARNING: CPU: 1 PID: 2 at mm/slub.c:310 kfree+0x1/0x2',
    'EEH: Call Trace:',
    'INFO: task x:12 blocked for more than 120 seconds.',
  ])('%s is none', (text) => {
    expect(deathIn(text)).toBeNull();
  });
});
