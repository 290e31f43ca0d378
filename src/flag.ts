// One setting of the program: its flag, its help, and how its values are parsed.

/** A row of the table of flags. */
export interface Flag<T = unknown> {
  readonly name: string;
  readonly help: string;
  /** Placeholder of the value in --help; undefined for a switch. */
  readonly placeholder: string | undefined;
  readonly defaultText: string | undefined;
  readonly repeatable: boolean;
  /**
   * @param texts the values in the order given; empty if there is neither a value nor a default.
   * @throws BadValue if a text is not valid.
   */
  readonly read: (texts: readonly string[]) => T;
}

/** The text of a flag is not valid. */
export class BadValue extends Error {
  constructor(got: string, { want, isSecret }: Pick<Reading<unknown>, 'want' | 'isSecret'>) {
    super(`got ${isSecret ? 'something else' : JSON.stringify(got)}, want ${want}`);
  }
}

/** How the text of a value is parsed. */
export interface Reading<T> {
  /** Returns undefined if the text is not valid. */
  readonly parse: (text: string) => T | undefined;
  /** Describes valid texts, for the error message. */
  readonly want: string;
  /** Keeps the text out of error messages, because it may contain a password. */
  readonly isSecret?: true;
}

function valueOf<T>(text: string, reading: Reading<T>): T {
  const value = reading.parse(text);
  if (value === undefined) throw new BadValue(text, reading);
  return value;
}

/** A flag that always has a value; if it is repeated, the last value is used. */
export function one<T>(
  name: string,
  placeholder: string,
  help: string,
  reading: Reading<T> & { readonly defaultText: string },
): Flag<T> {
  const read = (texts: readonly string[]): T => valueOf(texts.at(-1) ?? '', reading);
  return { name, help, placeholder, defaultText: reading.defaultText, repeatable: false, read };
}

/** A flag with one of the given values. */
export function oneOf<T extends string>(
  name: string,
  help: string,
  values: readonly T[],
  defaultText: T,
): Flag<T> {
  const parse = (text: string): T | undefined => values.find((value) => value === text);
  return one(name, values.join('|'), help, { defaultText, parse, want: values.join(' or ') });
}

/** A flag without a default. Its value is undefined if it is not given or empty. */
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

/** A repeatable flag; all its values are used. */
export function many<T>(
  name: string,
  placeholder: string,
  help: string,
  reading: Reading<T> & { readonly defaultText?: string; readonly atLeastOne?: true },
): Flag<readonly T[]> {
  const read = (texts: readonly string[]): readonly T[] => {
    // Without any value, fail as for an empty one.
    const wanted = texts.length === 0 && reading.atLeastOne ? [''] : texts;
    return wanted.map((text) => valueOf(text, reading));
  };
  return { name, help, placeholder, defaultText: reading.defaultText, repeatable: true, read };
}

/** A switch. Accepts true, false, 1 and 0; empty is false. */
export function toggle(name: string, help: string): Flag<boolean> {
  const parse = (text: string): boolean | undefined =>
    ['true', '1'].includes(text) || (['', 'false', '0'].includes(text) ? false : undefined);
  const reading = { parse, want: 'true or false' };
  const read = (texts: readonly string[]): boolean => valueOf(texts.at(-1) ?? '', reading);
  return { name, help, placeholder: undefined, defaultText: undefined, repeatable: false, read };
}
