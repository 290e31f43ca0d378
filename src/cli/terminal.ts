// Output of a command: results to standard output, errors and progress to standard error. Colours and progress
// appear only on a terminal.

import { styleText } from 'node:util';
import { shown } from './shown.ts';

export type Colour = 'red' | 'yellow' | 'green';

/** Output of a command: results to standard output, all else to standard error. */
export interface Terminal {
  /** Writes a piece of the result. */
  readonly print: (text: string) => void;
  /** Writes an error and what to do about it, on one line; the text has no line end. */
  readonly complain: (text: string) => void;
  /** Shows the current activity until the next output. */
  readonly progress: (text: string) => void;
  /** Returns the text in a colour, if the terminal shows colours and the user wants them (no-color.org). */
  readonly paint: (colour: Colour, text: string) => string;
}

const CLEAR_LINE = '\r\x1b[K';

/**
 * Returns the output of this process. Standard error is opened only when something is written there: opening it
 * costs 3 to 8 % of the CPU time of `decode`.
 */
export function processTerminal(): Terminal {
  const { stdout } = process;
  const isColoured = stdout.isTTY && stdout.hasColors();
  let isShowing = false;
  const clear = (): void => {
    if (isShowing) process.stderr.write(CLEAR_LINE);
    isShowing = false;
  };
  return {
    print(text) {
      clear();
      stdout.write(text);
    },
    complain(text) {
      clear();
      process.stderr.write(`hwerr-exporter: ${shown(text)}\n`);
    },
    progress(text) {
      const { stderr } = process;
      if (!stderr.isTTY) return;
      stderr.write(`${CLEAR_LINE}${shown(text).slice(0, stderr.columns - 1)}`);
      isShowing = true;
    },
    paint: (colour, text) =>
      isColoured ? styleText(colour, text, { validateStream: false }) : text,
  };
}
