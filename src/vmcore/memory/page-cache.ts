// Decompressed pages kept while one dump is decoded, oldest use first out.

/** Decompressed pages by page frame number; where it is full, the one not used for longest goes. */
export class PageCache {
  readonly #pages = new Map<number, Uint8Array>();
  readonly #capacity: number;

  /** @param capacity how many pages to keep, at least one. */
  constructor(capacity: number) {
    this.#capacity = Math.max(1, capacity);
  }

  get(pfn: number): Uint8Array | undefined {
    const page = this.#pages.get(pfn);
    if (page !== undefined) {
      this.#pages.delete(pfn);
      this.#pages.set(pfn, page);
    }
    return page;
  }

  set(pfn: number, page: Uint8Array): void {
    if (this.#pages.size >= this.#capacity) {
      for (const oldest of this.#pages.keys()) {
        this.#pages.delete(oldest);
        break;
      }
    }
    this.#pages.set(pfn, page);
  }
}
