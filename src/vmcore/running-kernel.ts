// Selects the running kernel if memory contains several: after a reboot or kexec of a guest, the parts of the old
// kernel that the new one has not overwritten remain, and such a dump has no note. The page tables of the
// CPUs decide, if the dump has them. Otherwise the kernels ran one after the other: a kernel whose log ends
// with a handover is not the running one, and the one with the latest time of day is.
// If neither decides, or they contradict each other, there is no answer.

import type { Dump } from './container/dump.ts';
import { errorTimes } from './crash-time.ts';
import { Corrupt, orElse } from './errors.ts';
import { readCounters } from './hwerr/counters.ts';
import { type Kernel, hasCrashed, isRunning, kernelsIn, provenByKallsyms } from './kernel.ts';
import { CAPS, type Limits } from './limits.ts';
import { newestEntries } from './printk/log.ts';
import { timesIn } from './printk/times-of-day.ts';
import { namesTables } from './symbols/kallsyms-tables.ts';

/** The last message of a kernel (kernel/kexec_core.c kernel_kexec(), kernel/reboot.c). */
const LAST_WORDS =
  /^(kexec_core: Starting new kernel|reboot: (Restarting system|Power down|System halted))/;
/** Maximum number of records after the last message: drivers and other CPUs continue for a moment. */
const LAST_RECORDS = 16;
/**
 * How a capture kernel (booted to save the memory of another) logs the address of that kernel's ELF headers: in
 * its command line, or by drivers/of/fdt.c.
 */
const SAVES_ANOTHER = 'elfcorehdr';
const KERNEL_FACILITY = 0;

/**
 * Returns the kernel of the dump.
 *
 * @throws Corrupt (`no_vmcoreinfo`; `truncated` if part of the dump is missing) if there is no VMCOREINFO, if
 *   several kernels have one and nothing decides which was running, or with the error of the first one tried.
 * @throws Unsupported if its architecture is unknown, or its memory is encrypted.
 */
export function identifyKernel(dump: Dump, limits: Limits): Kernel {
  const kernels = kernelsIn(dump, limits);
  if (kernels.length === 1) return doubted(dump, kernels[0]);
  const proven = provenByKallsyms(kernels, limits);
  const compared = fewEnough(kernels) ?? fewEnough(proven) ?? [];
  const lives = compared.map((kernel) => lifeOf(dump, kernel, limits));
  // A text that names symbol tables which do not exist may be planted; kernels before v6.0 name none.
  const mayRun = ({ kernel }: Life): boolean =>
    proven.length === 0 || proven.includes(kernel) || !namesTables(kernel.vmcoreinfo);
  const running = runningOf(lives.filter(mayRun));
  const among = `got those of ${kernels.length} kernels`;
  if (running === undefined) {
    throw new Corrupt('no_vmcoreinfo', 'dump', `${among}, and no telling which was running`);
  }
  const { kernel } = running;
  const isSure = proven.length === 0 || (proven.includes(kernel) && runningOf(lives) === running);
  if (isSure) return kernel;
  return {
    ...kernel,
    doubt: `vmcoreinfo: ${among}, and their symbols do not prove which was running`,
  };
}

/** Reboots leave few kernels behind, but any number of texts can be planted in memory. */
function fewEnough(kernels: readonly Kernel[]): readonly Kernel[] | undefined {
  return kernels.length > CAPS.kernels ? undefined : kernels;
}

function runningOf(all: readonly Life[]): Life | undefined {
  const isOfCrash = all.some(({ hasCrashed: crashed }) => crashed);
  // The dump is of the kernel that crashed, not of the capture kernel or one that no CPU ran.
  const lives = all.filter(
    (life) => !isOfCrash || life.hasCrashed || (life.isMapped !== false && life.saves !== true),
  );
  const [only, ...others] = lives;
  if (others.length === 0) return only;
  const [mapped, another] = lives.filter(({ isMapped }) => isMapped === true);
  if (mapped !== undefined && another === undefined) {
    const maySave = isOfCrash && !mapped.hasCrashed && mapped.saves === undefined;
    if (!maySave) return mapped;
  }
  const answers = new Set([onlyOneNotOver(lives), latest(lives)]);
  answers.delete(undefined);
  const [running, other] = answers;
  return other === undefined ? running : undefined;
}

function doubted(dump: Dump, kernel: Kernel): Kernel {
  if (hasCrashed(kernel) || isRunning(dump, kernel) !== false) return kernel;
  return { ...kernel, doubt: 'vmcoreinfo: no CPU ran this kernel when the dump was made' };
}

interface Life {
  readonly kernel: Kernel;
  readonly hasCrashed: boolean;
  /** Whether a CPU ran it; undefined if the dump does not show it. */
  readonly isMapped: boolean | undefined;
  /** Whether its log ends with the last message of a kernel. */
  readonly isOver: boolean;
  /** Whether it is a capture kernel; undefined if its log is missing. */
  readonly saves: boolean | undefined;
  /** The latest time at which it is known to have run, Unix seconds. */
  readonly lastSeconds: number | undefined;
}

function lifeOf(dump: Dump, kernel: Kernel, limits: Limits): Life {
  const said = orElse<Said>(() => saidOf(kernel), { isOver: false, saves: undefined, seconds: 0 });
  const { seconds, ...life } = said;
  const { hwerr } = readCounters(kernel, { limits }, () => undefined);
  const { crashTimeSeconds = 0 } = kernel.vmcoreinfo;
  const lastSeconds = Math.max(seconds, crashTimeSeconds, ...errorTimes(hwerr)) || undefined;
  const isMapped = isRunning(dump, kernel);
  return { kernel, hasCrashed: hasCrashed(kernel), isMapped, ...life, lastSeconds };
}

interface Said extends Pick<Life, 'isOver' | 'saves'> {
  /** The last time of day in the log, Unix seconds; 0: none. */
  readonly seconds: number;
}

/** Reads the log; only the kernel's own lines count. */
function saidOf(kernel: Kernel): Said {
  let seconds = 0;
  let isOver = false;
  let saves: boolean | undefined;
  let records = 0;
  for (const entry of newestEntries(kernel)) {
    if (entry.kind !== 'record' || entry.record.facility !== KERNEL_FACILITY) continue;
    const { text } = entry.record;
    isOver ||= records++ < LAST_RECORDS && LAST_WORDS.test(text);
    saves = saves === true || text.includes(SAVES_ANOTHER);
    seconds ||= Math.max(0, ...timesIn(text));
  }
  return { isOver, saves, seconds };
}

function onlyOneNotOver(lives: readonly Life[]): Life | undefined {
  const [running, another] = lives.filter(({ isOver }) => !isOver);
  return another === undefined ? running : undefined;
}

/** Returns the kernel with the latest time; undefined if one has no time. */
function latest(lives: readonly Life[]): Life | undefined {
  const sorted = lives.flatMap(({ lastSeconds, ...life }) =>
    lastSeconds === undefined ? [] : { ...life, lastSeconds },
  );
  if (sorted.length < lives.length) return undefined;
  sorted.sort((a, b) => b.lastSeconds - a.lastSeconds);
  const [last, before] = sorted;
  return last?.lastSeconds === before?.lastSeconds
    ? undefined
    : lives.find(({ kernel }) => kernel === last?.kernel);
}
