// The kernel's log as written by user-space tools: text of `dmesg`, with or without facility and level (-x,
// -r), of vmcore-dmesg and of the console; of `journalctl -k` and of syslog files, which name the writer of a
// line; the format of /dev/kmsg; `dmesg --json`; `journalctl -k -o json`. Text without a facility can be
// forged by any process that may write to /dev/kmsg.

import { CAPS } from '../limits.ts';
import { Corrupt } from '../errors.ts';
import { type NamedRecord, isBanner } from './boots.ts';
import { dmesgJsonRecords } from './dmesg-json.ts';
import { isJournal, journalRecords } from './journal.ts';
import { isKmsg, kmsgRecords } from './kmsg.ts';
import { linesOf } from './lines.ts';
import type { LogRecord } from './record.ts';
import { FACILITIES, LEVELS } from './syslog.ts';

/** The records in a text, and its format. */
export interface LogText {
  readonly format: 'text' | 'dmesg-json' | 'journal-json';
  /** Oldest first; only the newest if there are too many. */
  readonly records: readonly LogRecord[];
  /** Whether there were more records. */
  readonly truncated: boolean;
}

/** Formats of journalctl that are not read: export, json-sse and json-seq. */
const FOREIGN = ['__CURSOR=', 'data: {', '\u001e'];

/**
 * Reads a log in any of the formats.
 *
 * @throws Corrupt if JSON of one of the two tools is truncated or broken, or journalctl wrote another format.
 */
