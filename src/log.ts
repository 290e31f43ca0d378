// Logging: one line an event, to standard error, as logfmt (the default of Prometheus' exporters) or
// as JSON. Text from dumps and paths is quoted and cut, so that it can neither forge nor flood.

import { type DestinationStream, pino } from 'pino';
import type { LogFormat, LogLevel } from './config.ts';

/** No field is longer, in characters. */
const MAX_TEXT = 1024;

export type LogFields = Readonly<Record<string, string | number | boolean>>;
export type Logger = Readonly<Record<LogLevel, (message: string, fields?: LogFields) => void>>;

/** @param write takes whole lines. */
export function createLogger(
  level: LogLevel,
  format: LogFormat,
  write: (line: string) => void,
): Logger {
  const destination: DestinationStream = {
    write: (line) => {
      write(harmless(format === 'json' ? line : logfmt(line)));
    },
  };
  const log = pino(
    {
      level,
      base: null,
      messageKey: 'msg',
      timestamp: () => `,"ts":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  const at =
    (name: LogLevel): Logger[LogLevel] =>
    (message, fields) => {
      log[name](bounded(fields ?? {}), message);
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** A JSON line as logfmt: time and level first, the rest in its order. */
function logfmt(json: string): string {
  const { ts, level, msg, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const pairs = Object.entries({ ts, level, msg, ...fields });
  return `${pairs.map(([key, value]) => `${key}=${quoted(String(value))}`).join(' ')}\n`;
}

function quoted(value: string): string {
  if (/^[\w./:+@-]+$/.test(value)) return value;
  return JSON.stringify(value);
}

/** What JSON leaves as it is and a terminal obeys: DEL, C1 controls, direction and line marks. */
function harmless(line: string): string {
  return line.replace(/[\x7f-\x9f\p{Cf}\u2028\u2029]/gu, escaped);
}

/** As JSON has it: past U+FFFF, two of four digits. */
function escaped(character: string): string {
  return character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
}

function bounded(fields: LogFields): LogFields {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key,
      typeof value === 'string' && value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}…` : value,
    ]),
  );
}
