// The log that a panicking kernel stored in pstore: firmware variables, or memory that survives a reset. It
// is written in parts, newest lines first; fs/pstore/platform.c pstore_dump() begins each with `Panic#1
// Part1`. systemd-pstore joins the parts of one crash, including these headers.

import { linesOf } from './lines.ts';

/** Number of bytes that suffice to recognize a pstore record. */
export const PSTORE_HEAD_BYTES = 48;

const HEAD = /^([A-Z][a-z]{1,15})#(\d{1,9}) Part(\d{1,9})$/;

/** One part of a record. */
export interface PstorePart {
  /** The reason, and the number of the record that the kernel wrote. */
  readonly record: string;
  /** From 1, which has the newest lines. */
  readonly number: number;
  /** Lines of the log, oldest first. */
  readonly text: string;
}

/** Whether a file with these first bytes consists of parts of a record. */
export function isPstore(head: Uint8Array): boolean {
  const text = new TextDecoder().decode(head.subarray(0, PSTORE_HEAD_BYTES));
  const end = text.indexOf('\n');
  return end > 0 && HEAD.test(text.slice(0, end));
}

/**
 * Reads the parts of panics only, because a kernel may survive an oops.
 *
 * @returns the parts of the last panic in the text, in their order there.
 */
export function panicParts(text: string): readonly PstorePart[] {
  const parts: { record: string; number: number; lines: string[] }[] = [];
  for (const line of linesOf(text)) {
    const head = HEAD.exec(line);
    if (head === null) parts.at(-1)?.lines.push(line);
    else parts.push({ record: `${head[1]}#${head[2]}`, number: Number(head[3]), lines: [] });
  }
  const panics = parts.filter(({ record }) => record.startsWith('Panic#'));
  return panics
    .filter(({ record }) => record === panics.at(-1)?.record)
    .map(({ lines, ...part }) => ({ ...part, text: lines.map((line) => `${line}\n`).join('') }));
}

/** Joins the parts of one record, and returns whether a part is missing. */
export function joinedParts(parts: readonly PstorePart[]): {
  readonly text: string;
  readonly isIncomplete: boolean;
} {
  const byNumber = new Map(parts.map((part) => [part.number, part]));
  const ordered = [...byNumber.values()].sort((a, b) => b.number - a.number);
  return {
    text: ordered.map(({ text }) => text).join(''),
    isIncomplete: ordered.length === 0 || ordered[0]?.number !== ordered.length,
  };
}
