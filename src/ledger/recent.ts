// How many of something came in a span of time that ends now. Memory is bounded by the span, not by
// how many there are: they are counted by slices of it.

const SLICES = 720;

/** Counts what came in the last `spanSeconds`. */
export class Recent {
  readonly #spanSeconds: number;
  readonly #sliceSeconds: number;
  readonly #bySlice = new Map<number, number>();

  /** @param spanSeconds exact to its 720th part: an hour in 30 days. */
  constructor(spanSeconds: number) {
    this.#spanSeconds = spanSeconds;
    this.#sliceSeconds = spanSeconds / SLICES;
  }

  /** @param seconds when it came, Unix seconds. */
  add(seconds: number): void {
    const slice = Math.floor(seconds / this.#sliceSeconds);
    this.#bySlice.set(slice, (this.#bySlice.get(slice) ?? 0) + 1);
    if (this.#bySlice.size > 2 * SLICES) this.#forget(slice - 2 * SLICES);
  }

  /** How many came in the span before `nowSeconds`, or later. */
  count(nowSeconds: number): number {
    const oldest = Math.floor((nowSeconds - this.#spanSeconds) / this.#sliceSeconds);
    let sum = 0;
    for (const [slice, count] of this.#bySlice) if (slice > oldest) sum += count;
    return sum;
  }

  #forget(oldest: number): void {
    for (const slice of this.#bySlice.keys()) if (slice < oldest) this.#bySlice.delete(slice);
  }
}
