// Parser of EnvironmentFile= with the rules of systemd (systemd.exec(5); parse_env_file_internal() in its
// src/basic/env-file.c, v254), which are neither a shell's nor dotenv's: no `export`, no comment after a
// value, and a quote within a value is an ordinary character.

/** The contents of an EnvironmentFile=, as systemd reads it. */
export interface EnvFile {
  readonly variables: Readonly<Record<string, string>>;
  /** Numbers of the lines that are not assignments; systemd ignores them. */
  readonly ignored: readonly number[];
}

const BLANK = /[ \t\r\n]+/y;
const COMMENT = /[#;][^\r\n]*/y;
const KEY = /([^=\r\n]+)(=?)/y;
/** An unclosed quote extends to the end of the file. */
const QUOTED = /[ \t]*(?:'([^']*)'?|"((?:\\[^]|[^"\\])*)\\?"?)/y;
const PLAIN = /[ \t]*((?:\\[^]|[^\\\r\n])*)\\?/y;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Parses the text as systemd v254 does. Never throws: invalid lines are `ignored`. */
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

/**
 * Unescapes text in double quotes: as in a shell, a backslash escapes only newline, `"`, `\`, backtick and
 * `$`.
 */
function unescaped(text: string): string {
  return text.replace(/\\([^])/g, (pair, character: string) => {
    if (character === '\n') return '';
    return '"\\`$'.includes(character) ? character : pair;
  });
}

/** Unescapes text without quotes: a backslash escapes any character; trailing white space is removed. */
function plain(text: string): string {
  let value = '';
  let end = 0;
  for (const [, escaped, character = ''] of text.matchAll(/\\([^])|([^])/g)) {
    value += escaped === undefined ? character : /[\r\n]/.test(escaped) ? '' : escaped;
    if (escaped !== undefined || !/[ \t]/.test(character)) end = value.length;
  }
  return value.slice(0, end);
}
