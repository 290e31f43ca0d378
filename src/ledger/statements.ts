// What is done with a ledger, as SQL statements whose text is the same for SQLite and for PostgreSQL. Such
// work is a generator: it yields statements and goes on with their answers. Whoever has the database runs
// them, at once (store.ts) or as the answers come over a connection (postgres.ts).

export type Value = string | number | null;
export type Row = Readonly<Record<string, Value>>;
/** Of the parameters of a statement: in their order, or by their names. */
export type Values = readonly Value[] | Readonly<Record<string, Value>>;

/** One statement of a piece of work. */
export interface Statement {
  /** Whether its rows are wanted, or how many it changed. */
  readonly wants: 'rows' | 'changes';
  readonly sql: string;
  readonly values: Values;
}

/** What came of a statement. */
export interface Answer {
  readonly rows: readonly Row[];
  readonly changes: number;
}

/** Work on a ledger that comes to a `T`. What it yields together is run in that order. */
export type Work<T> = Generator<readonly Statement[], T, readonly Answer[]>;

/** A statement for its rows. */
export function select(sql: string, values: Values = []): Statement {
  return { wants: 'rows', sql, values };
}

/** A statement that writes. */
export function change(sql: string, values: Values = []): Statement {
  return { wants: 'changes', sql, values };
}

/** What each of the statements gives: none of them waits for the answer of another. */
export function* together(statements: readonly Statement[]): Work<readonly Answer[]> {
  return statements.length === 0 ? [] : yield statements;
}

/** Every row that the statement gives. */
export function* rows(sql: string, values: Values = []): Work<readonly Row[]> {
  return (yield [select(sql, values)])[0]?.rows ?? [];
}

/** The first row, if there is one. */
export function* row(sql: string, values: Values = []): Work<Row | undefined> {
  return (yield* rows(sql, values))[0];
}

/** @returns how many rows it changed. */
export function* run(sql: string, values: Values = []): Work<number> {
  return (yield [change(sql, values)])[0]?.changes ?? 0;
}
