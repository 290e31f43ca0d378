// The crash time. Only VMCOREINFO has it, and nothing proves its text. The copies of VMCOREINFO in the dump, and
// the times that the kernel recorded before it crashed, are compared with it.

import type { Counters } from './hwerr/counters.ts';
import type { Kernel } from './kernel.ts';
import type { Hwerr } from './report.ts';

const KEY = 'CRASHTIME';

/**
 * Returns CRASHTIME, Unix seconds. If copies differ, the one that is no earlier than the newest error and the
 * last time of day in the log; null if none or several of them are, if no copy has a time, or if only a text left
 * by an earlier boot has one, as in the dump of a machine that did not crash.
 *
 * @param lastLogged the last time of day in the log, Unix seconds, which may not be the newest: the clock of a
 *   machine that keeps local time is set back at boot; 0: none.
 * @param warn receives differences between copies, and a time that contradicts the others.
 */
export function crashTime(
  kernel: Kernel,
  { hwerr, vmcoreinfoCopies }: Pick<Counters, 'hwerr' | 'vmcoreinfoCopies'>,
  lastLogged: number,
  warn: (warning: string) => void,
): number | null {
  const { crashTimeSeconds: found } = kernel.vmcoreinfo;
  const isOwn = vmcoreinfoCopies.length === 0 || vmcoreinfoCopies.some((own) => own.has(KEY));
  if (kernel.foundIn === 'scanned' && found !== undefined && !isOwn) {
    // Memory survives a reboot, and the new kernel may be loaded at the same address.
    warn(`CRASHTIME: ${found} is in a text that is not the kernel's own: of an earlier boot`);
    return null;
  }
  // A text found by searching memory counts only if the kernel's own copies are not there.
  const hasOwn = kernel.foundIn === 'scanned' && vmcoreinfoCopies.length > 0;
  const copies = hasOwn ? vmcoreinfoCopies : [kernel.vmcoreinfo, ...vmcoreinfoCopies];
  const times = [...new Set(copies.flatMap(({ crashTimeSeconds }) => crashTimeSeconds ?? []))];
  const [time, other] = times;
  if (time === undefined || other === undefined) {
    const broken = copies.find((copy) => copy.crashTimeSeconds === undefined && copy.has(KEY));
    if (broken !== undefined) {
      warn(`CRASHTIME: ${broken.value(KEY)} is no time of a crash`);
    }
    if (time !== undefined) warnIfEarly(time, hwerr, lastLogged, warn);
    return time ?? null;
  }
  const newest = Math.max(lastLogged, ...errorTimes(hwerr));
  const [possible, another] = times.filter((copy) => copy >= newest);
  const proven = another === undefined ? possible : undefined;
  const which = proven === undefined ? 'nothing says which is right' : `took ${proven}`;
  warn(`CRASHTIME: copies of VMCOREINFO have ${times.join(' and ')}: ${which}`);
  return proven ?? null;
}

/** Only warns: a clock that was set back has the same effect. */
function warnIfEarly(
  time: number,
  hwerr: Hwerr,
  lastLogged: number,
  warn: (warning: string) => void,
): void {
  const error = Math.max(0, ...errorTimes(hwerr));
  if (time < error) {
    warn(`CRASHTIME: ${time} is before an error that was counted at ${error}`);
    return;
  }
  if (time < lastLogged) {
    warn(`CRASHTIME: ${time} is before ${lastLogged}, a time of day in the log`);
  }
}

/** When the kernel counted hardware errors, Unix seconds. */
export function errorTimes(hwerr: Hwerr): number[] {
  if (hwerr.kind !== 'present') return [];
  return hwerr.categories.flatMap(({ lastErrorTimestampSeconds: time }) => time ?? []);
}
