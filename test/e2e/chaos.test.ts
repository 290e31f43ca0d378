// Three collectors, their shared ledger in PostgreSQL, dumps in a directory and in two buckets of Swift, a
// Prometheus; and each of them is killed, stopped or cut off at random moments while dumps arrive. What is
// known of a host is answered all the while, no counter goes down, and in the end every crash is in the
// ledger once.
//
// HWERR_CHAOS_SECONDS, HWERR_CHAOS_DUMPS and HWERR_CHAOS_HOSTS say how much, HWERR_CHAOS_IN_BUCKETS how many of the
// dumps are in buckets, HWERR_CHAOS_SEED repeats the faults of a run. With HWERR_CHAOS_NETWORKS=1, as root, each
// collector has a network of its own, whose packets are lost at times.

import {
  CreateBucketCommand,
  NoSuchBucket,
  PutObjectCommand,
  type PutObjectCommandInput,
  paginateListObjectsV2,
} from '@aws-sdk/client-s3';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { expect, onTestFinished, vi } from 'vitest';

import { type Prometheus, startPrometheus } from '../support/daemon/prometheus.ts';
import { type Surroundings, WatchedCollector } from '../support/daemon/watched-collector.ts';
import { crashDump } from '../support/dumps/crash-dumps.ts';
import { fixture } from '../support/dumps/fixtures.ts';
import { randomNumbers } from '../support/dumps/mutations.ts';
import { eventually } from '../support/system/eventually.ts';
import { startNetwork } from '../support/system/network.ts';
import { type PostgresServer, postgresTool, startPostgres } from '../support/system/postgres.ts';
import { type Swift, startSwift, swiftTool } from '../support/system/swift.ts';
import { tempDir } from '../support/system/temp-dir.ts';
import { needsTool } from '../support/system/tools.ts';

const setting = (name: string, value: number): number =>
  Number(process.env[`HWERR_CHAOS_${name}`] ?? value);
const SECONDS = setting('SECONDS', 60);
const DUMPS = setting('DUMPS', 60);
const HOSTS = setting('HOSTS', 12);
/** Swift takes a few objects a second: of many dumps most have to be in the directory. */
const IN_BUCKETS = setting('IN_BUCKETS', Math.ceil((DUMPS * 2) / 3));
const SEED = setting('SEED', Date.now() % 1_000_000);
/** So many objects are put at a time. */
const LANES = 4;
/** Between passes over all dumps, and between scrapes of all hosts, whose cost grows with their number. */
const RESCAN_SECONDS = Math.ceil(DUMPS / 1000);
const SCRAPE_SECONDS = Math.max(5, Math.ceil(HOSTS / 20));
/** How long a fault lasts, and how long it is quiet before the next one of its kind, at most. */
const FAULT_MS = 8000;
const QUIET_MS = 12_000;
/** How long packets are lost, at most: longer than the collector waits for an answer of its database. */
const LOSS_MS = 25_000;
/** After the last fault: what could not be read waits up to ten minutes for its next try. */
const RECOVERY_MS = 600_000 + 30 * DUMPS;
const CRASHES = 'hwerr_crashes_total';
const PCI = 'hwerr_recoverable_errors_total{category="pci"}';
/** What isComplete() asks for, and what may be left to do. */
const STATE =
  /^hwerr_(dumps_present|ledger_state|dump_decode_failures_total|decode_queue_length)\b/;
const NO_DUMP = 'hwerr_dump_decode_failures_total{reason="not_a_dump"}';
const prometheus = needsTool('prometheus');
const hasNetworks = setting('NETWORKS', 0) === 1;

const hostOf = (boot: number): string => `h${String(boot % HOSTS).padStart(6, '0')}`;
const errorsOf = (boot: number): number => boot % 9;
const BUCKETS = ['first', 'second'] as const;

type Place = 'directory' | (typeof BUCKETS)[number];

/** Where the dumps of a crash are: every fourth of those in a bucket is in another place too. */
function placesOf(boot: number): readonly Place[] {
  const number = Math.floor((boot * IN_BUCKETS) / DUMPS);
  if (number === Math.floor(((boot - 1) * IN_BUCKETS) / DUMPS)) return ['directory'];
  const bucket = BUCKETS[number % 2]!;
  if (number % 4 > 0) return [bucket];
  return [bucket, number % 8 > 0 ? 'directory' : 'second'];
}

interface DumpFile {
  readonly boot: number;
  readonly place: Place;
}

