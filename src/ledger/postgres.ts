// A ledger's PostgreSQL database, over a few connections: the only file that knows pg. Every transaction
// that writes has the ledger for itself, as in SQLite, so what one collector recorded the next one sees;
// every piece of work that reads sees one moment.

import { Pool, type PoolClient, type PoolConfig, type QueryResult } from 'pg';
import { parseIntoClientConfig } from 'pg-connection-string';
import { passwordInFile } from './passfile.ts';
import { type Parameters, postgresSchema, withNumbers } from './postgres-dialect.ts';
import { CLAIM_TABLE } from './postgres-claims.ts';
import { MIGRATIONS } from './schema.ts';
import type { Answer, Row, Statement, Work } from './statements.ts';
import { StoreError, type StoreProblem } from './store-error.ts';

/** At a time, of one collector. */
const CONNECTIONS = 8;
const CONNECT_MS = 5000;
/** How long a statement may take: a page over millions of crashes. Then the database gives up on it. */
const STATEMENT_MS = 8000;
/** How long an answer may take; longer than a statement: a database that answers is not away. */
const ANSWER_MS = 10_000;
/** How long a collector that was stopped within a transaction may keep the others waiting. */
const IDLE_IN_TRANSACTION_MS = 5000;
/** Settings of one transaction: a pooler refuses those of a session, or hands them to others. */
const LIMITS = `SET LOCAL statement_timeout = ${STATEMENT_MS};
  SET LOCAL idle_in_transaction_session_timeout = ${IDLE_IN_TRANSACTION_MS}`;
const BEGIN_READING = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; ${LIMITS}`;
/**
 * What is shown is durable: others see a transaction only after it is. The advisory lock is that of those
 * who write; its second number is the schema that the ledger is in.
 */
const BEGIN_WRITING = `BEGIN; ${LIMITS};
  SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off';
  SELECT pg_advisory_xact_lock(1752655218, hashtext(current_schema()))`;

/** Types of columns by their OID (pg_type.dat); all others are text. */
const BOOLEAN = 16;
const NUMBERS: ReadonlySet<number> = new Set([20, 21, 23, 700, 701, 1700]);

/** The database of a shared ledger. */
export class Postgres {
  /** Names it in messages: no user, no password. */
  readonly name: string;
  readonly #url: string;
  /** None before it is used, and after a connection could not be made: its certificates are read anew. */
  #pool: Pool | undefined;

  /** @param url as libpq takes it. */
  constructor(url: string) {
    this.name = nameOf(url);
    this.#url = url;
  }

  /** Do work that only reads, as of one moment. @throws StoreError. */
  read<T>(work: Work<T>): Promise<T> {
    return this.#transaction(BEGIN_READING, work);
  }

  /** Do work that writes while nobody else does. @throws StoreError: nothing of it is in the ledger then. */
  write<T>(work: Work<T>): Promise<T> {
    return this.#transaction(BEGIN_WRITING, work);
  }

  /** Do work that takes part in no transaction but that of each of its statements. @throws StoreError. */
  do<T>(work: Work<T>): Promise<T> {
    return this.#withClient((client) => done(client, work));
  }

  /** Make the tables, or bring them to the newest version. @throws StoreError. */
  migrate(): Promise<void> {
    return this.#withClient(async (client) => {
      await client.query(BEGIN_WRITING);
      const version = await done(client, versionOf(this.name));
      if (version > MIGRATIONS.length) {
        const text = `has schema ${version}, this version of hwerr-exporter knows up to ${MIGRATIONS.length}`;
        throw new StoreError('newer', `${this.name}: ${text}`);
      }
      for (const step of MIGRATIONS.slice(version)) await client.query(postgresSchema(step));
      if (version === 0) await client.query(CLAIM_TABLE);
      if (version < MIGRATIONS.length) {
        await client.query(
          `INSERT INTO meta VALUES ('schema', $1) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
          [String(MIGRATIONS.length)],
        );
      }
      await client.query('COMMIT');
    });
  }

  /** @throws StoreError when the tables are missing, or are not those of this version. */
  async requireCurrent(): Promise<void> {
    const version = await this.read(versionOf(this.name));
    if (version === MIGRATIONS.length) return;
    const problem = version > MIGRATIONS.length ? 'newer' : 'read_only';
    throw new StoreError(problem, `${this.name}: there is no ledger of this version`);
  }

  async close(): Promise<void> {
    await this.#pool?.end();
  }

  #transaction<T>(begin: string, work: Work<T>): Promise<T> {
    return this.#withClient(async (client) => {
      const [begun, came] = sentTogether(client, () => [client.query(begin), done(client, work)]);
      begun.catch(() => undefined); // it is awaited when the work, sent along with it, came to its end
      const result = await came.catch(async (error: unknown) => {
        await begun;
        throw error;
      });
      await begun;
      await client.query('COMMIT');
      return result;
    });
  }

  async #withClient<T>(use: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#connect();
    try {
      const result = await use(client);
      client.release();
      return result;
    } catch (error) {
      // Nobody knows what state it is in. The server takes back what it did.
      client.release(true);
      throw this.#problem(error);
    }
  }

  async #connect(): Promise<PoolClient> {
    let pool: Pool | undefined;
    try {
      pool = this.#pool ??= newPool(this.#url);
      return await pool.connect();
    } catch (error) {
      if (pool !== undefined && this.#pool === pool) {
        this.#pool = undefined;
        pool.end().catch(() => undefined);
      }
      throw this.#problem(error);
    }
  }

  #problem(error: unknown): StoreError {
    if (error instanceof StoreError) return error;
    const message = error instanceof Error ? error.message || 'no answer' : String(error);
    return new StoreError(problemOf(error), `${this.name}: ${message}`, error);
  }
}

