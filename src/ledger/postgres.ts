// The PostgreSQL database of a ledger, over a few connections; the only file that uses pg. Writing
// transactions exclude each other, as in SQLite, so that each collector sees what the others recorded; each
// piece of reading work sees one snapshot.

import { Pool, type PoolClient, type PoolConfig, type QueryResult } from 'pg';
import { parseIntoClientConfig } from 'pg-connection-string';
import { passwordInFile } from './passfile.ts';
import { type Parameters, postgresSchema, withNumbers } from './postgres-dialect.ts';
import { CLAIM_TABLE } from './postgres-claims.ts';
import { MIGRATIONS } from './schema.ts';
import type { Answer, Row, Statement, Work } from './statements.ts';
import { StoreError, type StoreProblem } from './store-error.ts';

/** Maximum number of connections per collector. */
const CONNECTIONS = 8;
const CONNECT_MS = 5000;
/** Time limit of a statement, enforced by the database; enough for a page over millions of crashes. */
const STATEMENT_MS = 8000;
/**
 * Time limit of an answer; longer than that of a statement, so that a slow statement does not count as
 * `away`.
 */
const ANSWER_MS = 10_000;
/** How long a collector that was stopped during a transaction can block the others. */
const IDLE_IN_TRANSACTION_MS = 5000;
/** How long a writer waits for the others before it makes sure that the database is there; less than ANSWER_MS. */
const LOCK_MS = 6000;
/** So often it waits: then the lock is not that of collectors, whose transactions have limits. */
const LOCK_TRIES = 5;
/** Settings of a single transaction: poolers refuse settings of a session, or pass them on to other clients. */
const LIMITS = `SET LOCAL statement_timeout = ${STATEMENT_MS};
  SET LOCAL idle_in_transaction_session_timeout = ${IDLE_IN_TRANSACTION_MS}`;
const BEGIN_READING = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; ${LIMITS}`;
/**
 * Writes are durable before others see them, so synchronous_commit is required. The advisory lock serializes
 * writers; its second number is derived from the schema of the ledger.
 */
const BEGIN_WRITING = `BEGIN; ${LIMITS}; SET LOCAL lock_timeout = ${LOCK_MS};
  SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off';
  SELECT pg_advisory_xact_lock(1752655218, hashtext(current_schema()));
  SET LOCAL lock_timeout = DEFAULT`;
/** SQLSTATE of a lock that was not given in time. */
const LOCK_NOT_AVAILABLE = '55P03';

/** Types of columns by OID (pg_type.dat); all others are read as text. */
const BOOLEAN = 16;
const NUMBERS: ReadonlySet<number> = new Set([20, 21, 23, 700, 701, 1700]);

/** The database of a shared ledger. */
export class Postgres {
  /** Name for messages, without user and password. */
  readonly name: string;
  readonly #url: string;
  /** undefined before its first use, and after a connection failed, so that certificates are read again. */
  #pool: Pool | undefined;
  #lockTries = LOCK_TRIES;

  /** @param url as libpq accepts it. */
  constructor(url: string) {
    this.name = nameOf(url);
    this.#url = url;
  }

  /** Runs reading work on one snapshot. @throws StoreError. */
  read<T>(work: Work<T>): Promise<T> {
    return this.#withClient(async (client) => {
      const [begun, result] = sentTogether(client, () => [
        client.query(BEGIN_READING),
        done(client, work),
      ]);
      begun.catch(() => undefined); // sent together with the work, and awaited after it
      const value = await result.catch(async (error: unknown) => {
        await begun;
        throw error;
      });
      await begun;
      await client.query('COMMIT');
      return value;
    });
  }

  /** Runs writing work, excluding other writers. @throws StoreError; nothing is committed then. */
  write<T>(work: Work<T>): Promise<T> {
    return this.#withClient(async (client) => {
      await this.#beginWriting(client);
      const value = await done(client, work);
      await client.query('COMMIT');
      return value;
    });
  }

  /** Runs each statement of the work in its own transaction. @throws StoreError. */
  do<T>(work: Work<T>): Promise<T> {
    return this.#withClient((client) => done(client, work));
  }

  /** Creates the tables, or migrates them to the newest version. @throws StoreError. */
  migrate(): Promise<void> {
    return this.#withClient(async (client) => {
      await this.#beginWriting(client);
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

  /** @throws StoreError if the tables are missing or of another version. */
  async requireCurrent(): Promise<void> {
    const version = await this.read(versionOf(this.name));
    if (version === MIGRATIONS.length) return;
    const problem = version > MIGRATIONS.length ? 'newer' : 'read_only';
    throw new StoreError(problem, `${this.name}: there is no ledger of this version`);
  }

  /** From now on, writing waits for other writers once only. */
  hurry(): void {
    this.#lockTries = 1;
  }

  async close(): Promise<void> {
    await this.#pool?.end();
  }

  /** Begins a transaction that excludes other writers. They may be many, so waiting for them is no problem of its own. */
  async #beginWriting(client: PoolClient): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await client.query(BEGIN_WRITING);
        return;
      } catch (error) {
        if (sqlState(error) !== LOCK_NOT_AVAILABLE || tries >= this.#lockTries) throw error;
        await client.query('ROLLBACK');
      }
    }
  }

  async #withClient<T>(use: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#connect();
    try {
      const result = await use(client);
      client.release();
      return result;
    } catch (error) {
      // The state of the connection is unknown. Closing it rolls back the transaction.
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
  // Errors of idle connections are ignored; an error during a statement also rejects the statement.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

function poolConfig(url: string): PoolConfig {
  // Without this parameter, `pg` interprets sslmode differently.
  const asLibpq = /[?&]uselibpqcompat=/.test(url)
    ? url
    : `${url}${url.includes('?') ? '&' : '?'}uselibpqcompat=true`;
  const given = parseIntoClientConfig(asLibpq);
  const password = [given.password, process.env['PGPASSWORD']].find((one) => one !== '');
  return {
    ...given,
    // pg calls it with the parameters of the connection, which its type does not show.
    password: password ?? (passwordInFile as never),
    application_name: 'hwerr-exporter',
    max: CONNECTIONS,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: ANSWER_MS,
    keepAlive: true,
    pipeline: true, // statements yielded together take one round trip
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

/** Returns the version of the schema; 0 if there is none. */
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

/** Sends everything that `send` writes in one packet, because each packet wakes the database. */
function sentTogether<T>({ connection: { stream } }: PoolClient, send: () => T): T {
  stream.cork();
  try {
    return send();
  } finally {
    stream.uncork();
  }
}

/** Runs work on a connection, with the statements of each step sent together. */
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

/** Problems by SQLSTATE (PostgreSQL manual, appendix A); two characters stand for a class. */
const PROBLEMS: ReadonlyMap<string, StoreProblem> = new Map<string, StoreProblem>([
  ['53100', 'full'],
  ['25006', 'read_only'], // a standby
  ['42501', 'read_only'], // no permission to write
  ['08', 'away'], // connection error
  ['28', 'away'], // login refused
  ['3D', 'away'], // no such database
  ['53', 'away'], // too many connections, or out of memory
  ['57014', 'io'], // statement timeout
  ['57', 'away'], // starting or shutting down
]);

function sqlState(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function problemOf(error: unknown): StoreProblem {
  const code = sqlState(error);
  // Errors without a SQLSTATE are network errors and timeouts.
  if (!/^[\dA-Z]{5}$/.test(code)) return 'away';
  return PROBLEMS.get(code) ?? PROBLEMS.get(code.slice(0, 2)) ?? 'io';
}
