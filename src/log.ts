// Logging: one line per event, as logfmt (the default of Prometheus exporters) or JSON. Text from dumps
// and paths is quoted and truncated, so that it can neither forge nor flood lines.

import { LOG_LEVELS, type LogFormat, type LogLevel } from './config.ts';
import { shownPath } from './file-path.ts';
import { bounded, jsonText } from './text.ts';

/** Maximum length of a field, in characters. */
const MAX_TEXT = 1024;

export type LogFields = Readonly<Record<string, string | number | boolean>>;
/** One method per level. Events below the configured level are dropped. */
export type Logger = Readonly<Record<LogLevel, (message: string, fields?: LogFields) => void>>;

/** @param write writes whole lines; must not throw. */
export function createLogger(
  level: LogLevel,
  format: LogFormat,
  write: (line: string) => void,
): Logger {
  const line = format === 'json' ? jsonText : logfmt;
  const at =
    (name: LogLevel): Logger[LogLevel] =>
    (message, fields = {}) => {
      if (LOG_LEVELS.indexOf(name) < LOG_LEVELS.indexOf(level)) return;
      const event = { ts: new Date().toISOString(), level: name, msg: message, ...fields };
      write(`${line(fitting(event))}\n`);
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

function logfmt(event: LogFields): string {
  return Object.entries(event)
    .map(([key, value]) => `${key}=${quoted(String(value))}`)
    .join(' ');
}

function quoted(value: string): string {
  return /^[\w./:+@-]+$/.test(value) ? value : jsonText(value);
}

function fitting(event: LogFields): LogFields {
  return Object.fromEntries(
    Object.entries(event).map(([key, value]) => [
      key,
      typeof value === 'string' ? bounded(shownPath(value), MAX_TEXT) : value,
    ]),
  );
}
