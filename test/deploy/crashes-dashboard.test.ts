/**
 * The dashboard over a shared ledger, whose query is run as Grafana would, by a role that may read the views
 * alone. It lies apart from the others: without that data source it would show an error.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it, onTestFinished } from 'vitest';

import { openLedgerOf } from '../../dist/ledger/ledger.js';
import { PostgresEngine } from '../../dist/ledger/postgres-engine.js';
import { recordReport } from '../support/daemon/ledgers.ts';
import { memoryLog } from '../support/daemon/logger.ts';
import { CRASH_TIME, counted, crashReport } from '../support/dumps/crash-reports.ts';
import { postgresTool, startPostgres } from '../support/system/postgres.ts';
import { ROOT } from './processes.ts';

interface Dashboard {
  readonly uid: string;
  readonly templating: { readonly list: readonly { name: string; query: string }[] };
  readonly panels: readonly {
    readonly type: string;
    readonly datasource: object;
    readonly fieldConfig: { readonly overrides: readonly { matcher: { options: string } }[] };
    readonly targets: readonly { readonly datasource: object; readonly rawSql: string }[];
  }[];
}

const FILE = join(ROOT, 'deploy/grafana/with-postgresql/hwerr-crashes.json');
const { uid, templating, panels } = JSON.parse(readFileSync(FILE, 'utf8')) as Dashboard;
const [panel] = panels;
const sql = panel!.targets[0]!.rawSql;

it('the dashboard of crashes asks the chosen PostgreSQL, in one table', () => {
  expect(uid).toBe('hwerr-crashes');
  expect(templating.list.map(({ name, query }) => [name, query])).toEqual([
    ['datasource', 'grafana-postgresql-datasource'],
    ['host', ''],
  ]);
  expect([panels.length, panel!.type]).toEqual([1, 'table']);
  const chosen = { type: 'grafana-postgresql-datasource', uid: '${datasource}' };
  expect([panel!.datasource, panel!.targets[0]!.datasource]).toEqual([chosen, chosen]);
  for (const { matcher } of panel!.fieldConfig.overrides) {
    expect(sql).toContain(` AS "${matcher.options}"`);
  }
});

postgresTool.it('the dashboard of crashes shows those of the chosen time and host', async () => {
  const server = await startPostgres();
  onTestFinished(() => server.stop());
  const url = server.database();
  const options = {
    suspectWindowSeconds: 300,
    maxHosts: 1000,
    hostRule: { fallback: 'unknown', pattern: undefined },
    nowMs: () => (CRASH_TIME + 60) * 1000,
    log: memoryLog().log,
  };
  const ledger = await openLedgerOf(new PostgresEngine(url, options), options);
  onTestFinished(() => ledger.close());
  const hwerr = counted({ pci: [7, CRASH_TIME - 9], memory: [2, CRASH_TIME - 99] });
  await recordReport(ledger, crashReport({ nodename: 'a', bootId: 'a', hwerr }));
  await recordReport(ledger, crashReport({ nodename: 'b', bootId: 'b', hwerr: counted({}) }));
  const grants = 'GRANT SELECT ON crashes, crash_errors, failures TO grafana';
  server.sql(url, `CREATE ROLE grafana LOGIN; ${grants}`);
  const rows = (host: string, from = CRASH_TIME): string[] =>
    server
      .sql(url.replace('collector@', 'grafana@'), asked(host, from, CRASH_TIME + 3600))
      .map((row) => row.split('|').slice(2, 6).join('|'));
  const { kernelRelease } = crashReport();
  const [a, b] = [`a|${kernelRelease}|suspect|memory 2, pci 7`, `b|${kernelRelease}|clean|`];
  expect(rows('')).toEqual([b, a]);
  expect(rows('a')).toEqual([a]);
  expect(rows("a' OR 'a' = 'a")).toEqual([]);
  expect(rows('', CRASH_TIME + 61)).toEqual([]);
});

/** As Grafana asks. */
function asked(host: string, from: number, to: number): string {
  return sql
    .replaceAll('${host:sqlstring}', `'${host.replaceAll("'", "''")}'`)
    .replace(/\$__unixEpochFilter\((\w+)\)/g, `$1 >= ${from} AND $1 <= ${to}`);
}
