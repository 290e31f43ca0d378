// Logging: one line an event, as logfmt (the default of Prometheus' exporters) or as JSON. Text from
// dumps and paths is quoted and cut, so that it can neither forge nor flood.

import { shownPath } from './file-path.ts';
import { LOG_LEVELS, type LogFormat, type LogLevel } from './config.ts';

/** No field is longer, in characters. */
const MAX_TEXT = 1024;

export type LogFields = Readonly<Record<string, string | number | boolean>>;
/** A method for each level; what is below the level in force goes nowhere. */
export type Logger = Readonly<Record<LogLevel, (message: string, fields?: LogFields) => void>>;

/** @param write takes whole lines. It must not throw. */
export function createLogger(
  level: LogLevel,
  format: LogFormat,
  write: (line: string) => void,
): Logger {
  const line = format === 'json' ? JSON.stringify : logfmt;
  const at =
    (name: LogLevel): Logger[LogLevel] =>
    (message, fields = {}) => {
      if (LOG_LEVELS.indexOf(name) < LOG_LEVELS.indexOf(level)) return;
      const event = { ts: new Date().toISOString(), level: name, msg: message, ...fields };
      write(`${harmless(line(bounded(event)))}\n`);
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

function logfmt(event: LogFields): string {
  return Object.entries(event)
    .map(([key, value]) => `${key}=${quoted(String(value))}`)
    .join(' ');
}

function quoted(value: string): string {
  return /^[\w./:+@-]+$/.test(value) ? value : JSON.stringify(value);
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

function bounded(event: LogFields): LogFields {
  return Object.fromEntries(
    Object.entries(event).map(([key, value]) => [
      key,
      typeof value === 'string' ? cut(shownPath(value)) : value,
    ]),
  );
}

function cut(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}
