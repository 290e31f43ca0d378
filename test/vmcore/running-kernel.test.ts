// Two kernels in one memory, as a guest that was rebooted by kexec leaves them.

import { describe, expect, it } from 'vitest';

import { DEFAULT_LIMITS } from '../../src/vmcore/limits.ts';
import { identifyKernel } from '../../src/vmcore/running-kernel.ts';
import type { Kernel } from '../../src/vmcore/kernel.ts';
import { type KernelRecipe, kernel } from '../support/builders/kernel-builder.ts';
import { memoryDump } from '../support/builders/memory-dump.ts';
import { writePageTables } from '../support/builders/page-tables.ts';
import { SparseMemory } from '../support/builders/sparse-memory.ts';
import { thrownBy } from '../support/system/thrown.ts';

const NOTHING: KernelRecipe = { counters: Array.from({ length: 5 }, () => [0, 0] as const) };
const errorAt = (seconds: number): KernelRecipe => ({
  counters: [[1, seconds], ...NOTHING.counters!.slice(1)],
});

/** The host that is found in a memory with these kernels, from low addresses to high ones. */
function hostIn(recipes: readonly KernelRecipe[]): string | undefined {
  return kernelIn(recipes).nodename;
}

function kernelIn(recipes: readonly KernelRecipe[]): Kernel {
  const memory = new SparseMemory();
  const built = recipes.map((recipe, i) =>
    kernel({
      fillers: 0,
      physical: BigInt(i + 1) << 26n,
      editVmcoreinfo: (text) => text.replace(/CRASHTIME=.*\n/, ''),
      ...recipe,
    }),
  );
  for (const { physical, image } of built) memory.write(physical, image);
  return identifyKernel(memoryDump(built[0]!, memory), DEFAULT_LIMITS);
}

/** A kernel that crashed then. */
const crashedAt = (seconds: number): KernelRecipe => ({
  editVmcoreinfo: (text) => text.replace(/CRASHTIME=.*/, `CRASHTIME=${seconds}`),
});
/** A kernel that was booted then, and what else its log has. */
const bootedAt = (seconds: number, ...records: string[]): KernelRecipe => ({
  log: { records: [...records, `rtc0: setting system clock to 2026 UTC (${seconds})`, 'up'] },
});
const SAVES = 'Command line: nr_cpus=1 elfcorehdr=0x7a000000';

const old = (recipe: KernelRecipe): KernelRecipe => ({ nodename: 'old', ...NOTHING, ...recipe });
const now = (recipe: KernelRecipe): KernelRecipe => ({ nodename: 'now', ...NOTHING, ...recipe });

describe.each([
  ['below', (a: KernelRecipe, b: KernelRecipe) => [a, b]],
  ['above', (a: KernelRecipe, b: KernelRecipe) => [b, a]],
] as const)('with the old kernel %s the running one', (_, order) => {
  it.each([
    'kexec_core: Starting new kernel',
    'reboot: Restarting system',
    'reboot: Power down',
    'reboot: System halted',
  ])('takes the one whose log does not end with "%s"', (lastWords) => {
    const log = { records: ['up', lastWords] };
    expect(hostIn(order(old({ log }), now({ log: { records: ['up'] } })))).toBe('now');
  });

  it('takes the one that counted an error later than the other', () => {
    const [before, after] = [old(errorAt(1_700_000_001)), now(errorAt(1_790_000_001))];
    expect(hostIn(order(before, after))).toBe('now');
  });

  it.each([
    ['RTC', (time: number) => `rtc_cmos 00:05: setting system clock to 2026 UTC (${time})`],
    ['audit', (time: number) => `audit: type=2000 audit(${time}.500:1): state=initialized`],
  ])('takes the one whose log has a later time of day, by %s', (_name, line) => {
    const [before, after] = [1_700_000_001, 1_790_000_001].map((time) => ({
      log: { records: [line(time), 'up'] },
    }));
    expect(hostIn(order(old(before!), now(after!)))).toBe('now');
  });

  it.each<[string, KernelRecipe, KernelRecipe]>([
    ['that was booted after the other crashed', crashedAt(1_700_000_009), bootedAt(1_700_000_099)],
    ['that crashed later', crashedAt(1_700_000_009), crashedAt(1_790_000_009)],
    ['that crashed where the other ran before', bootedAt(1_600_000_000), crashedAt(1_700_000_009)],
    [
      'that crashed where the other handed over',
      { log: { records: ['kexec_core: Starting new kernel'] } },
      crashedAt(1_700_000_009),
    ],
    [
      'that crashed where the other saves its memory',
      bootedAt(1_700_000_099, SAVES),
      crashedAt(1_700_000_009),
    ],
  ])('takes the one %s', (_name, before, after) => {
    expect(hostIn(order(old(before), now(after)))).toBe('now');
  });

  it.each<[string, KernelRecipe, KernelRecipe]>([
    ['nothing tells', {}, {}],
    ['one crashed, and nothing tells when the other ran', crashedAt(1_700_000_009), {}],
    ['one of them has no time', errorAt(1_700_000_001), {}],
    [
      'both have handed over',
      { log: { records: ['reboot: Power down'] } },
      { log: { records: ['reboot: Power down'] } },
    ],
    [
      'log and time contradict',
      { log: { records: ['reboot: Power down'] }, ...errorAt(1_790_000_001) },
      errorAt(1_700_000_001),
    ],
  ])('refuses when %s', (_name, a, b) => {
    const error = thrownBy(() => hostIn(order(old(a), now(b))));
    expect(error).toMatchObject({ tag: 'Corrupt', reason: 'no_vmcoreinfo' });
    expect(error.message).toContain('2 kernels, and no telling which was running');
  });
});

