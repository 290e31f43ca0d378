// What a check found, as check-config and doctor print it: one line each.

import { shown } from './shown.ts';
import type { Colour, Terminal } from './terminal.ts';

/** One line of check-config or doctor. */
export interface Finding {
  /** `unknown`: it could not be checked. */
  readonly kind: 'ok' | 'problem' | 'unknown';
  /** What was checked, what came of it, and what to do where it is not well. */
  readonly text: string;
}

/** A check that found all well. */
export function ok(text: string): Finding {
  return { kind: 'ok', text };
}

/** A check that found something wrong; the text says what to do. */
export function problem(text: string): Finding {
  return { kind: 'problem', text };
}

/** A check that could not be made; the text says why. */
export function unknown(text: string): Finding {
  return { kind: 'unknown', text };
}

const COLOURS: Readonly<Record<Finding['kind'], Colour>> = {
  ok: 'green',
  problem: 'red',
  unknown: 'yellow',
};

/** Prints findings as they come. @returns whether all is well: what could not be checked is not. */
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
