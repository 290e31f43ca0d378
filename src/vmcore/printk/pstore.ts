// What a dying kernel kept of its log in pstore: firmware variables, or memory that survives a reset.
// It is written in parts, the newest lines first: fs/pstore/platform.c pstore_dump() begins each with
// `Panic#1 Part1`. systemd-pstore puts the parts of one crash together again, their heads among them.

import { linesOf } from './lines.ts';

/** Bytes of a file that say whether it is a record. */
export const PSTORE_HEAD_BYTES = 48;

const HEAD = /^([A-Z][a-z]{1,15})#(\d{1,9}) Part(\d{1,9})$/;

/** One part of a record. */
export interface PstorePart {
  /** Why it was written: the reason, and how many the kernel had written by then. */
  readonly record: string;
  /** From 1, which is the newest. */
  readonly number: number;
  /** Lines of the log, oldest first. */
  readonly text: string;
}

/** Whether a file with these first bytes is a part of a record, or several. */
export function isPstore(head: Uint8Array): boolean {
  const text = new TextDecoder().decode(head.subarray(0, PSTORE_HEAD_BYTES));
  const end = text.indexOf('\n');
  return end > 0 && HEAD.test(text.slice(0, end));
}

/**
 * Parts of panics alone: after an oops the kernel may have lived on.
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

/** The log that parts of one record make, and whether a part of it is missing. */
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
