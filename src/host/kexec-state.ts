// Whether a crash kernel is loaded, so that the next panic leaves a dump: /sys/kernel/kexec_crash_loaded,
// read now and then, never by a scrape.

import { readFile } from 'node:fs/promises';

const FILE = '/sys/kernel/kexec_crash_loaded';
const EVERY_MS = 10_000;

export interface KexecState {
  /** undefined where /sys does not say: no kexec in this kernel, or a container without it. */
  readonly armed: () => boolean | undefined;
  readonly close: () => void;
}

export async function watchKexecState(): Promise<KexecState> {
  let armed = await readArmed();
  const timer = setInterval(() => {
    void readArmed().then((value) => (armed = value));
  }, EVERY_MS).unref();
  return {
    armed: () => armed,
    close: () => {
      clearInterval(timer);
    },
  };
}

async function readArmed(): Promise<boolean | undefined> {
  try {
    const text = (await readFile(FILE, 'utf8')).trim();
    return text === '1' ? true : text === '0' ? false : undefined;
  } catch {
    return undefined;
  }
}