const FILES: readonly DumpFile[] = Array.from({ length: DUMPS }, (_, i) => i + 1).flatMap((boot) =>
  placesOf(boot).map((place) => ({ boot, place })),
);

/** What happens to one of them, and how it ends. */
interface Fault {
  readonly what: string;
  /** How long it lasts, at most. */
  readonly longestMs?: number;
  begin(): Promise<void> | void;
  end(): Promise<void> | void;
}

class Chaos {
  readonly #database: PostgresServer;
  readonly #store: Swift;
  readonly #collectors: readonly WatchedCollector[];
  readonly happened = new Map<string, number>();

  constructor(database: PostgresServer, store: Swift, collectors: readonly WatchedCollector[]) {
    this.#database = database;
    this.#store = store;
    this.#collectors = collectors;
  }

  /** Faults, until told to end; then all is well again. One lane for each thing that may fail. */
  async run(signal: AbortSignal): Promise<void> {
    const lanes = [
      this.#databaseFaults(),
      this.#storeFaults(),
      ...this.#collectors.flatMap((one) => [this.#collectorFaults(one), this.#wayFaults(one)]),
      ...this.#collectors.flatMap((one) => (one.network === undefined ? [] : [this.#lost(one)])),
    ];
    await Promise.all(lanes.map((faults, i) => this.#lane(faults, SEED + i, signal)));
  }

  async #lane(faults: readonly Fault[], seed: number, signal: AbortSignal): Promise<void> {
    const random = randomNumbers(seed);
    const wait = (ms: number): Promise<void> =>
      sleep(random() * ms, undefined, { signal }).catch(() => undefined);
    for (;;) {
      await wait(QUIET_MS);
      if (signal.aborted) return;
      const fault = faults[Math.floor(random() * faults.length)]!;
      this.happened.set(fault.what, (this.happened.get(fault.what) ?? 0) + 1);
      await fault.begin();
      await wait(fault.longestMs ?? FAULT_MS);
      await fault.end();
    }
  }

  #databaseFaults(): Fault[] {
    const database = this.#database;
    const all = this.#collectors;
    const fault = (what: string, begin: Fault['begin'], end: Fault['end']): Fault => ({
      what: `database ${what}`,
      begin: () => {
        for (const one of all) one.outage('begins');
        return begin();
      },
      end: async () => {
        await end();
        for (const one of all) one.outage('ends');
      },
    });
    return [
      fault(
        'killed',
        () => database.kill(),
        () => database.restart(),
      ),
      fault(
        'stopped',
        () => {
          database.signal('SIGSTOP');
        },
        () => {
          database.signal('SIGCONT');
        },
      ),
    ];
  }

  #storeFaults(): Fault[] {
    const { processes } = this.#store;
    return processes.flatMap((_, i) => [
      {
        what: 'store killed',
        begin: () => void processes[i]!.kill('SIGKILL'),
        end: () => {
          this.#store.restart(i);
        },
      },
      {
        what: 'store stopped',
        begin: () => void processes[i]!.kill('SIGSTOP'),
        end: () => void processes[i]!.kill('SIGCONT'),
      },
    ]);
  }

  #collectorFaults(one: WatchedCollector): Fault[] {
    return [
      {
        what: 'collector killed',
        begin: () => one.kill(),
        end: () => one.restart(),
      },
      {
        what: 'collector stopped',
        begin: () => {
          one.outage('begins');
          one.signal('SIGSTOP');
        },
        end: () => {
          one.signal('SIGCONT');
          // Statements that it waited for may be over their time now.
          one.outage('ends');
        },
      },
    ];
  }

  #lost(one: WatchedCollector): Fault[] {
    return [
      {
        what: 'packets lost',
        longestMs: LOSS_MS,
        begin: () => {
          one.outage('begins');
          one.network?.lose(true);
        },
        end: () => {
          one.network?.lose(false);
          one.outage('ends');
        },
      },
    ];
  }

  #wayFaults(one: WatchedCollector): Fault[] {
    return (['hangs', 'breaks'] as const).flatMap((state) => [
      {
        what: `way to the database ${state}`,
        begin: () => {
          one.outage('begins');
          one.toDatabase.set(state);
        },
        end: () => {
          one.toDatabase.set('open');
          one.outage('ends');
        },
      },
      {
        what: `way to the store ${state}`,
        begin: () => {
          one.toStore.set(state);
        },
        end: () => {
          one.toStore.set('open');
        },
      },
    ]);
  }
}

