// One setting of the program: its flag, what it means, and how the texts given for it are read.

/** A row of the table. */
export interface Flag<T = unknown> {
  readonly name: string;
  readonly help: string;
  /** Placeholder of the value in --help; undefined for a switch. */
  readonly placeholder: string | undefined;
  readonly defaultText: string | undefined;
  readonly repeatable: boolean;
  /**
   * @param texts as given, the last one last; empty: there is no default either.
   * @throws BadValue when a text cannot be what was meant.
   */
  readonly read: (texts: readonly string[]) => T;
}

/** A text that cannot be what was meant. */
export class BadValue extends Error {
  constructor(got: string, { want, isSecret }: Pick<Reading<unknown>, 'want' | 'isSecret'>) {
    super(`got ${isSecret ? 'something else' : JSON.stringify(got)}, want ${want}`);
  }
}

/** How the text of a value is read. */
export interface Reading<T> {
  /** undefined: the text cannot be what was meant. */
  readonly parse: (text: string) => T | undefined;
  /** What is wanted, in words. */
  readonly want: string;
  /** What cannot be meant is not repeated: it may hold a password. */
  readonly isSecret?: true;
}

function valueOf<T>(text: string, reading: Reading<T>): T {
  const value = reading.parse(text);
  if (value === undefined) throw new BadValue(text, reading);
  return value;
}

/** A flag that always has a value; the last one given counts. */
export function one<T>(
  name: string,
  placeholder: string,
  help: string,
  reading: Reading<T> & { readonly defaultText: string },
): Flag<T> {
  const read = (texts: readonly string[]): T => valueOf(texts.at(-1) ?? '', reading);
  return { name, help, placeholder, defaultText: reading.defaultText, repeatable: false, read };
}

export function oneOf<T extends string>(
  name: string,
  help: string,
  values: readonly T[],
  defaultText: T,
): Flag<T> {
  const parse = (text: string): T | undefined => values.find((value) => value === text);
  return one(name, values.join('|'), help, { defaultText, parse, want: values.join(' or ') });
}

/** A flag without a default; an empty text is as good as none. */
export function optional<T>(
  name: string,
  placeholder: string,
  help: string,
  reading: Reading<T>,
): Flag<T | undefined> {
  const read = (texts: readonly string[]): T | undefined => {
    const text = texts.at(-1) ?? '';
    return text === '' ? undefined : valueOf(text, reading);
  };
  return { name, help, placeholder, defaultText: undefined, repeatable: false, read };
}

/** A repeatable flag: every value given counts. */
export function many<T>(
  name: string,
  placeholder: string,
  help: string,
  reading: Reading<T> & { readonly defaultText?: string; readonly atLeastOne?: true },
): Flag<readonly T[]> {
  const read = (texts: readonly string[]): readonly T[] => {
    // An empty list is as wrong as an empty text.
    const wanted = texts.length === 0 && reading.atLeastOne ? [''] : texts;
    return wanted.map((text) => valueOf(text, reading));
  };
  return { name, help, placeholder, defaultText: reading.defaultText, repeatable: true, read };
}

export function toggle(name: string, help: string): Flag<boolean> {
  const parse = (text: string): boolean | undefined =>
    ['true', '1'].includes(text) || (['', 'false', '0'].includes(text) ? false : undefined);
  const reading = { parse, want: 'true or false' };
  const read = (texts: readonly string[]): boolean => valueOf(texts.at(-1) ?? '', reading);
  return { name, help, placeholder: undefined, defaultText: undefined, repeatable: false, read };
}
