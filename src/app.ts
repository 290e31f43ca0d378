// Assembles the daemon; the only file that knows all of its parts.

import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Config, type PassConfig, decodeWorkers } from './config.ts';
import { servedPrefix } from './external-url.ts';
import { onAddresses, onSystemdSockets } from './http/listeners.ts';
import type { HttpDependencies } from './http/routes.ts';
import { connectionLimits } from './http/connections.ts';
import { type HttpServer, startHttpServer } from './http/server.ts';
import { type DecodeClient, decodeClient } from './decode/decode-client.ts';
import { globPattern } from './ingest/file-names.ts';
import { Ingest } from './ingest/ingest.ts';
import { kdumpArmed } from './host/kexec-state.ts';
import { ThisBoot } from './host/live.ts';
import { openFileLimit } from './host/open-file-limit.ts';
import { pstoreDirectories } from './host/pstore.ts';
import { UNKNOWN_HOST } from './ledger/host-name.ts';
import {
  type Ledger,
  type LedgerView,
  type Totals,
  openLedger,
  openLedgerOf,
} from './ledger/ledger.ts';
import { messageOf } from './failure.ts';
import type { Logger } from './log.ts';
import { crashSamples } from './metrics/crash-samples.ts';
import {
  buildSamples,
  clockSamples,
  failureSamples,
  hostSamples,
  ingestSamples,
  kexecSamples,
  ledgerSamples,
  liveSamples,
  shardSamples,
  windowSamples,
} from './metrics/projection.ts';
import {
  type Collector,
  type Metrics,
  type ProcessMetrics,
  createMetrics,
} from './metrics/registry.ts';
import { REVISION } from './version.ts';
import { statusSource } from './status.ts';
import { PLAIN_HTTP } from './webconfig/plain-http.ts';
import type { WatchedWebConfig } from './webconfig/watch.ts';

const KCORE = '/proc/kcore';

/** The running daemon: its server, its ingest, and their resources. */
export interface App {
  /** The first port it listens on; 0 if only on sockets that systemd passed. */
  readonly port: number;
  /** Reads the web configuration again. */
  reload(): void;
  /** Finishes open requests, stops all work, releases resources. */
  close(): Promise<void>;
}

/**
 * Starts the daemon. Resolves when it listens.
 *
 * @throws if an address is in use or the web configuration is invalid; StoreError if another daemon uses
 *   the ledger or it cannot be read.
 */
export async function startApp(config: Config, version: string, log: Logger): Promise<App> {
  const { mode, telemetryPath, externalUrl } = config;
  const routePrefix = servedPrefix(config);
  const suspectWindowSeconds = config.suspectWindowMs / 1000;
  const webConfig = await webConfigOf(config, log);
  const listen = config.systemdSocket
    ? onSystemdSockets(process.env, process.pid)
    : await onAddresses(config.listen);
  const parts = await assemble(config, processMetrics(config), log);
  const closeParts = async (): Promise<void> => {
    webConfig.close();
    await parts.close();
  };
  const http: HttpServer = await startHttpServer(
    {
      listen,
      ...{ webConfig, mode, telemetryPath, version, suspectWindowSeconds, shard: config.shard },
      ...{ externalUrl, routePrefix, ownNames: [hostname(), config.nodeName] },
      limits: connectionLimits(openFileLimit()),
    },
    {
      ...scrapes(config, version, parts),
      status: statusSource({ ...parts, kdumpArmed }),
      log,
      nowMs: Date.now,
    },
  ).catch(async (error: unknown) => {
    await closeParts();
    throw error;
  });
  const running = Promise.all([parts.ingest.run(), parts.thisBoot?.run()]);
  for (const port of http.ports) log.info('listening', { port, telemetry_path: telemetryPath });
  if (http.ports.length === 0) log.info('listening', { socket: 'systemd' });
  return {
    port: http.ports[0] ?? 0,
    reload: webConfig.reload,
    async close(): Promise<void> {
      await Promise.all([http.close(), closeParts(), running]);
    },
  };
}

async function webConfigOf({ webConfigFile }: Config, log: Logger): Promise<WatchedWebConfig> {
  if (webConfigFile === undefined) return PLAIN_HTTP;
  const { watchWebConfig } = await import('./webconfig/watch.ts');
  return watchWebConfig(webConfigFile, log);
}

/**
 * Scans the directories once and records the crashes in the ledger.
 *
 * @returns the metrics in the text format, without those about this process.
 * @throws StoreError if a daemon uses the ledger; Error if the ledger cannot be written.
 */
export async function passOnce(config: PassConfig, version: string, log: Logger): Promise<string> {
  const parts = await assemble(config, 'none', log);
  try {
    const pass = Promise.all([parts.ingest.runOnce(), parts.thisBoot?.refresh()]);
    await whileReady(parts.ledger, pass);
    const { body } = await scrapes(config, version, parts).metrics('text');
    return body;
  } finally {
    await parts.close();
  }
}

const POLL_MS = 500;

/** @throws as soon as the ledger cannot be written: a single pass does not wait for its repair. */
async function whileReady(ledger: Ledger<LedgerView>, pass: Promise<unknown>): Promise<void> {
  const isOver = pass.then(() => true);
  do requireReady(ledger);
  while (!(await Promise.race([isOver, sleep(POLL_MS, false)])));
  requireReady(ledger);
}

