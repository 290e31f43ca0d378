// One of several collectors that share a ledger, asked all the time for what it shows while it is killed,
// stopped and cut off. Every answer is compared with those before it.

import { setTimeout as sleep } from 'node:timers/promises';

import { vi } from 'vitest';

import { CONNECTION_LIMITS } from '../../../src/http/connections.ts';
import type { Network } from '../system/network.ts';
import { type Relay, startRelay } from '../system/relay.ts';
import { freePort } from '../system/free-port.ts';
import { tempDir } from '../system/temp-dir.ts';
import { type Daemon, type Scrape, answerOf, samplesIn, startDaemon } from './running-daemon.ts';

/** Of a host. */
const COUNTERS = ['hwerr_crashes_total', 'hwerr_recoverable_errors_total{category="pci"}'];
/** Of the ledger: those of the process begin anew with it. */
const OF_THE_LEDGER = /^hwerr_(dump_decode_failures_total|dumps_without_hwerr_data_total)/;
/** Between two questions; with many hosts longer, because those who ask share the machine with those who answer. */
const pauseMs = (hosts: number): number => Math.max(20, hosts / 20);
/** After an outage a host may stay unanswered for so long: connections are made again, with much other work about. */
const AFTER_OUTAGE_MS = 60_000;

/** Where a collector's database and store are, and what it watches. */
export interface Surroundings {
  readonly databasePort: number;
  /** The URL of the database by where a relay is, `host:port`. */
  readonly ledgerUrl: (relay: string) => string;
  readonly storePort: number;
  readonly flags: readonly string[];
  /** Hosts that any collector answered for. */
  readonly seen: Set<string>;
}

/** How often it was asked, and what was wrong. */
export interface Watched {
  readonly answers: number;
  /** Without an answer because it was down, or did not know the host and its database was away. */
  readonly unanswered: number;
  readonly slowestMs: number;
  /** The longest time that a host stayed unanswered after the end of an outage. */
  readonly latestMs: number;
  readonly wrong: readonly string[];
}

export class WatchedCollector {
  /** undefined: it is in that of the test. */
  readonly network: Network | undefined;
  readonly port: number;
  readonly toDatabase: Relay;
  readonly toStore: Relay;
  readonly #around: Surroundings;
  #daemon: Daemon | undefined;
  /** It was killed so often. */
  #deaths = 0;
  /** Number of outages now: of the database, of the way to it, of the process. */
  #outages = 0;
  /** Whether there was one since it started, and when the last one ended. */
  #hadOutage = false;
  #outageEndMs = -Infinity;
  /** What it showed at most, by host and counter. */
  readonly #highest = new Map<string, number>();
  /** Hosts that it answered for since it started. */
  #answered = new Set<string>();
  /** Since when it has not answered for a host, however often it was asked. */
  readonly #unansweredMs = new Map<string, number>();
  #answers = 0;
  #unanswered = 0;
  #slowestMs = 0;
  #latestMs = 0;
  readonly #wrong: string[] = [];

  private constructor(
    around: Surroundings,
    network: Network | undefined,
    port: number,
    relays: readonly [Relay, Relay],
  ) {
    this.#around = around;
    this.network = network;
    this.port = port;
    [this.toDatabase, this.toStore] = relays;
  }

  static async start(around: Surroundings, network?: Network): Promise<WatchedCollector> {
    const { databasePort, storePort } = around;
    const relays = await Promise.all([
      startRelay(databasePort, network?.outside),
      startRelay(storePort, network?.outside),
    ]);
    const collector = new WatchedCollector(around, network, await freePort(), relays);
    await collector.restart();
    return collector;
  }

