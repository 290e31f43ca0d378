// An LRU cache of decompressed pages for one decode.

/** Decompressed pages by page frame number; evicts the least recently used. */
export class PageCache {
  readonly #pages = new Map<number, Uint8Array>();
  readonly #capacity: number;

  /** @param capacity maximum number of pages; at least one is kept. */
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