function requireReady({ state }: Pick<Ledger, 'state'>): void {
  if (state.kind !== 'ready') throw new Error(`ledger: ${state.message}`);
}

function processMetrics(config: Config): ProcessMetrics {
  if (config.disableExporterMetrics) return 'none';
  return config.enableNodejsMetrics ? 'all' : 'useful';
}

interface Parts {
  readonly ledger: Ledger<LedgerView>;
  readonly decoder: DecodeClient;
  readonly ingest: Ingest;
  /** undefined in central mode, which only has the dumps of other hosts. */
  readonly thisBoot: ThisBoot | undefined;
  readonly metrics: Metrics;
  close(): Promise<void>;
}

/** @throws StoreError if another daemon uses the ledger or it cannot be read. */
async function openConfiguredLedger(config: PassConfig, log: Logger): Promise<Ledger<LedgerView>> {
  const { ledgerPath, ledgerUrl, mode, nodeName, hostPattern, maxHosts, shard } = config;
  const options = {
    suspectWindowSeconds: config.suspectWindowMs / 1000,
    ...{ maxHosts, shard },
    hostRule: { fallback: mode === 'node' ? nodeName : UNKNOWN_HOST, pattern: hostPattern },
    nowMs: Date.now,
    log,
  };
  if (ledgerUrl === undefined) {
    return openLedger({ ...options, directory: ledgerPath, showsTotal: mode === 'node' });
  }
  const { PostgresEngine } = await import('./ledger/postgres-engine.ts');
  return openLedgerOf(new PostgresEngine(ledgerUrl, options), options);
}

/** @throws StoreError if another daemon uses the ledger or it cannot be read. */
async function assemble(config: PassConfig, about: ProcessMetrics, log: Logger): Promise<Parts> {
  const ledger = await openConfiguredLedger(config, log);
  const workers = decodeWorkers(config);
  const { symbolPaths, decodeTimeoutMs: timeoutMs, decodeMaxMemoryBytes: maxMemoryBytes } = config;
  const decoder = decodeClient({ symbolPaths, workers, timeoutMs, maxMemoryBytes }, log);
  const metrics = createMetrics(about, (error) => {
    log.error('part of a scrape failed', { error: messageOf(error) });
  });
  const { settleMs, incompleteAfterMs, rescanMs } = config;
  const pstore = config.mode === 'node' ? pstoreDirectories(config.pstorePaths, log) : [];
  const directories = [...config.directories, ...pstore];
  const excluded = config.excluded.map(globPattern);
  const ingest = new Ingest(
    { directories, excluded, settleMs, incompleteAfterMs, rescanMs, workers },
    {
      decoder,
      ledger,
      log,
      observeDecode: metrics.observeDecode,
      nowMs: Date.now,
      monotonicMs: () => performance.now(),
    },
  );
  const thisBoot =
    config.mode === 'central'
      ? undefined
      : new ThisBoot(
          {
            kcore: config.liveKcore ? KCORE : undefined,
            intervalMs: config.liveIntervalMs,
          },
          { decoder, log, nowMs: Date.now },
        );
  const close = async (): Promise<void> => {
    thisBoot?.close();
    await Promise.all([ingest.close(), decoder.close()]);
    await ledger.close();
  };
  return { ledger, decoder, ingest, thisBoot, metrics, close };
}

/** Returns the functions that render metrics: of the exporter, and of one host that crashed. */
function scrapes(
  { mode, suspectWindowMs, shard }: PassConfig,
  version: string,
  { ledger, ingest, thisBoot, metrics }: Parts,
): Pick<HttpDependencies, 'metrics' | 'hostMetrics'> {
  const build = { version, revision: REVISION, nodeVersion: process.versions.node };
  /** @param isFirstPassRecorded as it was before the totals were read; if true, they include the first pass. */
  const crashesOf =
    (totals: Totals, isFirstPassRecorded: boolean): Collector =>
    () =>
      crashSamples(totals, { nowSeconds: Date.now() / 1000, isFirstPassRecorded });
  const clock: readonly Collector[] = [
    () => windowSamples(suspectWindowMs / 1000),
    () => clockSamples(Date.now() / 1000),
  ];
  const hasHosts = (): boolean => mode === 'central' && ledger.view.isRead;
  const exporter: readonly Collector[] = [
    ...clock,
    () => ingestSamples(ingest.status()),
    () => failureSamples(ledger.view),
    () => ledgerSamples(ledger),
    () => hostSamples(hasHosts() ? ledger.view.hostCounts() : undefined),
    () => shardSamples(shard),
    () => buildSamples(build),
  ];
  return {
    metrics: async (format) => {
      const { isFirstPassRecorded } = ledger;
      // In central mode the crashes, and the state of kexec that matters, are those of other hosts.
      const local: readonly Collector[] =
        mode === 'central'
          ? []
          : [
              crashesOf(await ledger.view.total(), isFirstPassRecorded),
              () => liveSamples(thisBoot?.state ?? { kind: 'off' }),
              () => kexecSamples(kdumpArmed()),
            ];
      return await metrics.render([...local, ...exporter], format);
    },
    hostMetrics: async (host, format) => {
      const { isFirstPassRecorded } = ledger;
      const totals = await ledger.view.hostTotals(host);
      return totals === undefined
        ? undefined
        : metrics.renderOnly([crashesOf(totals, isFirstPassRecorded), ...clock], format);
    },
  };
}
