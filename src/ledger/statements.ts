// Work on a ledger as SQL statements, whose text is the same for SQLite and PostgreSQL. Work is a generator
// that yields statements and is resumed with their answers. The database's owner runs them: synchronously
// (store.ts), or over a connection (postgres.ts).

export type Value = string | number | null;
export type Row = Readonly<Record<string, Value>>;
/** Parameters of a statement, by position or by name. */
export type Values = readonly Value[] | Readonly<Record<string, Value>>;

/** One SQL statement. */
export interface Statement {
  /** Whether the caller needs its rows, or the number of changed rows. */
  readonly wants: 'rows' | 'changes';
  readonly sql: string;
  readonly values: Values;
}

/** The result of a statement. */
export interface Answer {
  readonly rows: readonly Row[];
  readonly changes: number;
}

/** Work on a ledger with a result of type T. Statements yielded together run in that order. */
export type Work<T> = Generator<readonly Statement[], T, readonly Answer[]>;

/** Returns a statement that reads rows. */
export function select(sql: string, values: Values = []): Statement {
  return { wants: 'rows', sql, values };
}

/** Returns a statement that writes. */
export function change(sql: string, values: Values = []): Statement {
  return { wants: 'changes', sql, values };
}

/** Returns the placeholders of a list: `?, ?`. */
export function placesFor(values: readonly Value[]): string {
  return values.map(() => '?').join(', ');
}

/** Runs independent statements together and returns the answer of each. */
export function* together(statements: readonly Statement[]): Work<readonly Answer[]> {
  return statements.length === 0 ? [] : yield statements;
}

/**
 * Runs pieces of work side by side: what they yield in one step is run together, in the order of the pieces.
 * No piece may depend on what another one changes.
 */
export function* sideBySide<T>(pieces: readonly Work<T>[]): Work<T[]> {
  const steps = pieces.map((work) => work.next());
  while (steps.some(({ done }) => done !== true)) {
    const statements = steps.flatMap((step) => (step.done === true ? [] : step.value));
    const answers = [...(yield* together(statements))];
    for (const [i, piece] of pieces.entries()) {
      const step = steps[i];
      if (step?.done === false) steps[i] = piece.next(answers.splice(0, step.value.length));
    }
  }
  return steps.map(({ value }) => value as T);
}

/** Runs a statement and returns its rows. */
export function* rows(sql: string, values: Values = []): Work<readonly Row[]> {
  return (yield [select(sql, values)])[0]?.rows ?? [];
}

/** Runs a statement and returns its first row, if there is one. */
export function* row(sql: string, values: Values = []): Work<Row | undefined> {
  return (yield* rows(sql, values))[0];
}

/** Runs a statement. @returns the number of changed rows. */
export function* run(sql: string, values: Values = []): Work<number> {
  return (yield [change(sql, values)])[0]?.changes ?? 0;
}
