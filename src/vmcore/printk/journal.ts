// `journalctl -k -o json`: one object per line. Fields that begin with `_` are set by journald and cannot be
// forged; systemd.journal-fields(7). Times are in microseconds, as decimal text.

import { Corrupt } from '../errors.ts';
import { isObject } from './dmesg-json.ts';
import { linesOf } from './lines.ts';
import type { LogRecord } from './record.ts';

/** Facility of records that did not come from the kernel's log. */
const USER = 1;
const utf8 = new TextDecoder();

/** Whether the text is JSON of journalctl, by its specific keys in the first 64 Ki characters. */
export function isJournal(text: string): boolean {
  return /"(?:__REALTIME_TIMESTAMP|__CURSOR|_TRANSPORT|MESSAGE)"/.test(text.slice(0, 65_536));
}

/** Iterates over the records; an export may have several boots. @throws Corrupt if a line is not JSON. */
export function* journalRecords(text: string): Generator<LogRecord> {
  let boot: unknown;
  for (const line of linesOf(text)) {
    if (line.trim() === '') continue;
    const entry = parsed(line);
    const beginsBoot = boot !== undefined && entry['_BOOT_ID'] !== boot;
    boot = entry['_BOOT_ID'];
    yield beginsBoot ? { ...record(entry), beginsBoot } : record(entry);
  }
}

function parsed(line: string): Readonly<Record<string, unknown>> {
  let entry: unknown;
  try {
    entry = JSON.parse(line);
  } catch (error) {
    throw new Corrupt('corrupt', 'log: journalctl -o json', (error as Error).message);
  }
  return isObject(entry) ? entry : {};
}

function record(entry: Readonly<Record<string, unknown>>): LogRecord {
  const ofKernel = entry['_TRANSPORT'] === undefined || entry['_TRANSPORT'] === 'kernel';
  const time = integer(entry['_SOURCE_MONOTONIC_TIMESTAMP'] ?? entry['__MONOTONIC_TIMESTAMP']);
  const device = entry['_KERNEL_DEVICE'];
  return {
    timeSeconds: time === null ? null : time / 1e6,
    facility: ofKernel ? integer(entry['SYSLOG_FACILITY']) : USER,
    level: integer(entry['PRIORITY']),
    caller: null,
    device: typeof device === 'string' ? device : null,
    text: message(entry['MESSAGE']),
  };
}

function integer(value: unknown): number | null {
  return typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : null;
}

/** Returns the text of a message; text that is not UTF-8 is an array of its bytes. */
function message(value: unknown): string {
  if (typeof value === 'string') return value;
  return Array.isArray(value) ? utf8.decode(Uint8Array.from(value, Number)) : '';
}