export function readLogText(text: string): LogText {
  const start = text.search(/[^\s\uFEFF]/);
  const body = text.slice(start);
  if (FOREIGN.some((form) => body.startsWith(form))) {
    throw new Corrupt('corrupt', 'log', 'got another format of journalctl, want that of -o json');
  }
  if (beginsAsKmsg(body)) return { format: 'text', ...newest(kmsgRecords(body)) };
  if (text[start] !== '{' || /^\{\d/.test(text.slice(start, start + 2))) {
    return { format: 'text', ...newest(textRecords(text)) };
  }
  return isJournal(text)
    ? { format: 'journal-json', ...newest(journalRecords(text)) }
    : { format: 'dmesg-json', ...newest(dmesgJsonRecords(text)) };
}

/** Whether records of /dev/kmsg follow, maybe after the end of one of which the beginning is missing. */
function beginsAsKmsg(text: string): boolean {
  const heads: boolean[] = [];
  for (const line of linesOf(text)) {
    // Properties of a device.
    if (/^(?: |$)/.test(line)) continue;
    heads.push(isKmsg(line.slice(0, CAPS.logRecordBytes)));
    if (heads[0] === true || heads.length === 3) break;
  }
  return heads[0] === true || (heads[1] === true && heads[2] === true);
}

function newest(records: Iterable<NamedRecord>): Pick<LogText, 'records' | 'truncated'> {
  let kept: LogRecord[] = [];
  let truncated = false;
  let time: number | null = null;
  for (const record of records) {
    kept.push(isBanner(record, time) ? { ...record, beginsBoot: true } : record);
    time = record.timeSeconds ?? time;
    if (kept.length < 2 * CAPS.logRecords) continue;
    kept = kept.slice(-CAPS.logRecords);
    truncated = true;
  }
  truncated ||= kept.length > CAPS.logRecords;
  return { records: kept.slice(-CAPS.logRecords), truncated };
}

/** `kern  :err   : ` of dmesg -x, or `<3>` of dmesg -r and of the console; RFC 5424 adds a version. */
const DECODED = /^([a-z0-9]{3,9}) {0,6}:([a-z]{3,6}) {0,3}: /;
const RAW = /^<(\d{1,4})>(?:1 (?=\d{4}-))?/;
/** Names are in the language of the system. */
const MONTH = String.raw`(?:\p{L}[\p{L}\p{M}.]{1,9}|\d{1,2}\p{L})`;
let date: RegExp | undefined;
/**
 * Date before host and writer: in syslog files, and in journalctl's short formats. It is compiled for the first text,
 * because that takes 0.4 ms, which the start of every command would have.
 */
function dateForm(): RegExp {
  return (date ??= new RegExp(
    String.raw`^(?:${MONTH} [ \d]\d(?: \d{4})? \d\d:\d\d:\d\d(?:\.\d{1,9})?|(?:[A-Z][a-z]{2} )?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z| ?[A-Z]{3,5}|[+-]\d\d:?\d\d)?|\d{9,11}\.\d{1,9}) `,
    'u',
  ));
}
/** Time since the line before, with or without another time: dmesg -d and -e, journalctl -o short-delta. */
const DELTA = String.raw`<? {0,12}\+?\d{1,10}\.\d{1,9}[ *]?>?`;
/** Time before the text: of dmesg -T, -e and -d, and of --time-format=iso, whose fraction has a comma. */
const OTHER_TIME = new RegExp(
  String.raw`^(?:\[[^\][:]{2,40} \d\d:\d\d(?::\d\d \d{4})?(?: ${DELTA})?\] ?|\[${DELTA}\] ?|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d,\d{1,9}[+-]\d\d:?\d\d )`,
);
/** Seconds since boot. */
const TIME = new RegExp(String.raw`^\[ {0,12}(\d{1,10}\.\d{1,9})(?: ${DELTA}| {8,32})?\] ?`);
const HOST = String.raw`[^\s:[](?:\S{0,253}[^\s:])?`;
/** `host kernel: `, `host kern.err kernel: ` of BusyBox, `host kernel - - - ` of RFC 5424. */
const WRITERS = [
  new RegExp(
    String.raw`^${HOST} (?:[a-z0-9]{3,9}\.[a-z]{3,7} )?([^\s:[]{1,64})(?:\[\d{1,10}\])?: `,
  ),
  new RegExp(String.raw`^${HOST} (\S{1,48}) \S{1,128} \S{1,32} - \uFEFF?`),
];
/** The kernel as the writer, in excerpts without a host, and after the monotonic time of journalctl. */
const KERNEL = new RegExp(String.raw`^ ?(?:${HOST} )?(kernel)(?:\[0\])?: `);
const CALLER = /^\[ {0,12}([TC]\d{1,10})\] /;

function* textRecords(text: string): Generator<NamedRecord> {
  let last: NamedRecord | undefined;
  let hasPrefixes = false;
  for (const whole of linesOf(text)) {
    const line = whole.slice(0, CAPS.logRecordBytes);
    const { record, prefixed } = textRecord(line);
    hasPrefixes ||= prefixed;
    // Further lines of a record have no prefix; their writer is that of the first line.
    if (hasPrefixes && !prefixed && last !== undefined) last = withLine(last, line);
    else {
      if (last !== undefined) yield last;
      last = record;
    }
  }
  if (last !== undefined) yield last;
}

function withLine(record: NamedRecord, line: string): NamedRecord {
  const { text } = record;
  return text.length < CAPS.logRecordBytes ? { ...record, text: `${text}\n${line}` } : record;
}

function textRecord(line: string): { readonly record: NamedRecord; readonly prefixed: boolean } {
  let rest = line;
  const take = (...forms: readonly RegExp[]): RegExpExecArray | null => {
    for (const form of forms) {
      const found = form.exec(rest);
      if (found === null) continue;
      rest = rest.slice(found[0].length);
      return found;
    }
    return null;
  };
  const named = FACILITIES.indexOf(DECODED.exec(line)?.[1] ?? '');
  const decoded = named === -1 ? null : take(DECODED);
  const priority = decoded === null ? numberIn(take(RAW)) : null;
  const isDated = take(dateForm()) !== null;
  const before = isDated ? null : take(TIME);
  if (before === null && !isDated) take(OTHER_TIME);
  const writer = isDated ? take(KERNEL, ...WRITERS) : take(KERNEL);
  const time = before ?? take(TIME);
  const caller = take(CALLER);
  const level = LEVELS.indexOf(decoded?.[2] ?? '');
  return {
    prefixed: rest.length !== line.length,
    record: {
      timeSeconds: numberIn(time),
      facility: named !== -1 ? named : priority !== null ? priority >> 3 : facilityOf(writer?.[1]),
      level: level !== -1 ? level : priority === null ? null : priority & 7,
      caller: caller?.[1] ?? null,
      device: null,
      text: rest,
      ...(writer?.[1] === 'kernel' && { ofKernel: true }),
    },
  };
}

function numberIn(found: RegExpExecArray | null): number | null {
  return found === null ? null : Number(found[1]);
}

/** Returns the facility of a syslog line, which does not contain it: any writer but the kernel is user space. */
function facilityOf(writer: string | undefined): number | null {
  return writer === undefined || writer === 'kernel' ? null : FACILITIES.indexOf('user');
}
