/**
 * A collector over a ledger of many hosts, three crashes each. The database is given, empty or from a run
 * before: --database=postgres://…, or the directory of one in SQLite; its rows are copies of one real crash.
 */
import { mkdirSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { performance } from 'node:perf_hooks';
import pg from 'pg';
import {
  cpuSeconds,
  dropCrash,
  fetched,
  rssMib,
  startExporter,
  until,
  valueIn,
} from './exporter.mjs';
import { digits, table } from './measure.mjs';

const CRASHES_EACH = 3;
const PROBES = 1000;
const AT_A_TIME = 8;
const DAY_SECONDS = 86_400;

/** Tables that have a row or more for each crash, and how a copy of that of the first crash is made. */
const COPIES = [
  [
    'crash',
    [
      ...['sequence', 'id', 'boot_id', 'nodename', 'host', 'crash_seconds', 'ordered_seconds'],
      ...['verdict', 'signature', 'kernel_release', 'hardware'],
    ],
  ],
  ['crash_vmcoreinfo', ['crash', 'boot_id']],
  ['crash_file', ['crash', 'path']],
  ['crash_error', ['crash', 'host']],
  ['crash_logged', ['crash', 'host']],
];

export async function shared(directory, hosts, database) {
  const dumps = join(directory, 'shared');
  mkdirSync(dumps);
  const flags = [
    '--mode=central',
    isShared(database) ? `--ledger.url=${database}` : `--ledger.path=${database}`,
    `--central.max-hosts=${hosts}`,
    '--kdump.settle=100ms',
  ];
  const first = await startExporter(dumps, flags);
  dropCrash(dumps, 0, 'host-0');
  await until('the crash is recorded', async () => (await first.value('hwerr_hosts_tracked')) > 0);
  // Of a run before, on the same database.
  const isFilled = (await first.value('hwerr_hosts_tracked')) === hosts;
  await first.stop();
  if (!isFilled) await fill(database, hosts);
  const exporter = await startExporter(dumps, flags);
  const atStart = rssMib(exporter.pid);
  const rows = [['start', `${digits(exporter.readyMs / 1000)} s`]];
  const probe = (host) => `${exporter.url}/probe?target=host-${host}`;
  await until('the first pass is over', async () => {
    const { body } = await fetched(probe(2));
    return valueIn(body, 'hwerr_crashes_total') === CRASHES_EACH;
  });
  const one = await spans(exporter, 1, probe, hosts);
  const many = await spans(exporter, AT_A_TIME, probe, hosts);
  rows.push(
    ['`/probe`, one at a time', figures(one)],
    [`\`/probe\`, ${AT_A_TIME} at a time`, figures(many)],
    ['CPU of the collector, for each', `${digits(many.cpuMs)} ms`],
  );
  for (const path of [
    '/sd',
    '/',
    '/crashes?host=host-77',
    '/crashes?verdict=suspect',
    '/signatures',
  ]) {
    const { body, ms } = await timed(exporter.url + path);
    rows.push([`\`${path}\``, `${digits(ms)} ms, ${Math.ceil(body.length / 1024)} KiB`]);
  }
  rows.push([
    'memory: ready; after all that',
    `${digits(atStart)}; ${digits(rssMib(exporter.pid))} MiB`,
  ]);
  await exporter.stop();
  console.log(`${hosts} hosts, ${CRASHES_EACH * hosts} crashes:\n`);
  table(['what', 'measured'], rows);
}

function figures({ p50, p99, perSecond }) {
  return `median ${digits(p50)} ms, p99 ${digits(p99)} ms; ${Math.round(perSecond)} a second`;
}

function isShared(database) {
  return /^postgres(ql)?:/.test(database);
}

/** Copies of the first crash, of host-0 to host-N in turn, an hour or so apart. */
async function fill(database, hosts) {
  const { columns, run, close } = await (isShared(database) ? postgres : sqlite)(database);
  const series = (from, to) => `(WITH RECURSIVE series (s) AS (SELECT ${from} UNION ALL
    SELECT s + 1 FROM series WHERE s < ${to}) SELECT s FROM series) AS series`;
  await run(`INSERT INTO host SELECT s + 1, 'host-' || s FROM ${series(1, hosts - 1)}`);
  const made = {
    sequence: 's',
    crash: 's',
    id: "'copy-' || s",
    boot_id: `'boot-' || s`,
    nodename: `'host-' || (s % ${hosts})`,
    host: `'host-' || (s % ${hosts})`,
    crash_seconds: `crash_seconds - (s % ${30 * DAY_SECONDS})`,
    ordered_seconds: `ordered_seconds - (s % ${30 * DAY_SECONDS})`,
    path: `'/export/crash/' || s || '/vmcore'`,
    // As they are found by: their reports all say the same.
    verdict: `CASE WHEN s % 50 = 0 THEN 'suspect' ELSE 'clean' END`,
    signature: `CASE WHEN s % 5 < 3 THEN 'signature-' || (s % 503) END`,
    kernel_release: `'7.3.' || (s % 20)`,
    hardware: `CASE WHEN s % 11 > 0 THEN 'Model ' || (s % 40) END`,
  };
  for (const [name, own] of COPIES) {
    const values = (await columns(name)).map((column) =>
      own.includes(column) ? made[column] : column,
    );
    await run(
      `INSERT INTO ${name} SELECT ${values.join(', ')} FROM ${name}, ${series(2, CRASHES_EACH * hosts)}`,
    );
  }
  await close();
}

async function postgres(url) {
  const client = new pg.Client(url);
  await client.connect();
  // Copies of rows that are right: to check their references takes longer than to write them.
  await client.query('SET session_replication_role = replica');
  return {
    columns: async (table) =>
      (await client.query(`SELECT * FROM ${table} LIMIT 0`)).fields.map(({ name }) => name),
    run: (sql) => client.query(sql),
    close: async () => {
      await client.query('VACUUM ANALYZE');
      await client.end();
    },
  };
}

function sqlite(directory) {
  const database = new DatabaseSync(join(directory, 'ledger.db'));
  return {
    columns: (table) =>
      database
        .prepare(`SELECT * FROM ${table} LIMIT 0`)
        .columns()
        .map(({ name }) => name),
    run: (sql) => database.exec(sql),
    close: () => database.close(),
  };
}

async function spans({ pid }, atATime, urlOf, hosts) {
  const agent = new Agent({ keepAlive: true, maxSockets: atATime });
  const times = [];
  let left = PROBES;
  const cpu = cpuSeconds(pid);
  const start = performance.now();
  const ask = async () => {
    while (left-- > 0) {
      const from = performance.now();
      // The first two have another number of crashes.
      const host = 2 + Math.floor(Math.random() * (hosts - 2));
      const { status, body } = await fetched(urlOf(host), agent);
      times.push(performance.now() - from);
      if (status !== 200 || valueIn(body, 'hwerr_crashes_total') !== CRASHES_EACH) {
        throw new Error(`${status}: ${body}`);
      }
    }
  };
  await Promise.all(Array.from({ length: atATime }, ask));
  const seconds = (performance.now() - start) / 1000;
  agent.destroy();
  times.sort((a, b) => a - b);
  const at = (part) => times[Math.floor(part * times.length)];
  const cpuMs = ((cpuSeconds(pid) - cpu) * 1000) / PROBES;
  return { p50: at(0.5), p99: at(0.99), perSecond: PROBES / seconds, cpuMs };
}

async function timed(url) {
  await fetched(url);
  const start = performance.now();
  const { body } = await fetched(url);
  return { body, ms: performance.now() - start };
}