/** Brings the dumps while the faults are there, and goes on until all are. */
async function bringDumps(store: Swift, directory: string): Promise<void> {
  const template = readFileSync(fixture('x86_64-7.3.4.elf'));
  const bring = async (files: readonly DumpFile[], lanes: number): Promise<void> => {
    const left = files.values();
    const pauseMs = (SECONDS * 1000 * 0.8 * lanes) / files.length;
    const lane = async (): Promise<void> => {
      for (const { boot, place } of left) {
        const beganMs = performance.now();
        const dump = crashDump(template, { boot, host: hostOf(boot), pci: errorsOf(boot) });
        const name = `${hostOf(boot)}/${boot}/vmcore`;
        if (place === 'directory') bringFile(join(directory, name), dump);
        else await bringObject(store, { Bucket: place, Key: name, Body: dump });
        await sleep(Math.max(0, pauseMs - (performance.now() - beganMs)));
      }
    };
    await Promise.all(Array.from({ length: lanes }, lane));
  };
  const inDirectory = FILES.filter(({ place }) => place === 'directory');
  const inBuckets = FILES.filter(({ place }) => place !== 'directory');
  await Promise.all([bring(inDirectory, 1), bring(inBuckets, LANES)]);
}

function bringFile(path: string, dump: Buffer): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}-incomplete`, dump);
  renameSync(`${path}-incomplete`, path);
}

async function bringObject({ client }: Swift, object: PutObjectCommandInput): Promise<void> {
  await eventually(`${object.Key!} is in the store`, () =>
    client.send(new PutObjectCommand(object)).then(
      () => true,
      () => undefined,
    ),
  );
}

/** One job for each collector, so that none hides what another one shows. */
function prometheusConfig(collectors: readonly WatchedCollector[]): string {
  const jobs = collectors.map(({ host, port }) => ({
    job_name: `hwerr-${port}`,
    http_sd_configs: [{ url: `http://${host}:${port}/sd`, refresh_interval: '2s' }],
  }));
  const global = { scrape_interval: `${SCRAPE_SECONDS}s`, scrape_timeout: '5s' };
  return JSON.stringify({ global, scrape_configs: jobs });
}

/** Counters that went down from one scrape to the next, as Prometheus saw it. */
async function resetsIn(server: Prometheus): Promise<readonly unknown[]> {
  const counters = ['crashes', 'recoverable_errors', 'suspect_crashes'];
  const resets = await Promise.all(
    counters.map((name) =>
      server.query(`resets(hwerr_${name}_total[1h]) > 0`, 'job', 'instance', 'category'),
    ),
  );
  return resets.flatMap((found, i) => Object.entries(found).map((one) => [counters[i], one]));
}

/** Whether every object is in the list of its bucket. */
async function isListed(store: Swift): Promise<true | undefined> {
  await store.update();
  for (const Bucket of BUCKETS) {
    let listed = 0;
    for await (const { KeyCount = 0 } of paginateListObjectsV2(
      { client: store.client },
      { Bucket },
    )) {
      listed += KeyCount;
    }
    if (listed !== FILES.filter(({ place }) => place === Bucket).length) return undefined;
  }
  return true;
}

async function isComplete(one: WatchedCollector): Promise<true | undefined> {
  const scrape = await one.scrape().catch(() => new Map<string, number>());
  if (scrape.get('hwerr_dumps_present{state="complete"}') !== FILES.length) return undefined;
  if (scrape.get('hwerr_ledger_state{state="ready"}') !== 1) return undefined;
  return scrape.get(NO_DUMP) === 1 || undefined;
}

