/**
 * The page at / in a real browser: what it says, that it harms nobody, that everybody can read it.
 * Makes the screenshots of deploy/docs where they are missing, or anew with HWERR_UPDATE=1.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import axe from 'axe-core';
import { type Browser, type BrowserContextOptions, type Page, chromium } from 'playwright-core';
import { afterAll, beforeAll, expect } from 'vitest';

import { CRASH_TIME, counted, crashReport } from '../support/dumps/crash-reports.ts';
import { fleet } from '../support/dumps/fleet.ts';
import { type TestServer, startTestServer } from '../support/daemon/http-server.ts';
import { needsTool } from '../support/system/tools.ts';

const browserTool = needsTool('chromium');
const DOCS = fileURLToPath(new URL('../../deploy/docs/', import.meta.url));
/** Fonts and browsers differ from machine to machine: those that are kept change when they are asked to. */
async function keepScreenshot(page: Page, name: string): Promise<void> {
  const path = `${DOCS}${name}.png`;
  const picture = await page.screenshot();
  if (!existsSync(path) || process.env['HWERR_UPDATE']) writeFileSync(path, picture);
}

const HOUR = 3600;
const HOSTILE = `<img src=x onerror=alert(1)>"'&</code><script>alert(2)</script>\u001b[31m\n\u202eevil`;

const KERNEL = { kernelRelease: '7.3.4+deb13-cloud-amd64' };

const REPORTS = [
  crashReport({
    hwerr: counted({ pci: [844, CRASH_TIME - 8], others: [2, CRASH_TIME - 2 * HOUR] }),
    ...KERNEL,
    nodename: 'db-07',
    bootId: '04bb2f2f-62b4-4486-876d-d8be7859e9db',
    panicMessage:
      'Kernel panic - not syncing: NMI: PCI system error (SERR) for reason a1 on CPU 0.',
  }),
  crashReport({
    hwerr: counted({ memory: [3, CRASH_TIME - 50 * HOUR], cxl: [1, CRASH_TIME - 90 * 24 * HOUR] }),
    ...KERNEL,
    nodename: 'web-12',
    bootId: '11111111-2222-4333-8444-555555555555',
    crashTimeSeconds: CRASH_TIME - 5 * HOUR,
    panicMessage: 'BUG: unable to handle page fault for address: ffffc90000a3c000',
    incomplete: true,
  }),
  crashReport({
    ...KERNEL,
    nodename: 'web-03',
    bootId: 'b',
    crashTimeSeconds: CRASH_TIME - 30 * HOUR,
  }),
  crashReport({
    nodename: 'old-01',
    bootId: 'c',
    kernelRelease: '6.12.41+deb13-amd64',
    crashTimeSeconds: CRASH_TIME - 60 * HOUR,
    hwerr: { kind: 'absent', reason: 'kernel_without_hwerr' },
  }),
];
const FAILURES = [
  {
    path: '/var/crash/202610030751/dump.202610030751',
    reason: 'truncated' as const,
    message: 'kdump: page descriptor 812 at 0x4f30: file ends at 0x4000',
    recordedSeconds: CRASH_TIME - 900,
  },
];

/** With a browser on a machine with much other work. */
const PATIENCE_MS = 240_000;

interface AxeResult {
  readonly passes: readonly unknown[];
  readonly violations: readonly {
    readonly id: string;
    readonly impact: string;
    readonly nodes: readonly { readonly html: string }[];
  }[];
}

