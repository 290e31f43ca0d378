/**
 * One month of a central collector, as fast as it can: hosts crash, their dumps arrive and are pruned
 * a week later, the collector is restarted now and then.
 */
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { dropCrash, fetched, rssMib, startExporter, until } from './exporter.mjs';
import { digits, table } from './measure.mjs';

const DAYS = 30;
const KEPT_DAYS = 7;
const RESTART_DAYS = 10;
const SHOWN_DAYS = 5;
const SETTLE = '--kdump.settle=100ms';

/**
 * @param hosts each crashes once, so that the hosts it knows are the crashes it has counted.
 * @param ledgerFlags what makes it keep its ledger in a directory; none where it keeps none.
 */
export async function central(directory, hosts, ledgerFlags) {
  const dumps = join(directory, 'central');
  const ledger = join(directory, 'central-ledger');
  mkdirSync(dumps);
  mkdirSync(ledger);
  const flags = ['--mode=central', SETTLE, ...ledgerFlags(ledger)];
  const survives = ledgerFlags(ledger).length > 0;
  const perDay = Math.ceil(hosts / DAYS);
  const folders = [];
  const rows = [];
  let exporter = await startExporter(dumps, flags);
  let crashes = 0;
  for (let day = 1; day <= DAYS; day++) {
    const started = performance.now();
    const today = [];
    for (; today.length < perDay && crashes < hosts; crashes++) {
      today.push(dropCrash(dumps, crashes, `host-${crashes}`));
    }
    folders.push(today);
    await until(`day ${day} is over`, async () => (await known(exporter)) === crashes, 250);
    const seconds = (performance.now() - started) / 1000;
    if (folders.length > KEPT_DAYS) {
      for (const folder of folders.shift()) rmSync(folder, { recursive: true });
    }
    if (day % SHOWN_DAYS === 0) {
      const size = sizeOf(ledger);
      rows.push([
        `day ${day}`,
        crashes,
        digits(seconds),
        digits(rssMib(exporter.pid)),
        survives ? digits(size / 2 ** 20) : '–',
        survives ? digits(size / crashes) : '–',
      ]);
    }
    if (survives && day % RESTART_DAYS === 0 && day < DAYS) {
      await exporter.stop(day % (2 * RESTART_DAYS) === 0 ? 'SIGKILL' : 'SIGTERM');
      exporter = await startExporter(dumps, flags);
      const after = await known(exporter);
      if (after !== crashes) throw new Error(`knew ${crashes} hosts, after a restart ${after}`);
    }
  }
  await exporter.stop();
  const head = ['crashes', 's a day', 'RSS, MiB', 'ledger, MiB', 'bytes a crash'];
  table([`${hosts} hosts`, ...head], rows);
}

/** How many hosts it knows; too many would be a mistake of its own. */
async function known(exporter) {
  return JSON.parse((await fetched(`${exporter.url}/sd`)).body).length;
}

/** Blocks that the files of a directory take: those of a database have holes. */
function sizeOf(directory) {
  return readdirSync(directory)
    .map((name) => statSync(join(directory, name)).blocks * 512)
    .reduce((sum, size) => sum + size, 0);
}
