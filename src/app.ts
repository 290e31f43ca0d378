// The daemon, put together: the only file that knows all of its parts.

import type { Config } from './config.ts';
import { onAddresses, onSystemdSockets } from './http/listeners.ts';
import type { HttpDependencies } from './http/routes.ts';
import { type HttpServer, startHttpServer } from './http/server.ts';
import { decodeClient } from './ingest/decode-client.ts';
import { globPattern } from './ingest/file-names.ts';
import { type DecodedFile, Ingest, type IngestSink } from './ingest/ingest.ts';
import { watchKexecState } from './ingest/kexec-state.ts';
import { type Crash, memoryLedger } from './ledger/ledger.ts';
import { messageOf } from './failure.ts';
import type { Logger } from './log.ts';
import {
  buildSamples,
  crashSamples,
  failureSamples,
  ingestSamples,
  kexecSamples,
} from './metrics/projection.ts';
import { type Collector, type Metrics, createMetrics } from './metrics/registry.ts';
import { REVISION } from './version.ts';
import { type ViewSources, crashesOf, createViews } from './views.ts';
import { watchWebConfig } from './webconfig/watch.ts';

export interface App {
  /** The port it listens on; the first of several. */
  readonly port: number;
  /** Reads its files again. */
  reload(): void;
  /** Answers what is asked, ends what is running, lets go of everything. */
  close(): Promise<void>;
}

/** @throws when an address is in use, or the web configuration cannot be used. */
export async function startApp(config: Config, version: string, log: Logger): Promise<App> {
  const nowMs = (): number => Date.now();
  const webConfig = watchWebConfig(config.webConfigFile, log);
  const ledger = memoryLedger();
  const decoder = decodeClient({
    symbolPaths: config.symbolPaths,
    timeoutMs: config.decodeTimeoutMs,
    maxMemoryBytes: config.decodeMaxMemoryBytes,
  });
  const metrics = createMetrics(config.exporterMetrics, (error) => {
    log.error('part of a scrape failed', { error: messageOf(error) });
  });
  const sink: IngestSink = {
    decoded(file): void {
      metrics.observeDecode(file.durationSeconds);
      ledger.record(file.report, { path: file.path, recordedSeconds: nowMs() / 1000 });
      logDecoded(log, file);
    },
    failed({ path, failure, durationSeconds }): void {
      metrics.observeDecode(durationSeconds);
      ledger.recordFailure({ ...failure, path, recordedSeconds: nowMs() / 1000 });
      log.error('dump not decoded', { path, reason: failure.reason, error: failure.message });
    },
  };
  const { directories, settleMs, rescanMs } = config;
  const excluded = config.excluded.map(globPattern);
  const ingest = new Ingest(
    { directories, excluded, settleMs, rescanMs },
    { decoder, sink, log, nowMs },
  );
  const kexec = await watchKexecState();
  const suspectWindowSeconds = config.suspectWindowMs / 1000;
  const sources = { ledger, ingest, kexec, suspectWindowSeconds };
  const { mode, telemetryPath } = config;
  const http: HttpServer = await startHttpServer(
    {
      listen: config.systemdSocket
        ? onSystemdSockets(process.env, process.pid)
        : onAddresses(config.listen),
      ...{ webConfig, mode, telemetryPath, version, suspectWindowSeconds },
    },
    { ...scrapes(config, version, sources, metrics), views: createViews(sources), log, nowMs },
  );
  const running = ingest.run();
  for (const port of http.ports) log.info('listening', { port, telemetry_path: telemetryPath });
  if (http.ports.length === 0) log.info('listening', { socket: 'systemd' });
  return {
    port: http.ports[0] ?? 0,
    reload: webConfig.reload,
    async close(): Promise<void> {
      ingest.close();
      kexec.close();
      webConfig.close();
      await Promise.all([http.close(), running, decoder.close()]);
    },
  };
}

/** What a scrape gets: of the exporter, or of one host that crashed. */
function scrapes(
  config: Config,
  version: string,
  { ledger, ingest, kexec, suspectWindowSeconds }: ViewSources,
  metrics: Metrics,
): Pick<HttpDependencies, 'metrics' | 'hostMetrics'> {
  const crashesFrom =
    (crashes: () => Iterable<Crash>): Collector =>
    () =>
      crashSamples(crashes(), Date.now() / 1000, suspectWindowSeconds);
  const build = { version, revision: REVISION, nodeVersion: process.versions.node };
  const exporter: readonly Collector[] = [
    () => ingestSamples(ingest.status()),
    () => failureSamples(ledger),
    () => buildSamples(build),
  ];
  // In central mode crashes are other hosts', and so is what becomes of their next panic.
  const local: readonly Collector[] =
    config.mode === 'central'
      ? []
      : [crashesFrom(() => ledger.crashes()), () => kexecSamples(kexec.armed())];
  return {
    metrics: (format) => metrics.render([...local, ...exporter], format),
    hostMetrics: (host, format) => {
      const crashes = crashesOf(ledger, host);
      return crashes.length === 0
        ? undefined
        : metrics.renderOnly([crashesFrom(() => crashes)], format);
    },
  };
}

function logDecoded(log: Logger, { path, report }: DecodedFile): void {
  log.info('dump decoded', {
    path,
    host: report.nodename ?? '',
    kernel: report.kernelRelease,
    hwerr: report.hwerr.kind === 'present' ? 'present' : report.hwerr.reason,
    incomplete: report.incomplete,
  });
  for (const warning of report.warnings) log.warn('odd dump', { path, warning });
}
