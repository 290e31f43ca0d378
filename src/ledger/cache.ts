// A cache of the last answers read from a ledger, for the time when it cannot be read.

interface CacheOptions<T> {
  /** Maximum total size of the cached values. */
  readonly maxSize: number;
  /** Default: each value counts as 1. */
  readonly sizeOf?: (value: T) => number;
  /** How long a caller with a cached answer waits for a newer one. */
  readonly maxWaitMs?: number;
}

/** Caches the last values read, up to a total size. */
export class Cache<T> {
  readonly #maxSize: number;
  readonly #sizeOf: (value: T) => number;
  readonly #maxWaitMs: number | undefined;
  #size = 0;
  /** The most recently read values are at the end. */
  readonly #byKey = new Map<string, T>();
  readonly #reading = new Map<string, Promise<T | undefined>>();

  constructor({ maxSize, sizeOf = () => 1, maxWaitMs }: CacheOptions<T>) {
    this.#maxSize = maxSize;
    this.#sizeOf = sizeOf;
    this.#maxWaitMs = maxWaitMs;
  }

  has(key: string): boolean {
    return this.#byKey.has(key);
  }

  get(key: string): T | undefined {
    return this.#byKey.get(key);
  }

  /** @param value undefined removes the key: absent values take no space from others. */
  set(key: string, value: T | undefined): void {
    this.#forget(key);
    if (value === undefined) return;
    const size = this.#sizeOf(value);
    if (size > this.#maxSize) return;
    this.#byKey.set(key, value);
    this.#size += size;
    for (const [oldest] of this.#byKey) {
      if (this.#size <= this.#maxSize) return;
      this.#forget(oldest);
    }
  }

  #forget(key: string): void {
    const value = this.#byKey.get(key);
    if (value === undefined) return;
    this.#byKey.delete(key);
    this.#size -= this.#sizeOf(value);
  }

  /**
   * Returns what `read` gives; if it fails or takes long, the cached value, if any.
   *
   * @throws what `read` throws.
   */
  latest<R extends T | undefined>(key: string, read: () => Promise<R>): Promise<R> {
    // One read at a time per key, so that answers never get older.
    const reading = (this.#reading.get(key) as Promise<R> | undefined) ?? this.#read(key, read);
    if (!this.#byKey.has(key)) return reading;
    const known = this.get(key) as R;
    return new Promise((resolve) => {
      const timeout =
        this.#maxWaitMs === undefined ? undefined : setTimeout(resolve, this.#maxWaitMs, known);
      const answer = (value: R): void => {
        clearTimeout(timeout);
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
        this.set(key, value);
        return value;
      })
      .finally(() => this.#reading.delete(key));
    this.#reading.set(key, reading);
    return reading;
  }
}
