// The pages for many hosts, CSV, and the same selection in each of them and in the API.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { schemaOf } from '../support/daemon/crash-schema.ts';
import { type TestServer, startTestServer } from '../support/daemon/http-server.ts';
import { CRASH_TIME, crashReport } from '../support/dumps/crash-reports.ts';
import { countedCrash, death, fleet } from '../support/dumps/fleet.ts';

const HOSTILE = `"><script>alert(1)</script>&\u202e`;

let server: TestServer;
beforeAll(async () => {
  const evil = {
    nodename: HOSTILE,
    bootId: 'evil',
    kernelRelease: HOSTILE,
    crashTimeSeconds: null,
  };
  const reports = [...fleet(), countedCrash(1800), crashReport({ ...evil, panicMessage: HOSTILE })];
  const truncated = { reason: 'truncated', message: HOSTILE, recordedSeconds: CRASH_TIME } as const;
  server = await startTestServer({
    reports,
    failures: [
      { ...truncated, path: '/var/crash/1/vmcore' },
      { ...truncated, path: '/var/crash/2/vmcore' },
      { ...truncated, reason: 'corrupt', path: `/var/crash/${HOSTILE}` },
    ],
    nowMs: () => (CRASH_TIME + 600) * 1000,
  });
});
afterAll(() => server.close());

const get = (path: string): Promise<Response> => fetch(`${server.url}${path}`);
const text = async (path: string): Promise<string> =>
  (await (await get(path)).text()).replace(/\s+/g, ' ');

interface Listed {
  readonly total: number;
  readonly crashes: readonly { readonly id: string }[];
}

async function listed(query: string): Promise<Listed> {
  return (await (await get(`/api/v1/crashes${query}`)).json()) as Listed;
}

function idsIn(page: string): readonly string[] {
  return [...page.matchAll(/<tr[^>]* data-id="([0-9a-f]+)"/g)].map(([, id]) => id!);
}

describe('a selection', () => {
  it.each([
    '',
    '?host=bad',
    '?since=3h',
    '?until=2026-10-03',
    '?verdict=hardware',
    '?verdict=log_clean&sort=kernel',
    '?category=memory',
    '?kernel=6.12.1',
    '?model=Dell%20Inc.%20PowerEdge%20R650&sort=oldest',
    '?host=nobody',
  ])('is the same in the table, the API and CSV: %s', async (query) => {
    const { crashes, total } = await listed(query);
    const ids = crashes.map(({ id }) => id);
    expect(idsIn(await text(`/crashes${query}`))).toEqual(ids);
    const [head, ...lines] = (await (await get(`/crashes.csv${query}`)).text())
      .trimEnd()
      .split('\r\n');
    expect(head).toMatch(/^id,host,/);
    expect(lines.map((line) => line.split(',')[0]).toSorted()).toEqual(ids.toSorted());
    expect(total).toBe(lines.length);
  });

  it.each([
    ['?since=yesterday', 'since: got yesterday, want a duration'],
    ['?verdict=guilty', 'verdict: want hardware'],
    ['?category=disk', 'category: unknown'],
    ['?sort=size', 'sort: want one of newest'],
    [`?kernel=${'a'.repeat(300)}`, 'kernel: longer than 256'],
  ])('is refused where it cannot be meant: %s', async (query, wanted) => {
    for (const path of ['/', '/crashes', '/signatures', '/crashes.csv', '/api/v1/crashes']) {
      const response = await get(`${path}${query}`);
      expect(response.status).toBe(400);
      expect(await response.text()).toContain(wanted);
    }
  });
});

