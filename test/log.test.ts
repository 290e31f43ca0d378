import { describe, expect, it } from 'vitest';

import { LOG_LEVELS, type LogFields, type LogFormat, createLogger } from '../src/log.ts';

function logged(format: LogFormat, message: string, fields?: LogFields): string {
  let text = '';
  createLogger('debug', format, (line) => {
    text += line;
  }).info(message, fields);
  return text;
}

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
    ['letters of other languages', 'größe', '"größe"'],
  ])('quotes %s, so that a dump or a path cannot forge a line', (_what, value, quoted) => {
    const line = logged('logfmt', 'found', { value });
    expect(line.slice(line.indexOf('value='))).toBe(`value=${quoted}\n`);
    expect(JSON.parse(quoted)).toBe(value);
  });

  it.each(['logfmt', 'json'] as const)('keeps to one line in %s', (format) => {
    const line = logged(format, 'a\nb', { path: '/a\nb' });
    expect(line.indexOf('\n')).toBe(line.length - 1);
  });

  it.each(LOG_LEVELS)('at %s writes that level and what is worse', (level) => {
    const lines: string[] = [];
    const log = createLogger(level, 'logfmt', (line) => lines.push(line));
    for (const name of LOG_LEVELS) log[name]('x');
    const written = lines.map((line) => /level=(\w+)/.exec(line)?.[1]);
    expect(written).toEqual(LOG_LEVELS.slice(LOG_LEVELS.indexOf(level)));
  });
});
