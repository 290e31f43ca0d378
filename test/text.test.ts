import { describe, expect, it } from 'vitest';

import { reportTable } from '../src/cli/report-table.ts';
import { html } from '../src/http/html.ts';
import { createLogger } from '../src/log.ts';
import { crashSamples } from '../src/metrics/crash-samples.ts';
import { logSamples } from '../src/metrics/log-projection.ts';
import { createMetrics } from '../src/metrics/registry.ts';
import { bounded, jsonText, oneLine, visible } from '../src/text.ts';
import type { CrashReport } from '../src/vmcore/index.ts';
import { openTestLedger, recordReport } from './support/daemon/ledgers.ts';
import { CRASH_TIME, counted, crashReport } from './support/dumps/crash-reports.ts';

const HOSTILE = [
  ['a terminal command', '\x1b[2J'],
  ['a bell', '\x07'],
  ['a line end', '\n'],
  ['a carriage return', '\r'],
  ['a command of one byte', '\x9b2J'],
  ['a change of direction', '\u202e'],
  ['a line separator', '\u2028'],
  ['half of a character', '\ud800'],
] as const;

/** Each text of a dump with the hostile one in it. */
const FIELDS: Readonly<Record<string, (text: string) => Partial<CrashReport>>> = {
  release: (text) => ({ kernelRelease: text }),
  nodename: (text) => ({ nodename: text }),
  'panic line': (text) => ({ panicMessage: text }),
  category: (text) => ({ hwerr: counted({ [text]: [1, CRASH_TIME - 5] }) }),
  warning: (text) => ({ warnings: [text] }),
};

/** Each way in which a report, or the path of its file, leaves the process. */
const OUTPUTS: Readonly<
  Record<string, (report: CrashReport, path: string) => string | Promise<string>>
> = {
  table: (report, path) => reportTable(path, report, 300, (_colour, text) => text),
  JSON: (report, path) => jsonText({ ...report, path }),
  page: (report, path) =>
    html`<p>${report.kernelRelease}${report.panicMessage ?? ''}${path}</p>`.markup,
  log: (report, path) => logged('logfmt', report, path),
  'JSON log': (report, path) => logged('json', report, path),
  metrics: scraped,
};

function logged(format: 'logfmt' | 'json', report: CrashReport, path: string): string {
  let text = '';
  createLogger('debug', format, (line) => {
    text += line;
  }).info(report.panicMessage ?? '', {
    path,
    host: report.nodename ?? '',
    kernel: report.kernelRelease,
  });
  return text;
}

async function scraped(report: CrashReport, path: string): Promise<string> {
  const ledger = await openTestLedger();
  await recordReport(ledger, report, path);
  const totals = ledger.view.total();
  const context = { nowSeconds: CRASH_TIME, isFirstPassRecorded: true };
  const metrics = createMetrics('none', (error) => {
    throw error;
  });
  const collectors = [() => crashSamples(totals, context), () => logSamples(totals)];
  return (await metrics.render(collectors, 'text')).body;
}

describe.each(Object.entries(OUTPUTS))('%s', (_output, output) => {
  it.each(
    Object.keys(FIELDS).flatMap((field) => HOSTILE.map(([what, text]) => [field, what, text])),
  )('shows a %s with %s as text', async (field = '', _what, hostile = '') => {
    const plain = await output(crashReport(FIELDS[field]!('a"b')), '/var/crash/x"y');
    const text = await output(
      crashReport(FIELDS[field]!(`a"${hostile}b`)),
      `/var/crash/x"${hostile}y`,
    );
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
    expect(text.split('\n')).toHaveLength(plain.split('\n').length);
  });
});

describe('visible', () => {
  it.each([
    ['größe 漢字 🙂', 'größe 漢字 🙂'],
    ['\x1b\x9b\u202e\ud800', String.raw`\x1b\x9b\u{202e}\u{d800}`],
  ])('%j', (text, shown) => {
    expect(visible(text)).toBe(shown);
  });
});

describe('oneLine', () => {
  it.each(HOSTILE)('has a space for %s', (_what, text) => {
    expect(oneLine(`a${text.charAt(0)}b`)).toBe('a b');
  });
});

describe('bounded', () => {
  it.each([
    ['abc', 3, 'abc'],
    ['abcd', 3, 'abc…'],
    ['ab🙂', 3, 'ab…'],
    ['a\ud800b', 3, 'a\ufffdb'],
  ])('%j, %d at most', (text, most, result) => {
    expect(bounded(text, most)).toBe(result);
  });
});

describe('jsonText', () => {
  it('means what JSON.stringify() means', () => {
    const value = { text: HOSTILE.map(([, text]) => text).join('"\\') };
    expect(JSON.parse(jsonText(value))).toEqual(value);
  });
});
