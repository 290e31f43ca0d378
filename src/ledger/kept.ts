// What was read last of a ledger, by what was asked, for when it cannot be read.

/** What was read last under so many keys. */
export class Kept<T> {
  readonly #most: number;
  readonly #patienceMs: number | undefined;
  /** Those that were read last are at the end. */
  readonly #byKey = new Map<string, T>();
  readonly #reading = new Map<string, Promise<T>>();

  /** @param patienceMs how long whoever has an answer already waits for a newer one. */
  constructor(most: number, patienceMs?: number) {
    this.#most = most;
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
    this.#byKey.delete(key);
    if (value !== undefined) this.#byKey.set(key, value);
    const [oldest] = this.#byKey.keys();
    if (this.#byKey.size > this.#most && oldest !== undefined) this.#byKey.delete(oldest);
  }

  /** What is read now; where that fails or takes long, what was read before. @throws what `read` throws. */
  latest(key: string, read: () => Promise<T>): Promise<T> {
    // One at a time for each key: what is answered is never older than what was.
    const reading = this.#reading.get(key) ?? this.#read(key, read);
    if (!this.#byKey.has(key)) return reading;
    const known = this.get(key) as T;
    return new Promise((resolve) => {
      const patience =
        this.#patienceMs === undefined ? undefined : setTimeout(resolve, this.#patienceMs, known);
      const answer = (value: T): void => {
        clearTimeout(patience);
        resolve(value);
      };
      reading.then(answer, () => {
        answer(known);
      });
    });
  }

  #read(key: string, read: () => Promise<T>): Promise<T> {
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