it('refuses more kernels than a memory has, however clear it is which ran last', () => {
  const kernels = (count: number): KernelRecipe[] =>
    Array.from({ length: count }, (_, i) => ({
      ...NOTHING,
      nodename: `k${i}`,
      ...bootedAt(1e9 + i),
    }));
  expect(hostIn(kernels(8))).toBe('k7');
  expect(thrownBy(() => hostIn(kernels(9))).message).toContain('9 kernels, and no telling');
});

it('tells the kernel from any number of texts that were planted with a name, and no symbols', () => {
  const planted = Array.from({ length: 12 }, (_, i): KernelRecipe => ({
    ...NOTHING,
    nodename: `planted${i}`,
    editVmcoreinfo: (text) => text.replace(/^SYMBOL\(kallsyms.*\n/gm, ''),
  }));
  expect(hostIn([...planted, { ...NOTHING, nodename: 'real' }])).toBe('real');
});

describe('a text that was planted with the time of a crash', () => {
  const planted = (symbols: RegExp, by: string): KernelRecipe => ({
    ...NOTHING,
    nodename: 'planted',
    editVmcoreinfo: (text) => text.replace(symbols, by),
  });
  const real = { ...NOTHING, nodename: 'real', ...bootedAt(1_700_000_001) };

  it('is not taken where the tables that it names are none', () => {
    const { nodename, doubt } = kernelIn([planted(/(?<=^SYMBOL\(kallsyms.*=).*$/gm, '1234'), real]);
    expect(nodename).toBe('real');
    expect(doubt).toMatch(/2 kernels, and their symbols do not prove which was running$/);
  });

  it('is doubted where it names none, as kernels before v6.0', () => {
    const { nodename, doubt } = kernelIn([planted(/^SYMBOL\(kallsyms.*\n/gm, ''), real]);
    expect(nodename).toBe('planted');
    expect(doubt).toMatch(/do not prove which was running$/);
  });
});

describe('with the page tables of the CPUs', () => {
  const [OLD, NOW] = [1n << 26n, 1n << 27n];
  const ROOT = 0x10000n;

  interface Situation {
    /** Whose VMCOREINFO the dump's note is. */
    readonly note?: 'old' | 'now';
    /** Where the CPUs have the kernel's text. */
    readonly mapped: bigint;
    readonly crashed?: boolean;
    /** Whether the newer kernel's memory is there. */
    readonly alone?: boolean;
    /** What the newer kernel's log has. */
    readonly log?: readonly string[];
  }

  function identified({ note, mapped, crashed = false, alone = false, log }: Situation): Kernel {
    const memory = new SparseMemory();
    const keep = (text: string): string => text.replace(/CRASHTIME=.*\n/, '');
    const texts: Record<string, string> = {};
    const built = [OLD, NOW].map((physical, i) => {
      const nodename = i === 0 ? 'old' : 'now';
      const editVmcoreinfo = crashed && i === 0 ? (text: string) => text : keep;
      const records = i === 1 && log !== undefined ? { log: { records: log } } : {};
      const one = kernel({
        ...NOTHING,
        ...records,
        ...{ fillers: 0, physical, nodename, editVmcoreinfo },
      });
      if (i === 0 || !alone) memory.write(physical, one.image);
      texts[nodename] = one.vmcoreinfo;
      return one;
    });
    writePageTables(memory, ROOT, built[0]!.start, mapped);
    const notes = note === undefined ? [] : [texts[note]!];
    return identifyKernel(memoryDump(built[0]!, memory, notes, [ROOT]), DEFAULT_LIMITS);
  }

  it.each<[string, Situation]>([
    ['without a note', { mapped: NOW }],
    ['with a note of the old one', { mapped: NOW, note: 'old' }],
    ['with its own note', { mapped: NOW, note: 'now' }],
  ])('takes the kernel that they map, %s', (_, situation) => {
    const { nodename, doubt } = identified(situation);
    expect([nodename, doubt]).toEqual(['now', undefined]);
  });

  it('takes the kernel that crashed, whichever ran then', () => {
    expect(identified({ mapped: NOW, note: 'old', crashed: true }).nodename).toBe('old');
  });

  it.each<[string, readonly string[], string]>([
    ['takes the kernel that they map though the other crashed before it', ['up'], 'now'],
    ['takes the kernel that crashed where they map the one that saves it', [SAVES], 'old'],
  ])('%s', (_, log, host) => {
    expect(identified({ mapped: NOW, crashed: true, log }).nodename).toBe(host);
  });

  it('refuses where they map one without a log, which may be saving the one that crashed', () => {
    const error = thrownBy(() => identified({ mapped: NOW, crashed: true }));
    expect(error.message).toContain('2 kernels, and no telling which was running');
  });

  it('says so where the only kernel is one that no CPU ran', () => {
    const { nodename, doubt } = identified({ mapped: NOW, note: 'old', alone: true });
    expect(nodename).toBe('old');
    expect(doubt).toBe('vmcoreinfo: no CPU ran this kernel when the dump was made');
  });

  it('refuses where they map neither, and nothing else tells', () => {
    const error = thrownBy(() => identified({ mapped: 1n << 28n, note: 'old' }));
    expect(error.message).toContain('2 kernels, and no telling which was running');
  });
});

it('takes copies of one text for one kernel', () => {
  const built = kernel({ fillers: 0, editVmcoreinfo: (text) => text.replace(/CRASHTIME.*\n/, '') });
  const memory = new SparseMemory().write(built.physical, built.image);
  memory.write(0x10000n, Buffer.from(built.vmcoreinfo));
  const dump = memoryDump(built, memory);
  expect(identifyKernel(dump, DEFAULT_LIMITS).nodename).toBe('labhost');
});

describe('a kernel whose release was written over', () => {
  const overwritten = (banner: string | undefined): (() => ReturnType<typeof identifyKernel>) => {
    const built = kernel({
      fillers: 20,
      ...(banner !== undefined && { bootIdName: 'linux_banner', bootId: Buffer.from(banner) }),
    });
    const memory = new SparseMemory().write(built.physical, built.image);
    const release = built.at('utsname') + 4n + 2n * 65n;
    memory.write(release, Buffer.from('7.3.4-live12\0'));
    return () => identifyKernel(memoryDump(built, memory, [built.vmcoreinfo]), DEFAULT_LIMITS);
  };

  it.each([
    ['without a banner', undefined],
    ['and by its banner', 'Linux version 7.3.4-test (x) #1'],
  ])('is proven by kallsyms %s', (_, banner) => {
    expect(overwritten(banner)().nodename).toBe('labhost');
  });

  it('is refused when its banner is of another release', () => {
    const error = thrownBy(overwritten('Linux version 7.3.4-other (x) #1'));
    expect(error.message).toBe(
      'init_uts_ns: got release "7.3.4-live12", want 7.3.4-test as in VMCOREINFO',
    );
  });
});
