// The result of a check, one line of check-config and doctor.

import { shown } from './shown.ts';
import type { Colour, Terminal } from './terminal.ts';

/** The result of one check. */
export interface Finding {
  /** `unknown`: it could not be checked. */
  readonly kind: 'ok' | 'problem' | 'unknown';
  /** What was checked, the result, and what to do if it is a problem. */
  readonly text: string;
}

/** Returns the finding of a check that passed. */
export function ok(text: string): Finding {
  return { kind: 'ok', text };
}

/** Returns the finding of a check that failed; the text says what to do. */
export function problem(text: string): Finding {
  return { kind: 'problem', text };
}

/** Returns the finding of a check that could not be made; the text says why. */
export function unknown(text: string): Finding {
  return { kind: 'unknown', text };
}

const COLOURS: Readonly<Record<Finding['kind'], Colour>> = {
  ok: 'green',
  problem: 'red',
  unknown: 'yellow',
};

/** Prints findings as they arrive. @returns true if all of them are `ok`. */
export async function printFindings(
  findings: AsyncIterable<Finding>,
  { print, paint }: Pick<Terminal, 'print' | 'paint'>,
): Promise<boolean> {
  let isWell = true;
  for await (const { kind, text } of findings) {
    isWell &&= kind === 'ok';
    print(`${paint(COLOURS[kind], kind.padEnd(7))}  ${shown(text)}\n`);
  }
  return isWell;
}
