// The legacy log, newest record first. As in dmesg, the fragments of a line are one record (msg_print_text() of
// kernel/printk/printk.c up to v5.9).

import { CAPS } from '../limits.ts';
import { ascii, hasBytesAt } from '../bytes/text.ts';
import type { Kernel } from '../kernel.ts';
import { type Header, LegacyBuffer } from './legacy-buffer.ts';
import type { LogMemory } from './log-memory.ts';
import type { LogEntry } from './record.ts';
import { deviceName, recordText } from './record-text.ts';

const LOG_NEWLINE = 2;
const LOG_PREFIX = 4;
const LOG_CONT = 8;
const DEVICE_KEY = ascii('DEVICE=');

/**
 * Iterates over all records, newest first.
 *
 * @throws Corrupt if VMCOREINFO lacks a key or the buffer is inconsistent, PageMissing if its variables are
 *   not in the dump.
 */
export function* newestOfLegacy(kernel: Kernel, pages: LogMemory): Generator<LogEntry> {
  const buffer = new LegacyBuffer(kernel, pages);
  /** Fragments of the current line, newest first. */
  let line: Header[] = [];
  for (const header of buffer.newestHeaders()) {
    const newer = line.at(-1);
    if (newer !== undefined && !(isHeader(header) && continues(header, newer, line.length))) {
      yield entryOf(buffer, line);
      line = [];
    }
    if (isHeader(header)) line.push(header);
    else yield { kind: header === 'gap' ? 'unreadable' : 'truncated' };
  }
  if (line.length > 0) yield entryOf(buffer, line);
}

function isHeader(found: Header | 'gap' | 'truncated'): found is Header {
  return typeof found === 'object';
}

/** Whether the next record continues the line; never across facilities, from the kernel's text to others'. */
function continues(older: Header, newer: Header, fragments: number): boolean {
  const open = (older.flags & LOG_CONT) !== 0 && (older.flags & LOG_NEWLINE) === 0;
  const goesOn = (newer.flags & LOG_PREFIX) === 0 && older.facility === newer.facility;
  return open && goesOn && fragments < CAPS.logFragments;
}

/** @param line its fragments, oldest last; time and device are those of the oldest. */
function entryOf(buffer: LegacyBuffer, line: readonly Header[]): LogEntry {
  const texts = line.map((fragment) => buffer.textOf(fragment)).reverse();
  const first = line.at(-1);
  if (first === undefined || texts.includes(undefined)) return { kind: 'unreadable' };
  const { timeSeconds, facility, level, caller } = first;
  const device = deviceOf(buffer.dictOf(first));
  const text = texts.map((bytes) => (bytes === undefined ? '' : recordText(bytes))).join('');
  return {
    kind: 'record',
    seq: null,
    record: { timeSeconds, facility, level, caller, device, text },
  };
}

/**
 * Returns the device in `SUBSYSTEM=pci\0DEVICE=+pci:0000:01:00.0`, as made by dev_printk
 * (drivers/base/core.c).
 */
function deviceOf(dict: Uint8Array): string | null {
  for (let at = 0; at < dict.length;) {
    const field = dict.subarray(at);
    if (hasBytesAt(field, 0, DEVICE_KEY)) return deviceName(field.subarray(DEVICE_KEY.length));
    const end = field.indexOf(0);
    if (end < 0) break;
    at += end + 1;
  }
  return null;
}
