// The kernel's log as tools of user space write it: text of `dmesg`, with or without facility and
// level (-x, -r), of vmcore-dmesg and of the console; `dmesg --json`; `journalctl -k -o json`.
// Text without facility may be anybody's: whoever may write to /dev/kmsg can make it up.

import { CAPS } from '../limits.ts';
import { dmesgJsonRecords } from './dmesg-json.ts';
import { isJournal, journalRecords } from './journal.ts';
import { linesOf } from './lines.ts';
import type { LogRecord } from './record.ts';
import { FACILITIES, LEVELS } from './syslog.ts';

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
    // The second line of a record has no prefix; it is of whoever wrote the first.
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
  const named = FACILITIES.indexOf(decoded?.[1] ?? '');
  const priority = raw === null ? null : Number(raw[1]);
  let rest = line.slice((named === -1 ? undefined : decoded?.[0].length) ?? raw?.[0].length ?? 0);
  const time = TIME.exec(rest);
  rest = rest.slice((time ?? OTHER_TIME.exec(rest))?.[0].length ?? 0);
  const caller = CALLER.exec(rest);
  const level = LEVELS.indexOf(decoded?.[2] ?? '');
  return {
    prefixed: rest.length !== line.length,
    record: {
      timeSeconds: time === null ? null : Number(time[1]),
      facility: named !== -1 ? named : priority === null ? null : priority >> 3,
      level: named !== -1 && level !== -1 ? level : priority === null ? null : priority & 7,
      caller: caller?.[1] ?? null,
      device: null,
      text: rest.slice(caller?.[0].length ?? 0),
    },
  };
}
