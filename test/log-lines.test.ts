/** Log lines: one line an event, whatever a dump or a path holds. */
import { describe, expect, it } from 'vitest';

import { LOG_FORMATS, createLogger } from '../src/log.ts';

const HOSTILE = `"a\nlevel=info\u001b[31m\u009b2J\u007f\u202e\u2028${'A'.repeat(10_240)}`;

describe('a log line', () => {
  for (const format of LOG_FORMATS) {
    it(`in ${format} is one short line without a control character`, () => {
      let lines = '';
      createLogger('info', format, (line) => (lines += line)).error('dump not decoded', {
        path: HOSTILE,
      });
      expect(lines.endsWith('\n')).toBe(true);
      expect(lines.slice(0, -1)).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
      expect(lines.length).toBeLessThan(1500);
    });
  }

  it('in JSON says what was said, cut', () => {
    let line = '';
    createLogger('info', 'json', (text) => (line += text)).info('hello', { path: HOSTILE, n: 1 });
    expect(JSON.parse(line)).toMatchObject({
      level: 'info',
      msg: 'hello',
      n: 1,
      path: `${HOSTILE.slice(0, 1024)}…`,
    });
  });
});
