// Which kernel a dump is of, where memory has several: a guest that was rebooted, by kexec or by itself,
// keeps what its new kernel has not overwritten of the old one, in memory that has no note to say which is
// which. The page tables of the CPUs say it, where the dump has them. Else: they ran one after the
// other, so a kernel that handed over is over, and one that lived at a later time of day is the later one.
// Where neither says, or they contradict each other, there is no answer.

import type { Dump } from './container/dump.ts';
import { errorTimes } from './crash-time.ts';
import { Corrupt, orElse } from './errors.ts';
import { readCounters } from './hwerr/counters.ts';
import { type Kernel, hasCrashed, isRunning, kernelsIn, provenByKallsyms } from './kernel.ts';
import { CAPS, type Limits } from './limits.ts';
import { newestEntries } from './printk/log.ts';
import { timesIn } from './printk/times-of-day.ts';
import { namesTables } from './symbols/kallsyms-tables.ts';

/** What a kernel says last (kernel/kexec_core.c kernel_kexec(), kernel/reboot.c). */
const LAST_WORDS =
  /^(kexec_core: Starting new kernel|reboot: (Restarting system|Power down|System halted))/;
/** Records that may follow its last words: drivers and other CPUs go on for a moment. */
const LAST_RECORDS = 16;
/**
 * What a kernel that was booted to save the memory of another says of where that one's headers are: on its
 * command line, or by drivers/of/fdt.c.
 */
const SAVES_ANOTHER = 'elfcorehdr';
const KERNEL_FACILITY = 0;

/**
 * The kernel of the dump.
 *
 * @throws Corrupt (`no_vmcoreinfo`; `truncated` where part of the dump is missing) when there is no
 *   VMCOREINFO, when several kernels have one and nothing says which was running, or what the first
 *   one tried lacked.
 * @throws Unsupported when it runs on a machine that is not known here, or its memory is encrypted.
 */
export function identifyKernel(dump: Dump, limits: Limits): Kernel {
  const kernels = kernelsIn(dump, limits);
  if (kernels.length === 1) return doubted(dump, kernels[0]);
  const proven = provenByKallsyms(kernels, limits);
  const compared = fewEnough(kernels) ?? fewEnough(proven) ?? [];
  const lives = compared.map((kernel) => lifeOf(dump, kernel, limits));
  // A text that names its tables and is not borne out by them may be planted; kernels before v6.0 name none.
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

/** Reboots leave few behind; whoever can write a text and a name into memory can plant any number. */
function fewEnough(kernels: readonly Kernel[]): readonly Kernel[] | undefined {
  return kernels.length > CAPS.kernels ? undefined : kernels;
}

function runningOf(all: readonly Life[]): Life | undefined {
  const isOfCrash = all.some(({ hasCrashed: crashed }) => crashed);
  // A dump is of the kernel that crashed, not of the one that saves it, nor of one that no CPU ran.
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
  /** Whether a CPU ran it; undefined where the dump does not say. */
  readonly isMapped: boolean | undefined;
  /** Whether its log ends with its last words. */
  readonly isOver: boolean;
  /** Whether it was booted to save the memory of another; undefined where its log is not there. */
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

/** What the log says; of lines, only the kernel's own. */
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

/** The one that ran after a time at which each of the others did; undefined when one has no time. */
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
