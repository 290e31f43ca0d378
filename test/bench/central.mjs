/**
 * One month of a central collector, as fast as it can: hosts that it knows crash once more, their dumps
 * arrive and are pruned a week later, the collector is restarted now and then.
 */
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { DatabaseSync } from 'node:sqlite';
import { scraped } from './daemon.mjs';
import { dropCrash, fetched, rssMib, startExporter, until, valueIn } from './exporter.mjs';
import { digits, table } from './measure.mjs';

const DAYS = 30;
const KEPT_DAYS = 7;
const RESTART_DAYS = 10;
const SHOWN_DAYS = 2;
const SETTLE = '--kdump.settle=100ms';
const MIB = 2 ** 20;

/**
 * @param hosts each has crashed once before the month, and crashes once in it.
 * @param ledgerFlags what makes it keep its ledger in a directory.
 */
export async function central(directory, hosts, ledgerFlags) {
  const dumps = join(directory, 'central');
  const ledger = join(directory, 'central-ledger');
  mkdirSync(dumps);
  mkdirSync(ledger);
  const flags = ['--mode=central', SETTLE, ...ledgerFlags(ledger)];
  const perDay = Math.ceil(hosts / DAYS);
  let exporter = await startExporter(dumps, flags, true);
  let crashes = 0;
  let knownAtStart = 0;
  /** Dumps of the next crashes; the day is over when they are counted. */
  const day = async (count) => {
    const folders = [];
    for (; folders.length < count && crashes < 2 * hosts; crashes++) {
      folders.push(dropCrash(dumps, crashes, `host-${crashes % hosts}`));
    }
    await until(
      'they are counted',
      async () => {
        return (await exporter.value('hwerr_dumps_decoded_total')) === crashes - knownAtStart;
      },
      250,
    );
    return folders;
  };
  const kept = [];
  const rows = [];
  const show = async (name, seconds) => {
    const { liveBytes } = await exporter.inside();
    const bytes = sizeOf(ledger);
    const memory = [digits(liveBytes / MIB), digits(rssMib(exporter.pid))];
    rows.push([
      name,
      crashes,
      digits(seconds),
      ...memory,
      digits(bytes / MIB),
      digits(bytes / crashes),
    ]);
  };
  let started = performance.now();
  kept.push(await day(hosts));
  await show('before', (performance.now() - started) / 1000);
  for (let number = 1; number <= DAYS; number++) {
    started = performance.now();
    kept.push(await day(perDay));
    if (kept.length > KEPT_DAYS) {
      for (const folder of kept.shift()) rmSync(folder, { recursive: true });
    }
    if (number % SHOWN_DAYS === 0)
      await show(`day ${number}`, (performance.now() - started) / 1000);
    if (number % RESTART_DAYS === 0 && number < DAYS) {
      await exporter.stop(number % (2 * RESTART_DAYS) === 0 ? 'SIGKILL' : 'SIGTERM');
      exporter = await startExporter(dumps, flags, true);
      knownAtStart = crashes;
      await allCounted(exporter, hosts, crashes);
    }
  }
  await allCounted(exporter, hosts, crashes);
  const head = ['crashes', 's', 'live, MiB', 'RSS, MiB', 'ledger, MiB', 'bytes a crash'];
  table([`${hosts} hosts`, ...head], rows);
  const paths = ['/metrics', `/probe?target=host-${hosts - 1}`, '/sd'];
  const scrapes = [];
  for (const path of paths) scrapes.push([path, ...(await scraped(exporter.url + path))]);
  table([`scrape of ${hosts} hosts`, 'p50, ms', 'p99, ms', 'a second', 'KiB'], scrapes);
  await exporter.stop();
  table(
    ['ledger', 'MiB'],
    [
      ['as it is', digits(sizeOf(ledger) / MIB)],
      ['a compacted copy', digits(compacted(ledger, join(directory, 'compacted')) / MIB)],
    ],
  );
}

/** Asks for every host: a crash that is missing, or counted twice, is an error. */
async function allCounted(exporter, hosts, crashes) {
  const agent = new Agent({ keepAlive: true });
  let counted = 0;
  for (let host = 0; host < hosts; host++) {
    const { body } = await fetched(`${exporter.url}/probe?target=host-${host}`, agent);
    counted += valueIn(body, 'hwerr_crashes_total');
  }
  agent.destroy();
  if (counted !== crashes) throw new Error(`counted ${counted} crashes of ${crashes}`);
}

/** Bytes of a copy of the ledger that has no free pages. */
function compacted(ledger, copy) {
  mkdirSync(copy);
  const database = new DatabaseSync(join(ledger, 'ledger.db'));
  database.prepare('VACUUM INTO ?').run(join(copy, 'ledger.db'));
  database.close();
  return sizeOf(copy);
}

/** Blocks that the files of a directory take: those of a database have holes. */
function sizeOf(directory) {
  return readdirSync(directory)
    .map((name) => statSync(join(directory, name)).blocks * 512)
    .reduce((sum, size) => sum + size, 0);
}