browserTool.describe('the status page', () => {
  let browser: Browser;
  let server: TestServer;
  let hostile: TestServer;
  beforeAll(async () => {
    const { path: executablePath } = browserTool;
    browser = await chromium.launch({
      executablePath,
      args: ['--no-sandbox'],
      timeout: PATIENCE_MS,
    });
    const nowMs = (): number => (CRASH_TIME + 600) * 1000;
    server = await startTestServer({ reports: REPORTS, failures: FAILURES, armed: true, nowMs });
    hostile = await startTestServer({
      nowMs,
      armed: false,
      reports: [
        crashReport({
          hwerr: counted({ cpu: [1, CRASH_TIME] }),
          nodename: HOSTILE,
          panicMessage: `${HOSTILE}${'A'.repeat(10_240)}`,
          kernelRelease: HOSTILE,
        }),
      ],
      failures: [
        {
          path: `/var/crash/${HOSTILE}`,
          reason: 'corrupt',
          message: HOSTILE,
          recordedSeconds: CRASH_TIME,
        },
      ],
    });
  });
  afterAll(async () => {
    await browser.close();
    await server.close();
    await hostile.close();
  });

  /** A page that remembers whatever a browser complains about, and every request. */
  async function open(url: string, options: BrowserContextOptions = {}) {
    const context = await browser.newContext({
      viewport: { width: 1100, height: 900 },
      ...options,
    });
    context.setDefaultTimeout(PATIENCE_MS);
    const page = await context.newPage();
    const complaints: string[] = [];
    const requests: string[] = [];
    page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('dialog', (dialog) => {
      complaints.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on('request', (request) => requests.push(request.url()));
    await page.goto(url, { waitUntil: 'networkidle' });
    return { page, complaints, requests };
  }

  async function seriousFindings(page: Page): Promise<string[]> {
    const { passes, violations }: AxeResult = await page.evaluate(
      `(() => { ${axe.source}; return axe.run(); })()`,
    );
    expect(passes.length, 'axe looked').toBeGreaterThan(10);
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes[0]?.html ?? ''}`);
  }

  browserTool.it('lists crashes newest first, each with its verdict and time line', async () => {
    const { page, complaints, requests } = await open(server.url);
    expect(await page.locator('article:not(.failure) h3').allTextContents()).toEqual([
      'PCI error 8 s before the panic',
      'Last hardware error 1 d 21 h before the panic (memory)',
      'No hardware error counted before the panic; the log, which would show a fatal one, is not in the dump',
      'No counters: this kernel does not count hardware errors (Linux 6.19 and later do)',
    ]);
    const first = page.locator('article').first();
    expect(await first.locator('svg').getAttribute('aria-label')).toBe(
      'Last errors before the panic: PCI 8 s, other hardware 2 h',
    );
    // Nearer to the panic is further right, and inside the suspect window or not.
    const marks = first.locator('circle');
    const window = (await first.locator('rect.window').boundingBox())!;
    const [near, far] = [(await marks.nth(0).boundingBox())!, (await marks.nth(1).boundingBox())!];
    expect(near.x).toBeGreaterThan(window.x);
    expect(far.x + far.width).toBeLessThan(window.x);
    expect(await first.locator('code.panic').textContent()).toContain('not syncing');
    expect(await page.locator('ul.status').textContent()).toContain('kdump is armed');
    expect(await page.locator('article.failure').textContent()).toContain('Was the disk full?');
    expect(complaints).toEqual([]);
    expect(requests.filter((url) => !url.startsWith(server.url))).toEqual([]);
    expect(await seriousFindings(page)).toEqual([]);
    await keepScreenshot(page, 'status-page');
    await page.context().close();
  });

  browserTool.it(
    'filters by host and category, with the keyboard and without JavaScript',
    async () => {
      const { page, complaints } = await open(server.url, { javaScriptEnabled: false });
      await page.getByLabel('Host').fill('web-12');
      await page.keyboard.press('Enter');
      await page.waitForURL(/host=web-12/);
      expect(await page.locator('article:not(.failure)').count()).toBe(1);
      expect(await page.locator('article').first().textContent()).toContain('web-12');
      await page.getByRole('link', { name: 'Show all' }).click();
      await page.getByLabel('With errors of').selectOption('pci');
      await page.getByRole('button', { name: 'Filter' }).click();
      await page.waitForURL(/category=pci/);
      expect(await page.locator('article:not(.failure) dd strong').allTextContents()).toEqual([
        'db-07',
      ]);
      expect(complaints).toEqual([]);
      await page.context().close();
    },
  );

  for (const [name, options] of [
    ['dark', { colorScheme: 'dark' }],
    ['narrow', { viewport: { width: 360, height: 780 } }],
    ['narrow-dark', { viewport: { width: 360, height: 780 }, colorScheme: 'dark' }],
  ] as const) {
    browserTool.it(`is readable when ${name}`, async () => {
      const { page, complaints } = await open(server.url, options);
      const widths = await page.evaluate<[number, number]>(
        '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
      );
      expect(widths[0]).toBeLessThanOrEqual(widths[1]);
      expect(await seriousFindings(page)).toEqual([]);
      expect(complaints).toEqual([]);
      await keepScreenshot(page, `status-page-${name}`);
      await page.context().close();
    });
  }

  browserTool.it('has a table of many crashes that a phone shows, sorts and filters', async () => {
    const many = await startTestServer({
      nowMs: () => (CRASH_TIME + 600) * 1000,
      reports: [
        ...fleet(),
        ...Array.from({ length: 288 }, (_, i) =>
          crashReport({ nodename: `node-${i}`, bootId: `n${i}`, crashTimeSeconds: 1.79e9 - i }),
        ),
      ],
      failures: FAILURES,
    });
    for (const [width, name] of [
      [360, 'fleet-page-narrow'],
      [1100, 'fleet-page'],
    ] as const) {
      const { page, complaints } = await open(`${many.url}/crashes`, {
        ...{ viewport: { width, height: 900 }, javaScriptEnabled: true },
      });
      expect(await page.locator('tbody tr').count()).toBe(50);
      expect(await page.locator('ul.status .bad').textContent()).toContain('1 truncated');
      expect(await seriousFindings(page)).toEqual([]);
      const widths = await page.evaluate<[number, number]>(
        '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
      );
      expect(widths[0]).toBeLessThanOrEqual(widths[1]);
      await keepScreenshot(page, name);
      await page.getByRole('link', { name: 'Hardware error' }).click();
      await page.waitForURL(/sort=verdict/);
      expect(await page.locator('tbody tr').first().textContent()).toContain('0000:01:00.1');
      await page.getByText('More filters').click();
      await page.getByLabel('Verdict').selectOption('hardware');
      await page.getByRole('button', { name: 'Filter' }).click();
      await page.waitForURL(/verdict=hardware/);
      expect(await page.locator('tbody tr').count()).toBe(3);
      expect(page.url()).toContain('sort=verdict');
      await page.getByRole('link', { name: 'By signature' }).click();
      await page.waitForURL(/\/signatures/);
      expect(await page.locator('article').textContent()).toContain(
        'One host: suspect its hardware',
      );
      expect(await seriousFindings(page)).toEqual([]);
      expect(complaints).toEqual([]);
      await page.context().close();
    }
    await many.close();
  });

  browserTool.it('shows hostile text as text', async () => {
    const { page, complaints, requests } = await open(hostile.url, {
      viewport: { width: 360, height: 780 },
    });
    expect(complaints).toEqual([]);
    expect(requests.filter((url) => !/\/(icon\.svg)?$/.test(url))).toEqual([]);
    expect(await page.locator('script, img').count()).toBe(0);
    const shown = await page.locator('article code.panic').textContent();
    expect(shown).toContain('<script>alert(2)</script>\\x1b[31m\\x0a\\u{202e}evil');
    expect(shown!.length).toBeLessThan(1200);
    const widths = await page.evaluate<[number, number]>(
      '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
    );
    expect(widths[0]).toBeLessThanOrEqual(widths[1]);
    expect(await seriousFindings(page)).toEqual([]);
    await page.context().close();
  });
});
