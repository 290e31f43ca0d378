// The daemon, put together: the only file that knows all of its parts.

import type { Config } from './config.ts';
import { type HttpServer, startHttpServer } from './http/server.ts';
import { type DecodeClient, decodeClient } from './ingest/decode-client.ts';
import { globPattern } from './ingest/file-names.ts';
import { type DecodedFile, Ingest, type IngestSink } from './ingest/ingest.ts';
import { type Ledger, openLedger } from './ledger/ledger.ts';
import type { Logger } from './log.ts';
import { project } from './metrics/projection.ts';
import { type Metrics, createMetrics } from './metrics/registry.ts';

export interface App {
  /** The port it listens on. */
  readonly port: number;
  /** Answers what is asked, ends what is running, lets go of everything. */
  close(): Promise<void>;
}

/**
 * @throws when an address is in use or cannot be listened on, and StoreError when the ledger is in use
 *   or cannot be read.
 */
export async function startApp(config: Config, version: string, log: Logger): Promise<App> {
  const parts = await assemble(config, version, log);
  const { ledger, decoder, ingest, metrics } = parts;
  const http: HttpServer = await startHttpServer(
    { listen: config.listen, telemetryPath: config.telemetryPath, version },
    { metrics, isReady: () => ingest.isReady && ledger.state.kind === 'ready', log },
  ).catch(async (error: unknown) => {
    await parts.close();
    throw error;
  });
  const running = ingest.run();
  log.info('listening', { port: http.port, telemetry_path: config.telemetryPath });
  return {
    port: http.port,
    async close(): Promise<void> {
      const closed = ingest.close();
      await Promise.all([http.close(), decoder.close(), closed, running]);
      await ledger.close();
    },
  };
}

/**
 * One pass over the directories into the same ledger.
 *
 * @returns the exposition, without metrics about this process.
 * @throws StoreError when a daemon works with the ledger, or it cannot be written.
 */
export async function passOnce(config: Config, version: string, log: Logger): Promise<string> {
  const parts = await assemble({ ...config, exporterMetrics: false }, version, log);
  const { ledger, ingest, metrics } = parts;
  try {
    if (ledger.state.kind !== 'ready') throw new Error(`ledger: ${ledger.state.message}`);
    await ingest.runOnce();
    return await metrics.render();
  } finally {
    await parts.close();
  }
}

interface Parts {
  readonly ledger: Ledger;
  readonly decoder: DecodeClient;
  readonly ingest: Ingest;
  readonly metrics: Metrics;
  close(): Promise<void>;
}

async function assemble(config: Config, version: string, log: Logger): Promise<Parts> {
  const nowMs = (): number => Date.now();
  const ledger = await openLedger({
    directory: config.ledgerPath,
    suspectWindowSeconds: config.suspectWindowMs / 1000,
    maxHosts: config.maxHosts,
    hostRule: {
      fallback: config.mode === 'node' ? config.nodeName : 'unknown',
      pattern: config.hostPattern,
    },
    nowMs,
    log: (level, message, fields) => {
      log[level](message, fields);
    },
  });
  const decoder = decodeClient({
    timeoutMs: config.decodeTimeoutMs,
    maxMemoryBytes: config.decodeMaxMemoryBytes,
  });
  const observe = (seconds: number): void => {
    metrics.observeDecode(seconds);
  };
  const ingest = new Ingest(
    {
      directories: config.directories,
      excluded: config.excluded.map(globPattern),
      settleMs: config.settleMs,
      rescanMs: config.rescanMs,
    },
    { decoder, sink: ledgerSink(ledger, observe, log), log, nowMs },
  );
  const metrics = createMetrics(() => {
    const nodeVersion = process.versions.node;
    const nowSeconds = nowMs() / 1000;
    const central = config.mode === 'central';
    return project({ ledger, central, ingest: ingest.status(), nowSeconds, version, nodeVersion });
  }, config.exporterMetrics);
  const close = async (): Promise<void> => {
    await Promise.all([ingest.close(), decoder.close()]);
    await ledger.close();
  };
  return { ledger, decoder, ingest, metrics, close };
}

function ledgerSink(ledger: Ledger, observe: (seconds: number) => void, log: Logger): IngestSink {
  return {
    decoded(decoded): Promise<void> {
      const { file, content, report, durationSeconds } = decoded;
      const { root, path, version } = file;
      observe(durationSeconds);
      logDecoded(log, decoded);
      return ledger.record({ root, path, version, content, result: { kind: 'report', report } });
    },
    failed({ file, content, failure, mayHeal, durationSeconds }): Promise<void> {
      const { root, path, version } = file;
      const { reason } = failure;
      if (durationSeconds !== undefined) {
        observe(durationSeconds);
        log.error('dump not decoded', { path, reason, error: failure.message });
      }
      const result = { kind: 'failure', reason, mayHeal } as const;
      return ledger.record({ root, path, version, content, result });
    },
    verdictOf: ({ root, path, version }) => ledger.verdict(root, path, version),
    onlyThese(root, files): void {
      ledger.retain(
        root,
        files.map(({ path }) => path),
      );
    },
  };
}

function logDecoded(log: Logger, { file: { path }, report }: DecodedFile): void {
  log.info('dump decoded', {
    path,
    host: report.nodename ?? '',
    kernel: report.kernelRelease,
    hwerr: report.hwerr.kind === 'present' ? 'present' : report.hwerr.reason,
    incomplete: report.incomplete,
  });
  for (const warning of report.warnings) log.warn('odd dump', { path, warning });
}