describe('the table of crashes', () => {
  it('keeps the filter in every link, and begins a new order on its first page', async () => {
    const page = await text('/crashes?kernel=6.12.1&limit=2&offset=2&sort=host');
    expect(page).toContain('4 of 14 crashes, 3 to 4 shown');
    expect(page).toMatch(/rel="prev" href="\?kernel=6\.12\.1&#38;sort=host&#38;limit=2"/);
    expect(page).toContain('href="?kernel=6.12.1&#38;sort=verdict&#38;limit=2"');
    expect(page).toContain('href="crashes.csv?kernel=6.12.1"');
    expect(page).toContain('<input type="hidden" name="sort" value="host" />');
    expect(page).toMatch(/aria-sort="ascending" > <a href="[^"]*sort=host/);
  });

  it('has failures at the top, by reason', async () => {
    const page = await text('/crashes');
    expect(page).toMatch(
      /<main[^>]*> ?<ul class="status".*?Files that gave no counters:<\/strong>/,
    );
    expect(page).toMatch(/1 corrupt, 2 truncated\. <a href="\.\/#failures"/);
    expect(await text('/')).toContain('<h2 id="failures">');
  });

  it('shows hostile text as text', async () => {
    for (const path of [
      '/crashes',
      '/signatures',
      `/crashes?kernel=${encodeURIComponent(HOSTILE)}`,
    ]) {
      expect(await text(path)).not.toMatch(/<script|"><script|\u202e/);
    }
    expect(idsIn(await text(`/crashes?kernel=${encodeURIComponent(HOSTILE)}`))).toHaveLength(1);
  });
});

describe('crashes by signature', () => {
  it('say what they share, and what that suggests', async () => {
    const page = await text('/signatures');
    expect(page).toContain('3 signatures; of 2 more crashes no log says what the kernel died of');
    expect(page).toMatch(/ioread32.*in or shortly before 3 of 4.*One host: suspect its hardware/);
    expect(page).toMatch(/buggy_driver.*Several models, one kernel: suspect a bug of the kernel/);
    expect(page).toMatch(/acpi_ex.*Several hosts and kernels, one model: suspect its firmware/);
  });

  it('lead to their crashes', async () => {
    const page = await text('/signatures?sort=host');
    const link = /href="(crashes\?signature=[0-9a-f]{16}[^"]*)"/.exec(page)?.[1];
    expect(idsIn(await text(`/${link!.replaceAll('&#38;', '&')}`))).toHaveLength(4);
  });

  it('suggest nothing of one crash, nor of machines that are not known', async () => {
    const common = { kernel: '6.12.1', model: 'PowerEdge R740' };
    const one = death({ ...common, host: 'a', bootId: '1', secondsAgo: 1, at: 'lonely' });
    const two = [2, 3].map((i) =>
      death({ ...common, host: `h${i}`, bootId: `${i}`, secondsAgo: i, at: 'twice' }),
    );
    const crash = two[1]!.crash!;
    const unnamed = { ...two[1]!, crash: { ...crash, hardware: null } };
    const other = await startTestServer({ reports: [one, two[0]!, unnamed] });
    const page = (await (await fetch(`${other.url}/signatures`)).text()).replace(/\s+/g, ' ');
    await other.close();
    expect(page.match(/: suspect/g)).toHaveLength(1);
    expect(page).toContain('of 1 crashes unknown');
    expect(page).toContain('Several hosts, one kernel: suspect a bug of the kernel.');
  });

  it('are in the API as its schema says', async () => {
    const body = await (await get('/api/v1/signatures?verdict=hardware')).json();
    expect(schemaOf('signatures').safeParse(body).error).toBeUndefined();
    expect(body).toMatchObject({
      schemaVersion: 1,
      total: 1,
      crashesWithoutSignature: 1,
      signatures: [{ crashes: 3, ofHardware: 3, hosts: 1, newest: { host: 'bad' } }],
    });
  });
});

describe('CSV', () => {
  it('comes as it is made, and HEAD has none', async () => {
    const response = await get('/crashes.csv');
    expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect((await response.text()).split('\r\n')).toHaveLength(16);
    const head = await fetch(`${server.url}/crashes.csv`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
  });
});
