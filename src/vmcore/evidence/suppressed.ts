// Messages that the kernel did not print: `<function>: <n> callbacks suppressed`, lib/ratelimit.c.

import type { Source } from './hardware-event.ts';
import type { Recogniser } from './finding.ts';
import type { Line } from './line.ts';

const END = ' callbacks suppressed';
const LINE = /^(\w{1,64}): (\d{1,10}) callbacks suppressed$/;

const FUNCTIONS: readonly (readonly [RegExp, Source])[] = [
  [/^_{0,2}ghes_/, 'ghes'],
  [/^mce_notify_irq$/, 'mce'],
  [/^print_extlog_rcd$/, 'extlog'],
  [/^(?:aer_ratelimit|aer_print_\w{1,32}|pci_print_aer)$/, 'aer'],
];

/** Counts messages about hardware errors that the rate limit suppressed. Makes no findings. */
export class SuppressedMessages implements Recogniser {
  readonly #counts = new Map<Source, number>();

  offer(line: Line): boolean {
    const [, name, count] = line.text.endsWith(END) ? (LINE.exec(line.text) ?? []) : [];
    if (name === undefined) return false;
    const source = FUNCTIONS.find(([pattern]) => pattern.test(name))?.[1];
    if (source === undefined) return false;
    this.#counts.set(source, (this.#counts.get(source) ?? 0) + Number(count));
    return true;
  }

  /** Number of suppressed messages by source. */
  get counts(): Partial<Record<Source, number>> {
    return Object.fromEntries(this.#counts);
  }
}
