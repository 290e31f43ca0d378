// A file of EnvironmentFile=, as systemd reads it (systemd.exec(5); parse_env_file_internal() in its
// src/basic/env-file.c, v254): neither a shell nor dotenv. No `export`, no comment behind a value, and
// a quote in the middle of a value is a character like any other.

/** What systemd takes from a file of EnvironmentFile=, and what it passes over. */
export interface EnvFile {
  readonly variables: Readonly<Record<string, string>>;
  /** Numbers of lines that are no assignment: systemd passes over them. */
  readonly ignored: readonly number[];
}

const BLANK = /[ \t\r\n]+/y;
const COMMENT = /[#;][^\r\n]*/y;
const KEY = /([^=\r\n]+)(=?)/y;
/** To the end of the file where the quote is not closed. */
const QUOTED = /[ \t]*(?:'([^']*)'?|"((?:\\[^]|[^"\\])*)\\?"?)/y;
const PLAIN = /[ \t]*((?:\\[^]|[^\\\r\n])*)\\?/y;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Reads the file's text as systemd v254 does. Never throws: lines that are wrong are `ignored`. */
export function parseEnvFile(text: string): EnvFile {
  const variables: Record<string, string> = {};
  const ignored: number[] = [];
  let at = 0;
  let line = 1;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match !== null) at = pattern.lastIndex;
    return match;
  };
  while (at < text.length) {
    const from = at;
    if (take(BLANK) === null && take(COMMENT) === null) {
      const [, key = '', equals] = take(KEY) ?? [];
      if (equals === undefined) at++; // a line that begins with =
      let value = '';
      if (equals === '=') {
        for (let piece = take(QUOTED); piece !== null; piece = take(QUOTED)) {
          value += piece[1] ?? unescaped(piece[2] ?? '');
        }
        value += plain(take(PLAIN)?.[1] ?? '');
      }
      const name = key.trimEnd();
      if (equals === '=' && NAME.test(name)) variables[name] = value;
      else ignored.push(line);
    }
    line += text.slice(from, at).split('\n').length - 1;
  }
  return { variables, ignored };
}

/** Between double quotes: as in a shell, a backslash stands for itself but before what it is needed for. */
function unescaped(text: string): string {
  return text.replace(/\\([^])/g, (pair, character: string) => {
    if (character === '\n') return '';
    return '"\\`$'.includes(character) ? character : pair;
  });
}

/** Without quotes: a backslash makes any character a part of the value; white space at the end is none. */
function plain(text: string): string {
  let value = '';
  let end = 0;
  for (const [, escaped, character = ''] of text.matchAll(/\\([^])|([^])/g)) {
    value += escaped === undefined ? character : /[\r\n]/.test(escaped) ? '' : escaped;
    if (escaped !== undefined || !/[ \t]/.test(character)) end = value.length;
  }
  return value.slice(0, end);
}
