import { describe, expect, it } from 'vitest';

import { Vmcoreinfo } from '../../../src/vmcore/container/vmcoreinfo.ts';
import type { Architecture } from '../../../src/vmcore/arch/architecture.ts';
import { architecturesOf } from '../../../src/vmcore/arch/architectures.ts';
import { BE64, LE32, LE64 } from '../../support/builders/bytes.ts';
import { kernel } from '../../support/builders/kernel-builder.ts';
import { MACHINES, MACHINE_NAMES } from '../../support/builders/fake-machines.ts';
import { thrownBy } from '../../support/system/thrown.ts';

const NO_KEYS = new Vmcoreinfo('OSRELEASE=1\n');

function named(machine: number | string | undefined, order = LE64, info = NO_KEYS): Architecture {
  const found = architecturesOf({ machine, order }, info);
  expect(found).toHaveLength(1);
  return found[0]!;
}

describe.each(MACHINE_NAMES)('architecturesOf %s', (name) => {
  const { elfMachine, utsMachine, order } = MACHINES[name];

  it('goes by e_machine', () => {
    expect(named(elfMachine, order).name).toBe(name);
  });

  it('goes by utsname.machine', () => {
    expect(named(utsMachine, order).name).toBe(name);
  });

  it('goes by the keys of VMCOREINFO when the header names no machine', () => {
    const info = new Vmcoreinfo(kernel({ machine: name, fillers: 0 }).vmcoreinfo);
    expect(named(undefined, order, info).name).toBe(name);
  });

  it('knows the width of its words and how it aligns 64-bit integers', () => {
    const { wordBits, int64Alignment } = named(elfMachine, order);
    expect(wordBits).toBe(order.wordBits);
    expect(int64Alignment).toBe(name === 'i386' ? 4 : 8);
  });
});

describe('architecturesOf', () => {
  it('offers every 32-bit machine where neither header nor VMCOREINFO names one', () => {
    const found = architecturesOf({ machine: undefined, order: LE32 }, NO_KEYS);
    expect(found.map(({ name }) => name)).toEqual(['i386', 'arm32']);
  });

  it.each([
    ['i386', 'i386', LE32],
    ['i586', 'i386', LE32],
    ['armv5tel', 'arm32', LE32],
    ['armv8l', 'arm32', LE32],
    ['aarch64_be', 'arm64', BE64],
  ] as const)('takes a machine called %s for %s', (machine, name, order) => {
    expect(named(machine, order).name).toBe(name);
  });

  it('believes the header before the keys', () => {
    const info = new Vmcoreinfo(MACHINES.x86_64.keys(0n));
    expect(named('aarch64', LE64, info).name).toBe('arm64');
  });

  it.each([
    ['an e_machine', 20],
    ['a utsname.machine', 'm68k'],
    ['a utsname.machine that only begins like one', 'x86_64h'],
    ['no machine and no key of its own', undefined],
  ])('throws Unsupported (unsupported_arch) for %s that is not in the list', (_, machine) => {
    const error = thrownBy(() => named(machine));
    expect(error).toMatchObject({ tag: 'Unsupported', reason: 'unsupported_arch' });
    expect(error.message).toContain(
      `dump: machine: ${machine === undefined ? 'the header names none' : `got ${machine}`}, want x86_64, arm64`,
    );
  });
});
