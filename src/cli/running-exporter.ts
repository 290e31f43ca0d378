// Reads the metrics of the exporter running on this machine, as Prometheus does.

import { type Config, FLAGS } from '../config.ts';
import { servedPrefix } from '../external-url.ts';
import { errorCode, messageOf } from '../failure.ts';
import { WebConfigError } from '../webconfig/parse.ts';
import type { ListenAddress } from '../listen-address.ts';
import { loadWebConfig } from '../webconfig/web-config.ts';
import { type Finding, ok, problem, unknown } from './finding.ts';

/** The result of a request to the running exporter. */
export interface RunningExporter {
  readonly finding: Finding;
  /** Its metrics; undefined if they could not be read. */
  readonly metrics: string | undefined;
}

/** The default of Prometheus' scrape_timeout. */
const TIMEOUT_MS = 10_000;
/** Where to reach an exporter that listens on all addresses. */
const LOCAL: ReadonlyMap<string | undefined, string> = new Map([
  [undefined, '127.0.0.1'],
  ['0.0.0.0', '127.0.0.1'],
  ['::', '::1'],
]);
const PROMETHEUS = 'whether Prometheus scrapes it, its page /targets says';

/** Requests the metrics at the first listen address of the settings. */
export async function askExporter(config: Config): Promise<RunningExporter> {
  if (config.systemdSocket) {
    const text = `--${FLAGS.systemdSocket.name}: the socket unit says where the exporter listens; it was not asked`;
    return { finding: unknown(text), metrics: undefined };
  }
  const url = metricsUrl(config);
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    return evaluate(url, response.status, await response.text());
  } catch (error) {
    return { finding: failure(url, error), metrics: undefined };
  }
}

function evaluate(url: string, status: number, body: string): RunningExporter {
  if (status === 401 || status === 403) {
    const text = `${url}: answers, and wants a password: its metrics were not read; ${PROMETHEUS}`;
    return { finding: unknown(text), metrics: undefined };
  }
  if (status !== 200 || !/^hwerr_exporter_build_info\{/m.test(body)) {
    const text = `${url}: got status ${status} and no metrics of hwerr-exporter: is it another program's port?`;
    return { finding: problem(text), metrics: undefined };
  }
  return { finding: ok(`${url}: the exporter answers; ${PROMETHEUS}`), metrics: body };
}

function failure(url: string, error: unknown): Finding {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  const code = errorCode(cause) ?? '';
  const isBlocked = messageOf(cause) === 'bad port'; // fetch.spec.whatwg.org/#port-blocking
  if (isBlocked)
    return unknown(`${url}: was not asked: HTTP clients such as this one refuse its port`);
  if (/CERT|SELF_SIGNED|SSL|TLS/.test(code)) {
    return unknown(`${url}: answers with TLS, and was not asked: ${messageOf(cause)}`);
  }
  if (error instanceof Error && error.name === 'TimeoutError') {
    return problem(
      `${url}: no answer in ${TIMEOUT_MS / 1000} s, and Prometheus waits no longer. It is still starting, or too busy: see journalctl -u hwerr-exporter`,
    );
  }
  return problem(
    `${url}: no exporter answers: ${messageOf(cause)}. Start it: systemctl start hwerr-exporter`,
  );
}

function metricsUrl(config: Config): string {
  const [address = { host: undefined, port: 0 }] = config.listen;
  const scheme = hasTls(config.webConfigFile) ? 'https' : 'http';
  return `${scheme}://${authority(address)}${servedPrefix(config)}${config.telemetryPath}`;
}

/** False for an invalid web configuration: the exporter does not serve with it. */
function hasTls(webConfigFile: string | undefined): boolean {
  try {
    return webConfigFile !== undefined && loadWebConfig(webConfigFile).tls !== undefined;
  } catch (error) {
    if (error instanceof WebConfigError) return false;
    throw error;
  }
}

function authority({ host, port }: ListenAddress): string {
  const name = LOCAL.get(host) ?? host ?? '';
  return `${name.includes(':') ? `[${name}]` : name}:${port}`;
}
