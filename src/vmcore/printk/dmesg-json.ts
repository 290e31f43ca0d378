// `dmesg --json` (util-linux, sys-utils/dmesg.c print_record): with -x facility and level are two names,
// otherwise one number.

import { Corrupt } from '../errors.ts';
import type { LogRecord } from './record.ts';
import { FACILITIES, LEVELS } from './syslog.ts';

const CALLER = /^[TC]\d{1,10}$/;

/** Reads the records. @throws Corrupt if it is not JSON, or has no records. */
export function* dmesgJsonRecords(text: string): Generator<LogRecord> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new Corrupt('corrupt', 'log: dmesg --json', (error as Error).message);
  }
  const entries = isObject(parsed) ? parsed['dmesg'] : undefined;
  if (!Array.isArray(entries)) throw new Corrupt('corrupt', 'log', 'got JSON, want that of dmesg');
  for (const entry of entries) if (isObject(entry)) yield record(entry);
}

function record(entry: Readonly<Record<string, unknown>>): LogRecord {
  const { fac, pri, time, caller, dev, msg } = entry as Record<string, unknown>;
  const priority = typeof pri === 'number' && Number.isInteger(pri) ? pri : null;
  // An unknown facility does not belong to the kernel.
  const facility = typeof fac !== 'string' ? null : FACILITIES.indexOf(fac);
  const level = typeof pri === 'string' ? LEVELS.indexOf(pri) : -1;
  return {
    timeSeconds: typeof time === 'number' && Number.isFinite(time) ? time : null,
    facility: facility ?? (priority === null ? null : priority >> 3),
    level: level !== -1 ? level : priority === null ? null : priority & 7,
    caller: typeof caller === 'string' && CALLER.test(caller) ? caller : null,
    device: typeof dev === 'string' ? dev : null,
    text: typeof msg === 'string' ? msg : '',
  };
}

/** Whether a JSON value is an object or an array, not null. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
