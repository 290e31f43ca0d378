/** The HTTP side in this process, over crashes given as data and any web configuration. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { ConnectionLimits } from '../../../src/http/connections.ts';
import { type HttpServer, startHttpServer } from '../../../dist/http/server.js';
import type { LiveState } from '../../../src/host/live.ts';
import type { RecordedFailure } from '../../../src/ledger/ledger.ts';
import { type Logger, createLogger } from '../../../src/log.ts';
import { crashSamples } from '../../../src/metrics/crash-samples.ts';
import { ingestSamples } from '../../../src/metrics/projection.ts';
import { createMetrics } from '../../../src/metrics/registry.ts';
import { statusSource } from '../../../src/status.ts';
import type { CrashReport } from '../../../src/vmcore/index.ts';
import { PLAIN_HTTP } from '../../../src/webconfig/plain-http.ts';
import { type WatchedWebConfig, watchWebConfig } from '../../../src/webconfig/watch.ts';
import { tempDir } from '../system/temp-dir.ts';
import { openTestLedger, recordFailure, recordReport } from './ledgers.ts';

export interface ServerSetup {
  readonly reports?: readonly CrashReport[];
  readonly failures?: readonly RecordedFailure[];
  /** Text of the web configuration; undefined: none. */
  readonly webConfig?: string;
  /** Where it and what it names lie. */
  readonly folder?: string;
  /** Of /metrics, instead of what there is. */
  readonly body?: string;
  readonly externalUrl?: string;
  readonly routePrefix?: string;
  readonly mode?: 'node' | 'central';
  readonly limits?: ConnectionLimits;
  readonly armed?: boolean;
  readonly live?: LiveState;
  readonly nowMs?: () => number;
}

export interface TestServer {
  readonly port: number;
  readonly url: string;
  readonly server: HttpServer;
  readonly webConfig: WatchedWebConfig;
  readonly webConfigFile: string;
  log(): string;
  close(): Promise<void>;
}

const WINDOW_SECONDS = 300;
const DIRECTORY = '/var/crash';

export async function startTestServer(setup: ServerSetup = {}): Promise<TestServer> {
  let logged = '';
  const log: Logger = createLogger('info', 'logfmt', (line) => (logged += line));
  const folder = setup.folder ?? tempDir();
  const webConfigFile = join(folder, 'web.yml');
  if (setup.webConfig !== undefined) writeFileSync(webConfigFile, setup.webConfig);
  const webConfig = setup.webConfig === undefined ? PLAIN_HTTP : watchWebConfig(webConfigFile, log);
  let recordedSeconds = 0;
  const ledger = await openTestLedger({
    suspectWindowSeconds: WINDOW_SECONDS,
    nowMs: () => recordedSeconds * 1000,
  });
  for (const [i, report] of (setup.reports ?? []).entries()) {
    recordedSeconds = (report.crashTimeSeconds ?? 0) + 90;
    const path = `${DIRECTORY}/127.0.0.1-2026-10-0${(i % 9) + 1}-08:05:51/vmcore`;
    await recordReport(ledger, report, path);
  }
  for (const { path, ...failure } of setup.failures ?? []) {
    recordedSeconds = failure.recordedSeconds;
    await recordFailure(ledger, failure, path);
  }
  const nowMs = setup.nowMs ?? Date.now;
  const ingest = {
    isReady: true,
    isOnDisk: (path: string) => !path.includes('-02-'),
    status: () => ({
      directories: [
        {
          directory: DIRECTORY,
          up: true,
          lastScanSeconds: nowMs() / 1000 - 12,
          scanDurationSeconds: 0.004,
        },
      ],
      queueLength: 0,
      decodesInProgress: 0,
      lastDecodeSeconds: 0,
      discovered: 0,
      decoded: 0,
      watchEvents: 0,
      watchErrors: 0,
      present: { complete: [], incomplete: [] },
    }),
  };
  const metrics = createMetrics('useful', () => undefined);
  const mode = setup.mode ?? 'node';
  const context = () => ({ nowSeconds: nowMs() / 1000, isFirstPassRecorded: true });
  const server = await startHttpServer(
    {
      listen: [{ host: '127.0.0.1', port: 0 }],
      webConfig,
      mode,
      telemetryPath: '/metrics',
      externalUrl: setup.externalUrl === undefined ? undefined : new URL(setup.externalUrl),
      routePrefix: setup.routePrefix ?? '',
      ownNames: ['db7.example.com'],
      version: '0.0.0-test',
      suspectWindowSeconds: WINDOW_SECONDS,
      ...(setup.limits && { limits: setup.limits }),
    },
    {
      metrics: async (format) => {
        const exposition = await metrics.render(
          [
            () => crashSamples(ledger.view.total(), context()),
            () => ingestSamples(ingest.status()),
          ],
          format,
        );
        return { ...exposition, ...(setup.body !== undefined && { body: setup.body }) };
      },
      hostMetrics: (host, format) => {
        const totals = ledger.view.hostTotals(host);
        if (totals === undefined) return Promise.resolve(undefined);
        const rendered = metrics.renderOnly([() => crashSamples(totals, context())], format);
        return Promise.resolve(rendered);
      },
      status: statusSource({
        ledger,
        ingest,
        kdumpArmed: () => setup.armed,
        thisBoot: { state: setup.live ?? { kind: 'off' } },
      }),
      log,
      nowMs,
    },
  );
  const port = server.ports[0]!;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    server,
    webConfig,
    webConfigFile,
    log: () => logged,
    async close(): Promise<void> {
      webConfig.close();
      await server.close();
      await ledger.close();
    },
  };
}
