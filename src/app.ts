// The daemon, put together: the only file that knows all of its parts.

import type { Config } from './config.ts';
import { type HttpServer, startHttpServer } from './http/server.ts';
import { decodeClient } from './ingest/decode-client.ts';
import { globPattern } from './ingest/file-names.ts';
import { type DecodedFile, Ingest, type IngestSink } from './ingest/ingest.ts';
import { memoryLedger } from './ledger/ledger.ts';
import type { Logger } from './log.ts';
import { project } from './metrics/projection.ts';
import { createMetrics } from './metrics/registry.ts';

export interface App {
  /** The port it listens on. */
  readonly port: number;
  /** Answers what is asked, ends what is running, lets go of everything. */
  close(): Promise<void>;
}

/** @throws when an address is in use or cannot be listened on. */
export async function startApp(config: Config, version: string, log: Logger): Promise<App> {
  const nowMs = (): number => Date.now();
  const ledger = memoryLedger();
  const decoder = decodeClient({
    symbolPaths: config.symbolPaths,
    timeoutMs: config.decodeTimeoutMs,
    maxMemoryBytes: config.decodeMaxMemoryBytes,
  });
  const sink: IngestSink = {
    decoded(file): void {
      metrics.observeDecode(file.durationSeconds);
      ledger.record(file.report);
      logDecoded(log, file);
    },
    failed({ path, failure, durationSeconds }): void {
      metrics.observeDecode(durationSeconds);
      ledger.recordFailure(failure.reason);
      log.error('dump not decoded', { path, reason: failure.reason, error: failure.message });
    },
  };
  const ingest = new Ingest(
    {
      directories: config.directories,
      excluded: config.excluded.map(globPattern),
      settleMs: config.settleMs,
      rescanMs: config.rescanMs,
    },
    { decoder, sink, log, nowMs },
  );
  const metrics = createMetrics(() => {
    const nodeVersion = process.versions.node;
    const nowSeconds = nowMs() / 1000;
    return project({ ledger, ingest: ingest.status(), nowSeconds, version, nodeVersion });
  }, config.exporterMetrics);
  const http: HttpServer = await startHttpServer(
    { listen: config.listen, telemetryPath: config.telemetryPath, version },
    { metrics, isReady: () => ingest.isReady, log },
  );
  const running = ingest.run();
  log.info('listening', { port: http.port, telemetry_path: config.telemetryPath });
  return {
    port: http.port,
    async close(): Promise<void> {
      ingest.close();
      await Promise.all([http.close(), running, decoder.close()]);
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