  get watched(): Watched {
    const [answers, unanswered, wrong] = [this.#answers, this.#unanswered, this.#wrong];
    return { answers, unanswered, slowestMs: this.#slowestMs, latestMs: this.#latestMs, wrong };
  }

  get host(): string {
    return this.network?.address ?? '127.0.0.1';
  }

  /** The log of the process that runs now. */
  get log(): string {
    return this.#daemon?.log() ?? '';
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#daemon?.child.kill(signal);
  }

  /** Something keeps it from answering for hosts that it has not answered for yet, or no longer does. */
  outage(state: 'begins' | 'ends'): void {
    this.#outages += state === 'begins' ? 1 : -1;
    this.#hadOutage = true;
    this.#outageEndMs = performance.now();
  }

  async kill(): Promise<void> {
    const daemon = this.#daemon;
    this.#deaths++;
    this.#daemon = undefined;
    await daemon?.stop('SIGKILL');
  }

  async restart(): Promise<void> {
    const { flags, ledgerUrl } = this.#around;
    this.#answered = new Set();
    this.#hadOutage = this.#outages > 0;
    const outside = this.network?.outside ?? '127.0.0.1';
    vi.stubEnv('AWS_ENDPOINT_URL', `http://${outside}:${this.toStore.port}`);
    const started = startDaemon(
      [
        ...['--mode=central', ...flags, `--web.listen-address=${this.host}:${this.port}`],
        `--ledger.url=${ledgerUrl(`${outside}:${this.toDatabase.port}`)}`,
      ],
      tempDir(),
      this.network?.by,
    );
    this.#daemon = await started;
  }

  async scrape(path = '/metrics'): Promise<Scrape> {
    return samplesIn((await this.#get(path)).body);
  }

  async hosts(): Promise<string[]> {
    const { body } = await this.#get('/sd');
    const targets = JSON.parse(body) as { labels: Record<string, string> }[];
    return targets.map(({ labels }) => labels['__param_target']!);
  }

  #get(path: string): ReturnType<typeof answerOf> {
    return answerOf({ host: this.host, port: this.port, path });
  }

  /** Asks for one host after the other, and now and then for the exporter, until told to end. */
  async watch(hosts: readonly string[], signal: AbortSignal): Promise<void> {
    for (let turn = 0; !signal.aborted; turn++) {
      if (turn % 10 === 0) await this.#ask('/metrics', undefined);
      await this.#ask(`/probe?target=${hosts[turn % hosts.length]!}`, hosts[turn % hosts.length]);
      await sleep(pauseMs(hosts.length));
    }
  }

  async #ask(path: string, host: string | undefined): Promise<void> {
    const wasSeen = host !== undefined && this.#around.seen.has(host);
    const deaths = this.#deaths;
    const wasUp = this.#daemon !== undefined;
    const beganMs = performance.now();
    let status: number;
    let body: string;
    try {
      ({ status, body } = await this.#get(path));
    } catch (error) {
      this.#unanswered++;
      if (!wasUp || deaths !== this.#deaths) return;
      // On a machine with much other work an answer may take longer than it has.
      const isLate = performance.now() - beganMs >= CONNECTION_LIMITS.requestMs;
      if (!isLate) this.#isWrong(`${path}: ${String(error)}`);
      return;
    }
    this.#slowestMs = Math.max(this.#slowestMs, performance.now() - beganMs);
    if (deaths !== this.#deaths) return; // of the process before, or the one after
    if (status === 200) {
      this.#answers++;
      this.#compare(path, samplesIn(body), host);
      return;
    }
    if (status === 404 && !wasSeen) return;
    this.#unanswered++;
    const mayNotKnow = host !== undefined && !this.#answered.has(host) && this.#hadOutage;
    const longMs = mayNotKnow ? this.#unansweredFor(host) : 0;
    this.#latestMs = Math.max(this.#latestMs, longMs);
    if (status !== 503 || !mayNotKnow || longMs > AFTER_OUTAGE_MS) {
      this.#isWrong(`${path}: ${status} ${body.trim()}, unanswered for ${longMs} ms`);
    }
  }

  /** How long the host is unanswered now, without the outage. */
  #unansweredFor(host: string): number {
    const nowMs = performance.now();
    const sinceMs = this.#unansweredMs.get(host) ?? nowMs;
    this.#unansweredMs.set(host, sinceMs);
    return this.#outages > 0 ? 0 : nowMs - Math.max(sinceMs, this.#outageEndMs);
  }

  #compare(path: string, scrape: Scrape, host: string | undefined): void {
    const names =
      host === undefined ? [...scrape.keys()].filter((name) => OF_THE_LEDGER.test(name)) : COUNTERS;
    for (const name of names) {
      const value = scrape.get(name);
      const key = `${path} ${name}`;
      const highest = this.#highest.get(key);
      if (value === undefined) {
        // Before the first pass over the directories is recorded there are no counters of crashes.
        if (host !== undefined && this.#answered.has(host)) this.#isWrong(`${key}: is gone`);
        continue;
      }
      if (highest !== undefined && value < highest) {
        this.#isWrong(`${key}: ${highest}, then ${value}`);
      }
      this.#highest.set(key, Math.max(value, highest ?? 0));
      if (host === undefined) continue;
      this.#answered.add(host);
      this.#unansweredMs.delete(host);
      this.#around.seen.add(host);
    }
  }

  #isWrong(what: string): void {
    if (this.#wrong.length < 20) this.#wrong.push(`collector ${this.port}: ${what}`);
  }
}
