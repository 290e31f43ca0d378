// What was read last of a ledger, by what was asked, for when it cannot be read.

interface KeptOptions<T> {
  /** The sizes of all that is kept, in sum. */
  readonly most: number;
  /** Without it each counts as one. */
  readonly sizeOf?: (value: T) => number;
  /** How long whoever has an answer already waits for a newer one. */
  readonly patienceMs?: number;
}

/** What was read last under so many keys, or of such a size in sum. */
export class Kept<T> {
  readonly #most: number;
  readonly #sizeOf: (value: T) => number;
  readonly #patienceMs: number | undefined;
  #size = 0;
  /** Those that were read last are at the end. */
  readonly #byKey = new Map<string, T>();
  readonly #reading = new Map<string, Promise<T | undefined>>();

  constructor({ most, sizeOf = () => 1, patienceMs }: KeptOptions<T>) {
    this.#most = most;
    this.#sizeOf = sizeOf;
    this.#patienceMs = patienceMs;
  }

  has(key: string): boolean {
    return this.#byKey.has(key);
  }

  get(key: string): T | undefined {
    return this.#byKey.get(key);
  }

  /** @param value undefined: whoever asks for what is not there drives out nothing that is. */
  keep(key: string, value: T | undefined): void {
    this.#forget(key);
    if (value === undefined) return;
    const size = this.#sizeOf(value);
    if (size > this.#most) return;
    this.#byKey.set(key, value);
    this.#size += size;
    for (const [oldest] of this.#byKey) {
      if (this.#size <= this.#most) return;
      this.#forget(oldest);
    }
  }

  #forget(key: string): void {
    const value = this.#byKey.get(key);
    if (value === undefined) return;
    this.#byKey.delete(key);
    this.#size -= this.#sizeOf(value);
  }

  /** What is read now; where that fails or takes long, what was read before. @throws what `read` throws. */
  latest<R extends T | undefined>(key: string, read: () => Promise<R>): Promise<R> {
    // One at a time for each key: what is answered is never older than what was.
    const reading = (this.#reading.get(key) as Promise<R> | undefined) ?? this.#read(key, read);
    if (!this.#byKey.has(key)) return reading;
    const known = this.get(key) as R;
    return new Promise((resolve) => {
      const patience =
        this.#patienceMs === undefined ? undefined : setTimeout(resolve, this.#patienceMs, known);
      const answer = (value: R): void => {
        clearTimeout(patience);
        resolve(value);
      };
      reading.then(answer, () => {
        answer(known);
      });
    });
  }

  #read<R extends T | undefined>(key: string, read: () => Promise<R>): Promise<R> {
    const reading = read()
      .then((value) => {
        this.keep(key, value);
        return value;
      })
      .finally(() => this.#reading.delete(key));
    this.#reading.set(key, reading);
    return reading;
  }
}
