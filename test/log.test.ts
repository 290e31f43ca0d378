import { describe, expect, it } from 'vitest';

import { LOG_FORMATS, LOG_LEVELS, type LogFormat } from '../src/config.ts';
import { type LogFields, createLogger } from '../src/log.ts';

function logged(format: LogFormat, message: string, fields?: LogFields): string {
  let text = '';
  createLogger('debug', format, (line) => {
    text += line;
  }).info(message, fields);
  return text;
}

/** What a path or a dump may hold, and what a terminal or a log reader may obey. */
const HOSTILE = `"a\nlevel=info\u001b[31m\u009b2J\u007f\u202e\u2028\u{e0001}${'A'.repeat(10_240)}`;

const TIME = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`;

describe('createLogger', () => {
  it('writes logfmt: time, level and message first, then the fields in their order', () => {
    expect(
      logged('logfmt', 'dump decoded', { path: '/var/crash/a', count: 7, late: false }),
    ).toMatch(
      new RegExp(
        `^ts=${TIME} level=info msg="dump decoded" path=/var/crash/a count=7 late=false\\n$`,
      ),
    );
  });

  it('writes JSON with the same fields', () => {
    const line = logged('json', 'dump decoded', { path: '/var/crash/a', count: 7, late: false });
    expect(line.endsWith('}\n')).toBe(true);
    expect(JSON.parse(line)).toEqual({
      ts: expect.stringMatching(TIME) as string,
      level: 'info',
      msg: 'dump decoded',
      path: '/var/crash/a',
      count: 7,
      late: false,
    });
  });

  it.each([
    ['nothing', '', '""'],
    ['blanks', 'a b', '"a b"'],
    ['quotes', 'a"b', String.raw`"a\"b"`],
    ['what looks like fields', 'x level=error', '"x level=error"'],
    ['an equals sign', 'a=b', '"a=b"'],
    ['backslashes', 'a\\n', String.raw`"a\\n"`],
    ['a line end', 'a\nts=0 level=error', String.raw`"a\nts=0 level=error"`],
    ['a carriage return', 'a\rb', String.raw`"a\rb"`],
    ['a terminal command', '\x1b[2Jb', String.raw`"\u001b[2Jb"`],
    ['a terminal command of one byte', '\x9b2Jb', String.raw`"\u009b2Jb"`],
    ['a line end of Unicode', 'a\u0085b\u2028c', String.raw`"a\u0085b\u2028c"`],
    ['a change of text direction', 'a\u202eb', String.raw`"a\u202eb"`],
    ['an invisible letter past U+FFFF', 'a\u{e0001}b', String.raw`"a\udb40\udc01b"`],
    ['letters of other languages', 'größe', '"größe"'],
  ])('quotes %s, so that a dump or a path cannot forge a line', (_what, value, quoted) => {
    const line = logged('logfmt', 'found', { value });
    expect(line.slice(line.indexOf('value='))).toBe(`value=${quoted}\n`);
    expect(JSON.parse(quoted)).toBe(value);
  });

  it.each(LOG_FORMATS)('in %s is one short line without a control character', (format) => {
    const line = logged(format, 'a\nb', { path: HOSTILE });
    expect(line.endsWith('\n')).toBe(true);
    expect(line.slice(0, -1)).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
    expect(line.length).toBeLessThan(1500);
  });

  it('in JSON says what was said, cut', () => {
    expect(JSON.parse(logged('json', 'hello', { path: HOSTILE, n: 1 }))).toMatchObject({
      level: 'info',
      msg: 'hello',
      n: 1,
      path: `${HOSTILE.slice(0, 1024)}…`,
    });
  });

  it.each(LOG_LEVELS)('at %s writes that level and what is worse', (level) => {
    const lines: string[] = [];
    const log = createLogger(level, 'logfmt', (line) => lines.push(line));
    for (const name of LOG_LEVELS) log[name]('x');
    const written = lines.map((line) => /level=(\w+)/.exec(line)?.[1]);
    expect(written).toEqual(LOG_LEVELS.slice(LOG_LEVELS.indexOf(level)));
  });
});
