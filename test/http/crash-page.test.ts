// The page of one crash, and what the API says of its log.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type CrashReport, logFindings } from '../../src/vmcore/index.ts';
import { kernelLog } from '../support/builders/kernel-log.ts';
import { LIST_SCHEMA, schemaOf } from '../support/daemon/crash-schema.ts';
import { type TestServer, startTestServer } from '../support/daemon/http-server.ts';
import { CRASH_TIME, crashReport } from '../support/dumps/crash-reports.ts';

const PORT = 'pcieport 0000:00:02.0: AER:';
const TAIL = [
  'CPU: 3 PID: 77 Comm: <script> Tainted: G   M               6.12.0 #1',
  'Hardware name: Dell Inc. PowerEdge R740/0WGD1O, BIOS 2.19.1 06/04/2023',
  'Call Trace:',
  ' my_driver_poll+0x12/0x40 [my_driver]',
];

function withLog(
  bootId: string,
  seconds: number,
  ...lines: readonly (string | number)[]
): CrashReport {
  const records = kernelLog(...lines);
  const log = logFindings(
    { source: 'ring', records, truncated: false, firstSeq: 0 },
    { pageSize: 4096 },
  );
  return crashReport({
    ...{ bootId, crashTimeSeconds: CRASH_TIME - seconds, panicMessage: log.crash?.panic ?? null },
    hwerr: { kind: 'absent', reason: 'kernel_without_hwerr' },
    ...log,
  });
}

const DAMAGED = {
  kind: 'unreadable',
  reason: 'corrupt',
  message: 'a page of it is damaged',
} as const;

let server: TestServer;
let ids: string[];
beforeAll(async () => {
  const fatal = withLog(
    'fatal',
    0,
    ...[10, `${PORT} Corrected error received: 0000:01:00.0`],
    ...[20, 'mce: [Hardware Error]: CPU 3: Machine Check Exception: 5 Bank 7: be00000000800400'],
    'mce: [Hardware Error]: PROCESSOR 0:50654 TIME 1791000350 SOCKET 1 APIC 6 microcode 1',
    ...['Kernel panic - not syncing: Fatal machine check', ...TAIL],
  );
  const earlier = withLog(
    'earlier',
    60,
    ...[32.5, `${PORT} Uncorrected (Non-Fatal) error received: 0000:01:00.1`],
    ...[41.74, 'Kernel panic - not syncing: sysrq triggered crash', ...TAIL],
  );
  server = await startTestServer({
    reports: [
      fatal,
      earlier,
      crashReport({ bootId: 'c', crashTimeSeconds: CRASH_TIME - 90 }),
      crashReport({ bootId: 'd', crashTimeSeconds: CRASH_TIME - 120, hwerr: DAMAGED }),
    ],
    nowMs: () => (CRASH_TIME + 60) * 1000,
  });
  const body = (await (await fetch(`${server.url}/api/v1/crashes`)).json()) as {
    crashes: { id: string }[];
  };
  ids = body.crashes.map(({ id }) => id);
});
afterAll(() => server.close());

const page = async (path: string): Promise<string> => (await fetch(`${server.url}${path}`)).text();

describe('the page of a crash', () => {
  it('says the answer first, then the parts, the death and the machine', async () => {
    const text = await page(`/crash/${ids[0]}`);
    expect(text).toMatch(/<article class="bad"[^>]*>\s*<h2>The panic is a hardware error: fatal /);
    expect(text).toContain('CPU 3 socket 1 bank 7');
    expect(text).toContain('machine-check');
    expect(text).toContain('Dell Inc. PowerEdge R740/0WGD1O');
    expect(text).toContain('href="../api/v1/crashes/');
    expect(text).not.toContain('<script');
  });

  it('lists the errors of the log, the newest first, with how long before the panic', async () => {
    const text = await page(`/crash/${ids[1]}`);
    expect(text).toContain('PCI error at 0000:01:00.1, 9.24 s before the panic (in the log)');
    expect(text).toMatch(/<td>9\.24 s<\/td>\s*<td class="">recoverable<\/td>/);
    expect(text).toContain('my_driver_poll');
  });

  it('draws the errors of the log by category and severity, a corrected one never in red', async () => {
    const text = await page(`/crash/${ids[0]}`);
    const [picture = ''] = /<svg\s+class="timeline"[^]*?<\/svg/.exec(text) ?? [];
    expect(picture).toContain(
      'aria-label="Errors in the log before the panic: pci, corrected: 1; cpu, fatal: 1"',
    );
    const rows = [...picture.matchAll(/class="name"[^>]*>([^<]*)<[^]*?<circle class="([^"]*)"/g)];
    expect(rows.map(([, name, mark]) => [name, mark])).toEqual([
      ['pci, corrected', 'mark'],
      ['cpu, fatal', 'mark near'],
    ]);
  });

  it('says that there is no log where there is none', async () => {
    expect(await page(`/crash/${ids[2]}`)).toContain('The log cannot be read');
  });

  it.each(['none', 'a'.repeat(300)])('is not there for %s', async (id) => {
    expect((await fetch(`${server.url}/crash/${id}`)).status).toBe(404);
  });

  it('is linked from its card, whose first line is the answer', async () => {
    const text = await page('/');
    expect(text).toMatch(
      new RegExp(`<h3>\\s*<a href="crash/${ids[0]}"\\s*>\\s*The panic is a hardware error`),
    );
  });
});

describe('the API', () => {
  it('sums the errors of many crashes up, as its schema says', async () => {
    const body = (await (await fetch(`${server.url}/api/v1/crashes`)).json()) as {
      crashes: object[];
    };
    expect(LIST_SCHEMA.safeParse(body).error).toBeUndefined();
    expect(body).toMatchObject({
      schemaVersion: 1,
      crashes: [
        { verdict: { kind: 'hardware_panic', restsOn: ['panic', 'log'] } },
        { loggedErrors: [{ category: 'pci', severity: 'recoverable', events: 1 }] },
        { log: { source: 'absent' } },
        { hwerr: { kind: 'unreadable' } },
      ],
    });
    expect(body.crashes[0]).not.toHaveProperty('hardwareEvents');
  });

  it('tells counters that cannot be read from those that are not there', async () => {
    const body: unknown = await (await fetch(`${server.url}/api/v1/crashes/${ids[3]}`)).json();
    expect(schemaOf('crash').safeParse(body).error).toBeUndefined();
    expect(body).toMatchObject({ hwerr: DAMAGED });
  });

  it('lists the errors of one', async () => {
    const body: unknown = await (await fetch(`${server.url}/api/v1/crashes/${ids[0]}`)).json();
    expect(schemaOf('crash').safeParse(body).error).toBeUndefined();
    expect(body).toMatchObject({
      hardwareEvents: [{ category: 'pci', severity: 'corrected' }, { severity: 'fatal' }],
      crash: { type: 'machine-check', cause: { part: { cpu: 3, bank: 7 } } },
    });
  });
});