function newPool(url: string): Pool {
  const pool = new Pool(poolConfig(url));
  // Connections that nobody uses, or that failed under a statement, which fails with them.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

function poolConfig(url: string): PoolConfig {
  // Without it `pg` has meanings of its own for sslmode.
  const asLibpq = /[?&]uselibpqcompat=/.test(url)
    ? url
    : `${url}${url.includes('?') ? '&' : '?'}uselibpqcompat=true`;
  const given = parseIntoClientConfig(asLibpq);
  const password = [given.password, process.env['PGPASSWORD']].find((one) => one !== '');
  return {
    ...given,
    // It is called with the connection that it is for, which its type does not say.
    password: password ?? (passwordInFile as never),
    application_name: 'hwerr-exporter',
    max: CONNECTIONS,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: ANSWER_MS,
    keepAlive: true,
    pipeline: true, // statements that were yielded together take one round trip
    types: { getTypeParser: parserOf as never },
  };
}

function parserOf(oid: number): (text: string) => string | number {
  if (NUMBERS.has(oid)) return Number;
  return oid === BOOLEAN ? (text) => (text === 't' ? 1 : 0) : String;
}

function nameOf(url: string): string {
  try {
    const { hostname, port, pathname, searchParams } = new URL(url);
    const host = hostname || (searchParams.get('host') ?? '');
    return `postgres://${host}${port === '' ? '' : `:${port}`}${pathname}`;
  } catch {
    return 'postgres';
  }
}

/** The version of the schema; 0: there is none. */
function* versionOf(name: string): Work<number> {
  const [found] = yield [
    { wants: 'rows', sql: `SELECT to_regclass('meta') IS NOT NULL AS found`, values: [] },
  ];
  if (found?.rows[0]?.['found'] !== 1) return 0;
  const [meta] = yield [
    { wants: 'rows', sql: `SELECT value FROM meta WHERE key = 'schema'`, values: [] },
  ];
  const version = Number(meta?.rows[0]?.['value']);
  if (version > 0) return version;
  throw new StoreError('damaged', `${name}: its table meta does not say what schema it has`);
}

/** In one packet what `send` sends at once: each of them wakes the database. */
function sentTogether<T>({ connection: { stream } }: PoolClient, send: () => T): T {
  stream.cork();
  try {
    return send();
  } finally {
    stream.uncork();
  }
}

/** Runs work on a connection, a statement or some at a time. */
async function done<T>(client: PoolClient, work: Work<T>): Promise<T> {
  let step = work.next();
  while (step.done !== true) step = work.next(await answers(client, step.value));
  return step.value;
}

async function answers(
  client: PoolClient,
  statements: readonly Statement[],
): Promise<readonly Answer[]> {
  const settled = await Promise.allSettled(
    sentTogether(client, () =>
      statements.map(({ sql, values }) => query(client, withNumbers(sql, values))),
    ),
  );
  return settled.map((one) => {
    if (one.status === 'rejected') throw one.reason;
    return { rows: one.value.rows as Row[], changes: one.value.rowCount ?? 0 };
  });
}

function query(client: PoolClient, { sql, values }: Parameters): Promise<QueryResult> {
  return client.query(sql, [...values]);
}

/** By SQLSTATE (appendix A of PostgreSQL's manual), its first two characters for a class. */
const PROBLEMS: ReadonlyMap<string, StoreProblem> = new Map<string, StoreProblem>([
  ['53100', 'full'],
  ['25006', 'read_only'], // a standby
  ['42501', 'read_only'], // no right to write
  ['08', 'away'], // the connection
  ['28', 'away'], // it does not let us in
  ['3D', 'away'], // no such database
  ['53', 'away'], // too many connections, no memory
  ['57014', 'io'], // it gave up on a statement
  ['57', 'away'], // it starts, or shuts down
]);

function problemOf(error: unknown): StoreProblem {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  // What has no SQLSTATE is of the network, or a time that ran out.
  if (!/^[\dA-Z]{5}$/.test(code)) return 'away';
  return PROBLEMS.get(code) ?? PROBLEMS.get(code.slice(0, 2)) ?? 'io';
}
