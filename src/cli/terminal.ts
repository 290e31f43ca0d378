// Where a command writes: answers to standard output, complaints and progress to standard error. Colours
// and progress only where a terminal shows them.

import { styleText } from 'node:util';
import { shown } from './shown.ts';

export type Colour = 'red' | 'yellow' | 'green';

/** Where a command writes: answers to standard output, all else to standard error. */
export interface Terminal {
  /** Takes a piece of the answer. */
  readonly print: (text: string) => void;
  /** Takes what is wrong and what to do, as one line without its end. */
  readonly complain: (text: string) => void;
  /** Shows what is being done until something is written. */
  readonly progress: (text: string) => void;
  /** The text in a colour, where colours are shown and wanted (no-color.org). */
  readonly paint: (colour: Colour, text: string) => string;
}

const CLEAR_LINE = '\r\x1b[K';

/** Of this process. */
export function processTerminal(): Terminal {
  const { stdout, stderr } = process;
  const isColoured = stdout.isTTY && stdout.hasColors();
  let isShowing = false;
  const clear = (): void => {
    if (isShowing) stderr.write(CLEAR_LINE);
    isShowing = false;
  };
  return {
    print(text) {
      clear();
      stdout.write(text);
    },
    complain(text) {
      clear();
      stderr.write(`hwerr-exporter: ${shown(text)}\n`);
    },
    progress(text) {
      if (!stderr.isTTY) return;
      stderr.write(`${CLEAR_LINE}${shown(text).slice(0, stderr.columns - 1)}`);
      isShowing = true;
    },
    paint: (colour, text) =>
      isColoured ? styleText(colour, text, { validateStream: false }) : text,
  };
}