swiftTool.describe('three collectors', () => {
  postgresTool.describe('with one ledger', () => {
    prometheus.it(
      `count ${DUMPS} crashes of ${HOSTS} hosts once, through ${SECONDS} s of chaos`,
      async () => {
        console.log(`HWERR_CHAOS_SEED=${SEED}`);
        const database = await startPostgres();
        onTestFinished(() => database.stop());
        const store = await startSwift();
        onTestFinished(async () => {
          vi.unstubAllEnvs();
          await store.stop();
        });
        for (const [name, value] of Object.entries(store.environment)) vi.stubEnv(name, value);
        for (const Bucket of BUCKETS) {
          await store.client.send(new CreateBucketCommand({ Bucket }));
        }
        const directory = tempDir();
        mkdirSync(join(directory, 'stray'));
        writeFileSync(join(directory, 'stray/vmcore'), 'no dump');
        const url = database.database();
        const around: Surroundings = {
          databasePort: database.port,
          ledgerUrl: (relay) => url.replace(`127.0.0.1:${database.port}/`, `${relay}/`),
          storePort: Number(new URL(store.environment['AWS_ENDPOINT_URL']!).port),
          flags: [
            ...[`--kdump.path=${directory}`, '--kdump.path=s3://first', '--kdump.path=s3://second'],
            ...['--kdump.settle=100ms', `--kdump.rescan=${RESCAN_SECONDS}s`],
            '--central.max-hosts=100000',
          ],
          seen: new Set(),
        };
        const networks = hasNetworks ? [1, 2, 3].map(startNetwork) : [];
        onTestFinished(() => {
          for (const network of networks) network.close();
        });
        const collectors = await Promise.all(
          [0, 1, 2].map((i) => WatchedCollector.start(around, networks[i])),
        );
        onTestFinished(async () => {
          for (const one of collectors)
            await Promise.all([one.toDatabase.close(), one.toStore.close()]);
        });
        const server = await startPrometheus(
          prometheus.path,
          tempDir(),
          prometheusConfig(collectors),
        );
        onTestFinished(() => server.stop());

        const hosts = Array.from({ length: HOSTS }, (_, i) => hostOf(i));
        const [faults, asking] = [new AbortController(), new AbortController()];
        onTestFinished(() => {
          for (const one of [faults, asking]) one.abort();
        });
        const chaos = new Chaos(database, store, collectors);
        const watching = collectors.map((one) => one.watch(hosts, asking.signal));
        const bringing = bringDumps(store, directory);
        const running = chaos.run(faults.signal);
        await sleep(SECONDS * 1000);
        faults.abort();
        await running;
        const healedMs = performance.now();
        await bringing;
        // A store of which parts have just been started may not know its buckets yet.
        await eventually('the store lists all', () =>
          isListed(store).catch((error: unknown) => {
            if (!(error instanceof NoSuchBucket)) throw error;
            return undefined;
          }),
        );
        for (const one of collectors) {
          await eventually('a collector has all', () => isComplete(one), RECOVERY_MS).catch(
            async (error: unknown) => {
              const scrape = [...(await one.scrape())].filter(([name]) => STATE.test(name));
              const text = `${scrape.map((sample) => sample.join(' ')).join('\n')}\n${one.log.slice(-5000)}`;
              throw new Error(`${String(error)}\n${text}`, { cause: error });
            },
          );
        }
        const recoverySeconds = (performance.now() - healedMs) / 1000;
        for (const one of collectors) {
          await eventually('it lists all hosts', async () =>
            (await one.hosts()).length === HOSTS ? true : undefined,
          );
        }
        for (const host of hosts) {
          const boots = Array.from({ length: DUMPS }, (_, i) => i + 1).filter(
            (boot) => hostOf(boot) === host,
          );
          const expected = [boots.length, boots.reduce((sum, boot) => sum + errorsOf(boot), 0)];
          for (const one of collectors) {
            const probe = await one.scrape(`/probe?target=${host}`);
            expect([probe.get(CRASHES), probe.get(PCI)], host).toEqual(expected);
          }
        }
        expect(database.sql(url, 'SELECT count(*), max(sequence) FROM crash')).toEqual([
          `${DUMPS}|${DUMPS}`,
        ]);
        expect(database.sql(url, 'SELECT count(*) FROM file')).toEqual([`${FILES.length}`]);
        // Until a target of each collector was scraped after all this.
        await eventually('Prometheus has seen the end of it', async () => {
          const sums = Object.values(await server.query(`sum by (job) (${CRASHES})`, 'job'));
          return (sums.length === 3 && sums.every((sum) => sum === DUMPS)) || undefined;
        });
        expect(await resetsIn(server)).toEqual([]);
        asking.abort();
        await Promise.all(watching);
        const watched = collectors.map((one) => one.watched);
        const samples = await server.query(`sum by (job) (count_over_time(${CRASHES}[1h]))`, 'job');
        console.log(
          JSON.stringify({
            ...{ seed: SEED, seconds: SECONDS, dumps: FILES.length, crashes: DUMPS, hosts: HOSTS },
            faults: Object.fromEntries(chaos.happened),
            recoverySeconds,
            watched: watched.map(({ wrong, ...numbers }) => ({ ...numbers, wrong: wrong.length })),
            samples,
          }),
        );
        expect(watched.flatMap(({ wrong }) => wrong)).toEqual([]);
        for (const { answers } of watched) expect(answers).toBeGreaterThan(0);
      },
      SECONDS * 1000 + RECOVERY_MS + 300_000,
    );
  });
});
