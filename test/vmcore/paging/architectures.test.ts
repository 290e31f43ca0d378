import { describe, expect, it } from 'vitest';

import { Vmcoreinfo } from '../../../src/vmcore/container/vmcoreinfo.ts';
import { architectureOf } from '../../../src/vmcore/paging/architectures.ts';
import { MACHINES, type MachineName } from '../../support/kernel-builder.ts';
import { thrownBy } from '../../support/thrown.ts';

const NO_KEYS = new Vmcoreinfo('OSRELEASE=1\n');

describe.each(Object.keys(MACHINES) as MachineName[])('architectureOf %s', (name) => {
  const { elfMachine, utsMachine, keys } = MACHINES[name];

  it('goes by e_machine', () => {
    expect(architectureOf(elfMachine, NO_KEYS).name).toBe(name);
  });

  it('goes by utsname.machine', () => {
    expect(architectureOf(utsMachine, NO_KEYS).name).toBe(name);
  });

  it('goes by the keys of VMCOREINFO when the header names no machine', () => {
    const info = new Vmcoreinfo(`OSRELEASE=1\n${keys(0x1000000n)}`);
    expect(architectureOf(undefined, info).name).toBe(name);
  });
});

describe('architectureOf', () => {
  it('believes the header before the keys', () => {
    const info = new Vmcoreinfo(MACHINES.x86_64.keys(0n));
    expect(architectureOf('aarch64', info).name).toBe('arm64');
  });

  it.each([
    ['an e_machine', 20],
    ['a utsname.machine', 'm68k'],
    ['no machine and no key of its own', undefined],
  ])('throws Unsupported (unsupported_arch) for %s that is not in the list', (_, machine) => {
    const error = thrownBy(() => architectureOf(machine, NO_KEYS));
    expect(error).toMatchObject({ tag: 'Unsupported', reason: 'unsupported_arch' });
    expect(error.message).toContain(`dump: machine: got ${machine}, want x86_64, arm64`);
  });
});
