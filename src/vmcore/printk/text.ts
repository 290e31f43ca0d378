// The kernel's log as tools of user space write it: text of `dmesg`, with or without facility and
// level (-x, -r), of vmcore-dmesg and of the console; of `journalctl -k` and of syslog's files, which
// name who wrote a line; `dmesg --json`; `journalctl -k -o json`.
// Text without facility may be forged by any process that may write to /dev/kmsg.

import { CAPS } from '../limits.ts';
import { dmesgJsonRecords } from './dmesg-json.ts';
import { isJournal, journalRecords } from './journal.ts';
import { linesOf } from './lines.ts';
import type { LogRecord } from './record.ts';
import { FACILITIES, LEVELS } from './syslog.ts';

/** A log that a tool wrote, and in which of the forms. */
export interface LogText {
  readonly format: 'text' | 'dmesg-json' | 'journal-json';
  /** Oldest first; the newest ones of a log that has too many. */
  readonly records: readonly LogRecord[];
  /** There were more records. */
  readonly truncated: boolean;
}

/**
 * @throws Corrupt when JSON of one of the two tools is cut off or broken.
 */
export function readLogText(text: string): LogText {
  const start = text.search(/[^\s\uFEFF]/);
  if (text[start] !== '{' || /^\{\d/.test(text.slice(start, start + 2))) {
    return { format: 'text', ...newest(textRecords(text)) };
  }
  return isJournal(text)
    ? { format: 'journal-json', ...newest(journalRecords(text)) }
    : { format: 'dmesg-json', ...newest(dmesgJsonRecords(text)) };
}

function newest(records: Iterable<LogRecord>): Pick<LogText, 'records' | 'truncated'> {
  let kept: LogRecord[] = [];
  let truncated = false;
  for (const record of records) {
    kept.push(record);
    if (kept.length < 2 * CAPS.logRecords) continue;
    kept = kept.slice(-CAPS.logRecords);
    truncated = true;
  }
  truncated ||= kept.length > CAPS.logRecords;
  return { records: kept.slice(-CAPS.logRecords), truncated };
}

/** `kern  :err   : ` of dmesg -x, or `<3>` of dmesg -r and the console's own. */
const DECODED = /^([a-z0-9]{3,9}) {0,6}:([a-z]{3,6}) {0,3}: /;
const RAW = /^<(\d{1,4})>/;
/** `Sep 22 09:59:09 host kernel: `, or with a time of RFC 3339. */
const SYSLOG =
  /^(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d{1,9})?|\d{4}-\d\d-\d\dT[\d:.+Z-]{8,25}) \S{1,255} ([^\s:[]{1,64})(?:\[\d{1,10}\])?: /;
const TIME = /^\[ {0,12}(\d{1,10}\.\d{1,9})\] ?/;
/** Of -T, -e and -d: not since boot, so of no use. */
const OTHER_TIME =
  /^(?:\[[A-Z][a-z]{2}[A-Za-z0-9 :]{5,24}\]|\[<? {0,12}\+?\d{1,10}\.\d{1,9}>?\]) ?/;
const CALLER = /^\[ {0,12}([TC]\d{1,10})\] /;

function* textRecords(text: string): Generator<LogRecord> {
  let last: LogRecord | undefined;
  let marked = false;
  for (const whole of linesOf(text)) {
    const line = whole.slice(0, CAPS.logRecordBytes);
    const { record, prefixed } = textRecord(line);
    marked ||= prefixed;
    // The second line of a record has no prefix; it has the writer of the first.
    if (marked && !prefixed && last !== undefined) last = withLine(last, line);
    else {
      if (last !== undefined) yield last;
      last = record;
    }
  }
  if (last !== undefined) yield last;
}

function withLine(record: LogRecord, line: string): LogRecord {
  const { text } = record;
  return text.length < CAPS.logRecordBytes ? { ...record, text: `${text}\n${line}` } : record;
}

function textRecord(line: string): { readonly record: LogRecord; readonly prefixed: boolean } {
  const decoded = DECODED.exec(line);
  const raw = RAW.exec(line);
  const syslog = SYSLOG.exec(line);
  const named = FACILITIES.indexOf(decoded?.[1] ?? '');
  const priority = raw === null ? null : Number(raw[1]);
  const prefix = (named === -1 ? undefined : decoded) ?? raw ?? syslog;
  let rest = line.slice(prefix?.[0].length ?? 0);
  const time = TIME.exec(rest);
  rest = rest.slice((time ?? OTHER_TIME.exec(rest))?.[0].length ?? 0);
  const caller = CALLER.exec(rest);
  const level = LEVELS.indexOf(decoded?.[2] ?? '');
  return {
    prefixed: rest.length !== line.length,
    record: {
      timeSeconds: time === null ? null : Number(time[1]),
      facility: named !== -1 ? named : priority !== null ? priority >> 3 : facilityOf(syslog?.[1]),
      level: named !== -1 && level !== -1 ? level : priority === null ? null : priority & 7,
      caller: caller?.[1] ?? null,
      device: null,
      text: rest.slice(caller?.[0].length ?? 0),
    },
  };
}

/** Of a line of syslog, which does not say it: any writer but the kernel is of user space. */
function facilityOf(writer: string | undefined): number | null {
  return writer === undefined || writer === 'kernel' ? null : FACILITIES.indexOf('user');
}
