// Whether a crash kernel is loaded, so that the next panic leaves a dump: /sys/kernel/kexec_crash_loaded,
// read now and then, never by a scrape.

import { readFile } from 'node:fs/promises';

export const KEXEC_CRASH_LOADED = '/sys/kernel/kexec_crash_loaded';
const EVERY_MS = 10_000;

/** The last look at whether a crash kernel is loaded; `close` ends the looking. */
export interface KexecState {
  /** undefined where /sys does not say: no kexec in this kernel, or a container without it. */
  readonly armed: () => boolean | undefined;
  readonly close: () => void;
}

/** Looks now, and every 10 s until it is closed. What cannot be read is undefined, and no error. */
export async function watchKexecState(): Promise<KexecState> {
  let armed = await kdumpArmed();
  const timer = setInterval(() => {
    void kdumpArmed().then((value) => (armed = value));
  }, EVERY_MS).unref();
  return {
    armed: () => armed,
    close: () => {
      clearInterval(timer);
    },
  };
}

/** Whether a crash kernel is loaded now; undefined where that cannot be known. */
export async function kdumpArmed(): Promise<boolean | undefined> {
  try {
    const text = (await readFile(KEXEC_CRASH_LOADED, 'utf8')).trim();
    return text === '1' ? true : text === '0' ? false : undefined;
  } catch {
    return undefined;
  }
}
