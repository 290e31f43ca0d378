/** The daemon: how soon it is there, what it costs when nothing happens, and when much does. */
import { mkdirSync, rmSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  cpuSeconds,
  dropCrash,
  fetched,
  rssMib,
  startExporter,
  startNodeExporter,
  until,
  valueIn,
  waits,
} from './exporter.mjs';
import { digits, median, percentile, table } from './measure.mjs';

const SETTLE_MS = 2000;
/** The decoding thread ends when it had nothing to do for 30 s. */
const IDLE_AFTER_MS = 35_000;
const IDLE_MINUTES = 5;
const BACKLOGS = [1000, 10_000];
const HOSTS = [1, 100, 1000];
const SCRAPES_MS = 5000;

export async function daemon(directory, runs, flagsFor) {
  let count = 0;
  const fresh = () => {
    const path = join(directory, `daemon-${count++}`);
    mkdirSync(path);
    return path;
  };
  await startAndIdle(fresh, runs, flagsFor);
  await latency(fresh, runs, flagsFor);
  const rows = [];
  for (const dumps of BACKLOGS) rows.push(await backlog(fresh(), dumps, flagsFor(fresh())));
  table(['backlog', 'dumps/s', 'event loop delay, ms: p99, worst', 'RSS, MiB: while, after'], rows);
  await scrapes(fresh, flagsFor);
}

async function startAndIdle(fresh, runs, flagsFor) {
  const ready = [];
  for (let run = 0; run <= runs; run++) {
    const exporter = await startExporter(fresh(), flagsFor(fresh()));
    if (run > 0) ready.push(exporter.readyMs);
    await exporter.stop();
  }
  const dumps = fresh();
  const exporter = await startExporter(dumps, flagsFor(fresh()));
  await sleep(IDLE_AFTER_MS);
  const beforeDump = rssMib(exporter.pid);
  dropCrash(dumps, 0);
  await until('it decoded', async () => (await exporter.value('hwerr_crashes_total')) === 1);
  await sleep(IDLE_AFTER_MS);
  const waitsBefore = waits(exporter.pid);
  const cpu = [];
  for (let minute = 0; minute < IDLE_MINUTES; minute++) {
    const before = cpuSeconds(exporter.pid);
    await sleep(60_000);
    cpu.push(digits(1000 * (cpuSeconds(exporter.pid) - before)));
  }
  const rows = [
    ['start to ready, ms', digits(median(ready))],
    [
      'idle: RSS, MiB: before the first dump, after it',
      `${digits(beforeDump)}, ${digits(rssMib(exporter.pid))}`,
    ],
    ['idle: CPU in each minute, ms', cpu.join(', ')],
    [
      'idle: threads woken in a minute',
      Math.round((waits(exporter.pid) - waitsBefore) / IDLE_MINUTES),
    ],
  ];
  await exporter.stop();
  table(['daemon', ''], rows);
}

/** From the moment that a dump is in its place to the scrape that shows it. */
async function latency(fresh, runs, flagsFor) {
  const dumps = fresh();
  const exporter = await startExporter(dumps, flagsFor(fresh()));
  const beyond = [];
  for (let run = 0; run <= runs; run++) {
    dropCrash(dumps, run);
    const dropped = performance.now();
    await until('it is visible', async () => {
      return (await exporter.value('hwerr_crashes_total')) === run + 1;
    });
    if (run > 0) beyond.push(performance.now() - dropped - SETTLE_MS);
  }
  await exporter.stop();
  table(
    ['from drop to visible, beyond the settle time', ''],
    [
      ['median, ms', digits(median(beyond))],
      ['worst, ms', digits(Math.max(...beyond))],
    ],
  );
}

async function backlog(dumps, count, flags) {
  for (let i = 0; i < count; i++) dropCrash(dumps, i);
  const exporter = await startExporter(dumps, flags, true);
  await exporter.inside(); // what starting took is no part of it
  let most = 0;
  let first, last;
  await until(
    'all are decoded',
    async () => {
      const text = await exporter.metrics();
      const decoded = valueIn(text, 'hwerr_dumps_decoded_total');
      if (decoded > 0) {
        most = Math.max(most, rssMib(exporter.pid));
        last = { decoded, at: performance.now() };
        first ??= last;
      }
      return decoded === count;
    },
    250,
  );
  await until('all are durable', async () => {
    return (await exporter.value('hwerr_crashes_total')) === count;
  });
  const { loopDelay } = await exporter.inside();
  const after = rssMib(exporter.pid);
  await exporter.stop();
  rmSync(dumps, { recursive: true });
  const rate = (last.decoded - first.decoded) / ((last.at - first.at) / 1000);
  return [
    count,
    digits(rate),
    `${digits(loopDelay.p99)}, ${digits(loopDelay.max)}`,
    `${digits(most)}, ${digits(after)}`,
  ];
}

/** One client that keeps its connection, as Prometheus does: latency; the same without a pause: RPS. */
async function scrapes(fresh, flagsFor) {
  const rows = [];
  for (const hosts of HOSTS) {
    const dumps = fresh();
    for (let i = 0; i < hosts; i++) dropCrash(dumps, i, `host-${i}`);
    const exporter = await startExporter(dumps, ['--mode=central', ...flagsFor(fresh())]);
    await until('all hosts are known', async () => {
      return JSON.parse((await fetched(`${exporter.url}/sd`)).body).length === hosts;
    });
    const paths = ['/metrics', `/probe?target=host-${hosts - 1}`, '/sd'];
    for (const path of paths) {
      rows.push([`${hosts} hosts: ${path}`, ...(await scraped(exporter.url + path))]);
    }
    await exporter.stop();
  }
  const node = await startNodeExporter();
  if (node !== undefined) {
    rows.push(['node_exporter: /metrics', ...(await scraped(`${node.url}/metrics`))]);
    await node.stop();
  }
  table(['scrape', 'p50, ms', 'p99, ms', 'a second', 'KiB'], rows);
}

/** @returns p50 and p99 in ms, requests a second, KiB. */
export async function scraped(url) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (let i = 0; i < 20; i++) await fetched(url, agent);
  const latencies = [];
  let bytes = 0;
  const end = performance.now() + SCRAPES_MS;
  while (performance.now() < end) {
    const started = performance.now();
    const { status, body } = await fetched(url, agent);
    latencies.push(performance.now() - started);
    if (status !== 200) throw new Error(`${url}: ${status} ${body}`);
    bytes = body.length;
  }
  agent.destroy();
  return [
    digits(percentile(latencies, 50)),
    digits(percentile(latencies, 99)),
    digits(latencies.length / (SCRAPES_MS / 1000)),
    digits(bytes / 1024),
  ];
}
